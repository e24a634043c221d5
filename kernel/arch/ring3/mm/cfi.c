// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a file say how to unwind the code that returns from signal handlers?
 *
 * Unwinders in a process look for that in .eh_frame, and only if there is
 * nothing do they read the code's bytes. So where a C library has described its
 * rt_sigreturn, as glibc does, it may be replaced. The description is found in
 * the file by its section, since static programs have no other table of it. All
 * that is read is a user's: nothing in it does more than say yes or no.
 */
#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "rewrite.h"

#define MAX_HEADERS	256
#define MAX_EH_FRAME	(16 << 20)
#define RECORD		24		/* bytes of a record that are looked at */
#define PCREL_SDATA4	0x1b

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

/* "zRS": of signal frames, and addresses are four bytes, relative. */
static bool signal_cie(const u8 *rec)
{
	return rec[8] == 1 && !memcmp(rec + 9, "zRS", 4) && rec[13] < 0x80 && rec[14] < 0x80 &&
	       rec[16] == 1 && rec[17] == PCREL_SDATA4;
}

/* Goes through the records, a page of the section at a time. */
static bool search(struct file *file, const struct elf64_shdr *sh, u64 start, u64 end, u8 *page)
{
	u64 pos = 0, cie = U64_MAX, from = 0, have = 0;
	u32 len, id, range;
	s32 begin;

	while (pos + 8 <= sh->sh_size && !fatal_signal_pending(current)) {
		const u8 *rec;

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
			return false;
		if (!id) {
			cie = signal_cie(rec) ? pos : U64_MAX;
		} else if (pos + 4 - id == cie) {
			u64 first;

			memcpy(&begin, rec + 8, 4);
			memcpy(&range, rec + 12, 4);
			first = sh->sh_addr + pos + 8 + begin;
			/* An unwinder asks for the byte before a return address. */
			if (start - 1 >= first && end <= first + range)
				return true;
		}
		pos += 4 + (u64)len;
	}
	return false;
}

/**
 * r3_cfi_signal_frame - is code described as the end of a signal handler?
 * @file: that it is mapped from
 * @off: of the code, in the file
 * @len: bytes
 *
 * May sleep.
 */
bool r3_cfi_signal_frame(struct file *file, u64 off, unsigned int len)
{
	struct elf64_shdr sh;
	struct elf64_hdr eh;
	bool found = false;
	u64 start;
	u8 *page;

	if (!get(file, 0, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_phentsize != sizeof(struct elf64_phdr) ||
	    eh.e_shentsize != sizeof(sh))
		return false;
	if (!address_of(file, &eh, off, &start) || !find_section(file, &eh, &sh))
		return false;
	page = (u8 *)__get_free_page(GFP_KERNEL);
	if (page)
		found = search(file, &sh, start, start + len, page);
	free_page((unsigned long)page);
	return found;
}
