/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests: which pages spaces may have mapped, as their managers were told and
 * have acknowledged. A page that goes back to the allocator while one of them
 * may have it is a BUG: mm/debug_spaces.c.
 */
#ifndef _ASM_RING3_DEBUG_SPACES_H
#define _ASM_RING3_DEBUG_SPACES_H

#include <linux/types.h>

struct r3_space;

#ifdef CONFIG_RING3_DEBUG_SPACES
#include <linux/spinlock.h>
#include <linux/xarray.h>

struct r3_debug_space {
	raw_spinlock_t lock;
	struct xarray mapped;		/* page number -> frame, after all commands so far */
	struct xarray leaving;		/* frames, until the commands so far are acknowledged */
	unsigned long nr_leaving;
	bool dropped;			/* the last of them unmaps everything */
	bool unsure;			/* one failed, and that was not acknowledged since */
	bool gone;			/* the process has ended */
};

void r3_debug_init(void);
void r3_debug_space_begin(struct r3_space *space);
void r3_debug_space_cmd(struct r3_space *space, u32 op, unsigned long addr, unsigned long len,
			unsigned long off);
void r3_debug_space_acked(struct r3_space *space, bool failed);
void r3_debug_space_gone(struct r3_space *space);
#else
struct r3_debug_space { };

static inline void r3_debug_init(void)
{
}

static inline void r3_debug_space_begin(struct r3_space *space)
{
}

static inline void r3_debug_space_cmd(struct r3_space *space, u32 op, unsigned long addr,
				      unsigned long len, unsigned long off)
{
}

static inline void r3_debug_space_acked(struct r3_space *space, bool failed)
{
}

static inline void r3_debug_space_gone(struct r3_space *space)
{
}
#endif
#endif
