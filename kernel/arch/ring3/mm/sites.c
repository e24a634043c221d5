// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rewritten system calls one by one: what they looked like, what stands there
 * instead, and what user code is told when it meets them. See rewrite.c.
 */
#include <linux/sched.h>
#include <linux/nospec.h>
#include <asm/ptrace.h>
#include "rewrite.h"

/*
 * Could the five bytes be the end of an instruction with a 32-bit immediate
 * and an 8-bit displacement of 0xb8, and no MOV?
 */
static bool ends_other(const u8 *mov)
{
	static const u8 imm32[] = { 0xc7, 0x81, 0x69, 0xf7 };
	unsigned int i;

	if ((mov[-1] & 0xf0) == 0x40)	/* REX: another register */
		return true;
	for (i = 0; i < sizeof(imm32); i++) {
		if (mov[-2] == imm32[i] && (mov[-1] & 0xc0) == 0x40)
			return true;
		if (mov[-3] == imm32[i] && (mov[-2] & 0xc7) == 0x44)
			return true;
	}
	return false;
}

/* What stands before end, in the page, where a system call nr was just made. */
bool r3_site_decode(const u8 *code, unsigned int end, long nr, struct site *s)
{
	if (end < 2 || code[end - 2] != 0x0f || code[end - 1] != 0x05)
		return false;
	s->end = end;
	if (end + 6 <= PAGE_SIZE && code[end] == 0x48 && code[end + 1] == 0x3d) {
		s->kind = TAIL;
		s->start = end - 2;
		memcpy(&s->value, code + end + 2, 4);
		return true;
	}
	if (end < 16)
		return false;
	s->kind = HEAD;
	memcpy(&s->value, code + end - 6, 4);
	if (s->value != nr)
		return false;
	if (code[end - 9] == 0x48 && code[end - 8] == 0xc7 && code[end - 7] == 0xc0) {
		s->start = end - 9;
		return true;
	}
	s->start = end - 7;
	return code[end - 7] == 0xb8 && !ends_other(code + end - 7);
}

void r3_site_patch(u8 *code, unsigned int index)
{
	struct site *s = &r3_sites[index];
	u8 *p = code + s->start;
	u32 entry = R3_SITE_TABLE + index * 8;

	if (s->kind == HEAD) {
		/* Segment prefixes without a meaning here. */
		while (p + JUMP_SIZE < code + s->end)
			*p++ = 0x3e;
	}
	*p++ = 0xff;		/* jmp *entry */
	*p++ = 0x24;
	*p++ = s->kind == HEAD ? 0x25 : 0xe5;
	memcpy(p, &entry, 4);
}

/* As the compare would have it. */
static void compare(struct pt_regs *regs, long value)
{
	const unsigned long status = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF |
				     X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF;
	unsigned long flags;

	asm("cmp %2, %1\n\tpushf\n\tpop %0" : "=r" (flags) : "r" (regs->ax), "r" (value) : "cc");
	regs->flags = (regs->flags & ~status) | (flags & status);
	regs->ip += 6;
}

/**
 * r3_rewrite_enter - registers of a system call that came through a trampoline
 * @regs: as the stub has saved them
 * @index: the site, as user code says
 *
 * Returns the site, or NULL if this mm has no such call.
 */
const struct site *r3_rewrite_enter(struct pt_regs *regs, u32 index)
{
	struct r3_rewrite *w = current->mm->context.rewrite;
	struct site *s = &r3_sites[array_index_nospec(index % R3_MAX_SITES, R3_MAX_SITES)];
	unsigned long rec = w ? READ_ONCE(w->rec[s->group]) : 0;

	if (unlikely(!rec || !s->end))
		return NULL;
	regs->ip = (rec & PAGE_MASK) + s->end;
	regs->cx = regs->ip;
	regs->r11 = regs->flags;
	if (s->kind == HEAD)
		regs->ax = (long)s->value;
	return s;
}

/* The system call is done; user code goes on behind the compare. */
void r3_rewrite_leave(struct pt_regs *regs, const struct site *s)
{
	if (s->kind == TAIL && offset_in_page(regs->ip) == s->end &&
	    likely(regs->ip == regs->cx)) {
		compare(regs, s->value);
		regs->cx = regs->ip;
	}
}

/* The site in whose middle user code is: at what was HEAD's system call, or
 * behind TAIL's. */
static struct site *site_at(struct mm_struct *mm, unsigned long ip)
{
	struct r3_rewrite *w = mm->context.rewrite;
	unsigned int i, j, off = offset_in_page(ip);

	for (i = 0; w && i < r3_groups_end; i++) {
		if (!w->rec[i] || (w->rec[i] & PAGE_MASK) != (ip & PAGE_MASK))
			continue;
		for (j = 0; j < r3_groups[i]->nr; j++) {
			struct site *s = &r3_sites[r3_groups[i]->site[j]];

			if (off == (s->kind == TAIL ? s->end : s->end - 2))
				return s;
		}
	}
	return NULL;
}

/**
 * r3_rewrite_trap - user code may be in the middle of what was replaced
 * @regs: its registers; changed if it is
 *
 * Returns 0 if this is not so, 1 if it can go on, 2 if it is at the system
 * call instruction, and ip is behind that.
 */
int r3_rewrite_trap(struct pt_regs *regs)
{
	struct site *s = site_at(current->mm, regs->ip);

	if (!s)
		return 0;
	if (s->kind == TAIL) {
		compare(regs, s->value);
		return 1;
	}
	regs->ip += 2;
	return 2;
}

/* A system call is done, and user code will be sent elsewhere first. */
void r3_rewrite_settle(struct pt_regs *regs)
{
	struct site *s = regs->cx == regs->ip ? site_at(current->mm, regs->ip) : NULL;

	if (s && s->kind == TAIL)
		compare(regs, s->value);
}

/* Is the fault at addr, in the site table, one of a rewritten system call? */
bool r3_rewrite_wants_table(struct pt_regs *regs, unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct r3_rewrite *w = mm->context.rewrite;
	unsigned int i;

	if (addr < R3_SITE_TABLE || addr >= R3_SITE_TABLE_END || !w || !r3_rewrite_possible(mm))
		return false;
	if (regs->ip >= R3_STUB_TRAMP && regs->ip < R3_STUB_POSTED)
		return true;
	for (i = 0; i < r3_groups_end; i++) {
		if (w->rec[i] && (w->rec[i] & PAGE_MASK) == (regs->ip & PAGE_MASK))
			return true;
	}
	return false;
}
