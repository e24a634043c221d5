/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by rewrite.c, which makes the copies of code, and sites.c, which knows
 * the system calls in them; cfi.c knows what unwinders know. */
#ifndef _RING3_MM_REWRITE_H
#define _RING3_MM_REWRITE_H

#include <linux/mm.h>
#include <asm/rewrite.h>
#include <asm/space.h>
#include <asm/host.h>

#define NR_GROUPS	384
#define NR_VERSIONS	16
#define GROUP_SITES	96
#define NR_SEEN		64
#define SEEN_WAYS	4
#define JUMP_SIZE	7
#define TIMES_SEEN	2

enum kind { HEAD, TAIL };

struct site {
	u16 group;
	u16 start;		/* of what is replaced, in the page */
	u16 end;		/* behind the syscall instruction */
	u8 kind;
	s32 value;		/* HEAD: the number, TAIL: what is compared */
};

/* A page of code with its sites. */
struct group {
	struct page *page;
	struct page *original;	/* its content when it was first copied */
	unsigned int id;
	unsigned int nr;
	unsigned int cur;	/* version for new mappings */
	bool stale;		/* the page has changed since */
	u16 site[GROUP_SITES];
	struct {
		struct page *page;
		atomic_t users;	/* address spaces */
	} ver[NR_VERSIONS];
};

/* rec: where the mm maps the group's page, and in the lower bits which version. */
struct r3_rewrite {
	unsigned long rec[NR_GROUPS];
	struct {
		unsigned long ip;
		unsigned long times;
	} seen[NR_SEEN];
};

extern struct site r3_sites[R3_MAX_SITES];
extern struct group *r3_groups[NR_GROUPS];
extern unsigned int r3_groups_end;	/* no higher one was ever used */
extern void *r3_site_table;		/* NULL: no rewriting */

static inline bool r3_rewrite_possible(struct mm_struct *mm)
{
	return r3_site_table && !mm->context.no_rewrite;
}

bool r3_site_decode(const u8 *code, unsigned int end, long nr, struct site *s);
void r3_site_patch(u8 *code, unsigned int index);
bool r3_cfi_signal_frame(struct file *file, u64 off, unsigned int len);

#endif
