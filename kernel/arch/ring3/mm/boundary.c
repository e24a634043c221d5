// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands where a system call was made, and where do instructions begin?
 * Bytes that look like a MOV before the call may be the end of another
 * instruction, and then must stay: 8d b8 27 00 00 00, which is LEA 39(%rax), %edi,
 * ends like MOV $39, %eax.
 *
 * It is decided with x86's own decoder (arch/x86/lib/insn.c) from the page alone.
 * That the system call is an instruction is known: it was executed.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/bitmap.h>
#include <asm/insn.h>
#include "copies.h"

#define LONGEST	15

/**
 * r3_site_decode - what stands before end, where a system call was just made
 * @code: the page
 * @end: behind the syscall instruction, in the page
 * @nr: its number
 * @s: all but end is set
 */
bool r3_site_decode(const u8 *code, unsigned int end, long nr, struct r3_site *s)
{
	if (end < 2 || code[end - 2] != 0x0f || code[end - 1] != 0x05)
		return false;
	if (end + 6 <= PAGE_SIZE && code[end] == 0x48 && code[end + 1] == 0x3d) {
		s->kind = R3_SITE_TAIL;
		s->before = 2;
		memcpy(&s->value, code + end + 2, 4);
		return true;
	}
	if (end < SITE_SIZE_MAX)
		return false;
	s->kind = R3_SITE_HEAD;
	s->wide = false;
	memcpy(&s->value, code + end - 6, 4);
	if (s->value != nr)
		return false;
	if (code[end - 9] == 0x48 && code[end - 8] == 0xc7 && code[end - 7] == 0xc0) {
		s->before = 9;
		s->wide = true;
		return end >= LONGEST + 9;
	}
	s->before = 7;
	return end >= LONGEST + 7 && code[end - 7] == 0xb8;
}

/* Decodes the instruction at from. Returns its length, or 0 if there is none before limit. */
static unsigned int decode(struct insn *insn, const u8 *page, unsigned int from, unsigned int limit)
{
	u8 code[LONGEST + 1] = { };
	unsigned int n = min_t(unsigned int, LONGEST, limit - from);

	memcpy(code, page + from, n);
	return insn_decode(insn, code, n, INSN_MODE_64) < 0 ? 0 : insn->length;
}

static unsigned int length(const u8 *page, unsigned int from, unsigned int limit)
{
	struct insn insn;

	return decode(&insn, page, from, limit);
}

/* Is what follows the instruction never executed after it? */
static bool ends(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[0], op2 = insn->opcode.bytes[1];

	switch (op) {
	case 0x0f:		/* SYSRET, UD, SYSEXIT */
		return op2 == 0x07 || op2 == 0x0b || op2 == 0x35 || op2 == 0xb9 || op2 == 0xff;
	case 0xff:		/* JMP */
		return X86_MODRM_REG(insn->modrm.value) == 4 || X86_MODRM_REG(insn->modrm.value) == 5;
	case 0xc2 ... 0xc3:	/* RET */
	case 0xca ... 0xcb:
	case 0xcf:		/* IRET */
	case 0xe9 ... 0xeb:	/* JMP */
	case 0xf4:		/* HLT */
		return true;
	}
	return false;
}

static bool is_branch(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[0], op2 = insn->opcode.bytes[1];

	return (op >= 0x70 && op <= 0x7f) || (op >= 0xe0 && op <= 0xe3) || op == 0xe9 || op == 0xeb ||
	       (op == 0x0f && op2 >= 0x80 && op2 <= 0x8f);
}

/**
 * r3_boundary_certain - is there only one way to come to a system call?
 * @page: the code
 * @start: where its MOV would begin, not before LONGEST
 * @end: behind the system call
 *
 * Looks for an instruction that begins before start, reaches beyond it, and is
 * followed by others up to the system call or ends there itself.
 */
bool r3_boundary_certain(const u8 *page, unsigned int start, unsigned int end)
{
	unsigned int call = end - 2, from, at;
	u32 leads = 0;	/* bit i: decoding from start + i meets the system call */

	if (start < LONGEST || call - start >= 32)
		return false;
	leads |= 1U << (call - start);
	for (at = call - 1; at > start; at--) {
		unsigned int next = at + length(page, at, end);

		if (next > at && next <= call && (leads & (1U << (next - start))))
			leads |= 1U << (at - start);
	}
	for (from = start - LONGEST + 1; from < start; from++) {
		unsigned int next = from + length(page, from, end);

		if (next > start && next <= call && (leads & (1U << (next - start))))
			return false;
	}
	return true;
}

/**
 * r3_boundary_reached - does decoding meet the MOV and then the system call?
 * @code: a function, from its start to the end of the system call
 * @start: of the MOV
 * @end: behind the system call
 * @targets: a bit for each byte of the code, all 0
 *
 * Behind a jump or a return there may be anything: decoding goes on where a branch
 * that was met before leads to.
 */
bool r3_boundary_reached(const u8 *code, unsigned int start, unsigned int end, unsigned long *targets)
{
	unsigned int at = 0, len;
	struct insn insn;
	bool met = false;

	while (at < end - 2) {
		met |= at == start;
		len = decode(&insn, code, at, end);
		if (!len)
			return false;
		at += len;
		if (is_branch(&insn)) {
			long to = (long)at + insn.immediate.value;

			if (to >= at && to < end)
				__set_bit(to, targets);
		}
		if (ends(&insn))
			at = find_next_bit(targets, end, at);
	}
	return met && at == end - 2;
}
