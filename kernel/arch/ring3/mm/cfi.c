// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file's .eh_frame says of a piece of its code: where its function begins,
 * and whether it is the return from a signal handler. Unwinders in a process look
 * for that there, and only if there is nothing do they read the code's bytes.
 *
 * The section is read, since static programs have no other table of it. All
 * that is read is a user's, and decides only for address spaces that have made
 * the call in question.
 *
 * Without it: signal and return 1.7 to 4.3 times as long, creating a thread 1.1 to 1.6 (docs/benchmarks.md).
 */
#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "copies.h"

#define MAX_HEADERS	256
#define MAX_EH_FRAME	(1 << 20)	/* a larger one is not read, so its calls stay as they are; */
#define MAX_RECORDS	(16 << 10)	/* nor are more of its records: the reader waits meanwhile */
#define RECORD		24		/* bytes of a record that are looked at */
#define PCREL_SDATA4	0x1b
#define NR_CIES		32
#define NEAR_MAX	128

/* Common records that are understood: "zR", and "zRS" of signal frames. */
struct cies {
	unsigned int nr;
	struct {
		u64 pos;
		bool signal;
	} cie[NR_CIES];
};

static bool get(struct file *file, loff_t pos, void *to, size_t len)
{
	return pos >= 0 && kernel_read(file, to, len, &pos) == len;
}

/* The address that the file wants for what is at an offset in it. */
static bool address_of(struct file *file, const struct elf64_hdr *eh, u64 off, u64 *addr)
{
	struct elf64_phdr ph;
	unsigned int i;

	for (i = 0; i < eh->e_phnum && i < MAX_HEADERS; i++) {
		if (!get(file, eh->e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			return false;
		if (ph.p_type == PT_LOAD && off >= ph.p_offset && off - ph.p_offset < ph.p_filesz) {
			*addr = ph.p_vaddr + (off - ph.p_offset);
			return true;
		}
	}
	return false;
}

static bool find_section(struct file *file, const struct elf64_hdr *eh, struct elf64_shdr *sh)
{
	static const char want[] = ".eh_frame";
	struct elf64_shdr names;
	char name[sizeof(want)];
	unsigned int i;

	if (!get(file, eh->e_shoff + eh->e_shstrndx * sizeof(names), &names, sizeof(names)))
		return false;
	for (i = 0; i < eh->e_shnum && i < MAX_HEADERS; i++) {
		if (!get(file, eh->e_shoff + i * sizeof(*sh), sh, sizeof(*sh)))
			return false;
		if ((sh->sh_flags & SHF_ALLOC) && sh->sh_type != SHT_NOBITS &&
		    get(file, names.sh_offset + sh->sh_name, name, sizeof(name)) &&
		    !memcmp(name, want, sizeof(want)))
			return sh->sh_size <= MAX_EH_FRAME;
	}
	return false;
}

/* Addresses are four bytes, relative. */
static void note_cie(struct cies *c, const u8 *rec, u64 pos)
{
	bool signal = !memcmp(rec + 9, "zRS", 4);
	const u8 *p = rec + (signal ? 13 : 12);

	if (rec[8] != 1 || (!signal && memcmp(rec + 9, "zR", 3)) || p[0] >= 0x80 || p[1] >= 0x80 ||
	    p[3] != 1 || p[4] != PCREL_SDATA4 || c->nr == NR_CIES)
		return;
	c->cie[c->nr].pos = pos;
	c->cie[c->nr++].signal = signal;
}

/* Goes through the records, a page of the section at a time. */
static bool search(struct file *file, const struct elf64_shdr *sh, struct cies *c, u8 *page,
		   u64 start, u64 end, u64 *at, struct r3_cfi *cfi)
{
	u64 pos = 0, from = 0, have = 0, first, near = 0, near_first = 0;
	unsigned int i, records = 0;
	u32 len, id, range;
	s32 begin;

	while (pos + 8 <= sh->sh_size) {
		const u8 *rec;

		if (records++ == MAX_RECORDS || fatal_signal_pending(current))
			return false;
		if (pos + RECORD > from + have) {
			u64 left = sh->sh_size - pos;

			from = pos;
			have = min_t(u64, left, PAGE_SIZE);
			memset(page, 0, PAGE_SIZE);
			if (!get(file, sh->sh_offset + pos, page, have))
				return false;
			/* The last record may be shorter; zeros stand behind it. */
			if (have == left)
				have = PAGE_SIZE;
			cond_resched();
		}
		rec = page + (pos - from);
		memcpy(&len, rec, 4);
		memcpy(&id, rec + 4, 4);
		if (!len || len == U32_MAX)
			break;
		if (!id)
			note_cie(c, rec, pos);
		for (i = 0; id && i < c->nr; i++) {
			if (pos + 4 - id != c->cie[i].pos)
				continue;
			memcpy(&begin, rec + 8, 4);
			memcpy(&range, rec + 12, 4);
			first = sh->sh_addr + pos + 8 + begin;
			if (first <= start && first + range > near) {
				near = first + range;
				near_first = first;
			}
			/* Of a return from a handler an unwinder asks for the byte before. */
			if (start - c->cie[i].signal < first || end > first + range)
				continue;
			cfi->signal = c->cie[i].signal;
			*at = first;
			return true;
		}
		pos += 4 + (u64)len;
	}
	cfi->signal = false;
	*at = near_first;
	/* What an unwinder must not enter, as in clone(), is left out of its function. */
	return near && (near > start || start - near <= NEAR_MAX);
}

/**
 * r3_cfi_find - the function that code is in, or one that ends closely before it
 * @file: that it is mapped from
 * @off: of the code, in the file
 * @len: bytes
 * @cfi: is filled
 *
 * Returns false if the file says nothing that is understood. May sleep.
 */
bool r3_cfi_find(struct file *file, u64 off, unsigned int len, struct r3_cfi *cfi)
{
	struct elf64_shdr sh;
	struct elf64_hdr eh;
	struct cies *cies;
	u64 start, at;
	bool found = false;
	u8 *page;

	if (!get(file, 0, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_phentsize != sizeof(struct elf64_phdr) ||
	    eh.e_shentsize != sizeof(sh))
		return false;
	if (!address_of(file, &eh, off, &start) || !find_section(file, &eh, &sh))
		return false;
	page = (u8 *)__get_free_page(GFP_KERNEL);
	cies = kzalloc(sizeof(*cies), GFP_KERNEL);
	if (page && cies)
		found = search(file, &sh, cies, page, start, start + len, &at, cfi);
	kfree(cies);
	free_page((unsigned long)page);
	if (found)
		cfi->start = off - (start - at);
	return found;
}
