// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel text that is patched while other vCPUs run it, by the functions that x86's
 * own files call for that.
 *
 * Text is written through the direct map, in the order that running code allows: a
 * breakpoint first, then the tail, then the first byte, all vCPUs brought in step
 * between. Who meets a breakpoint goes on as if the new instruction were there:
 * r3_text_trap(), in the host's signal handler, so wherever kernel code may be.
 */
#include <linux/atomic.h>
#include <linux/bsearch.h>
#include <linux/lockdep.h>
#include <linux/memory.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/host.h>
#include <asm/insn.h>
#include <asm/nops.h>
#include <asm/page.h>
#include <asm/sections.h>
#include <asm/sigcontext.h>
#include <asm/text.h>
#include <asm/versions.h>

#include <asm/text-patching.h>

#define BATCH	128

/* An instruction that takes another's place. Addresses differ in their lower half only. */
struct patch {
	u32 at;
	s32 disp;		/* from at to where it leads */
	u8 len;
	u8 opcode;		/* CALL_INSN_OPCODE, RET_INSN_OPCODE, or else it only leads there */
	u8 insn[POKE_MAX_OPCODE_SIZE];
};

static struct patch batch[BATCH];	/* by address */
static unsigned int batched;
/*
 * Odd while the batch is not changed and its breakpoints may be met. Who reads it sees
 * by this that it was one and the same all the while: docs/port/model/patch.pml.
 */
static u32 batches;

const unsigned char * const x86_nops[ASM_NOP_MAX + 1] = {
	NULL,
	(const u8 []){ BYTES_NOP1 }, (const u8 []){ BYTES_NOP2 }, (const u8 []){ BYTES_NOP3 },
	(const u8 []){ BYTES_NOP4 }, (const u8 []){ BYTES_NOP5 }, (const u8 []){ BYTES_NOP6 },
	(const u8 []){ BYTES_NOP7 }, (const u8 []){ BYTES_NOP8 },
#if ASM_NOP_MAX > 8
	(const u8 []){ BYTES_NOP9 }, (const u8 []){ BYTES_NOP10 }, (const u8 []){ BYTES_NOP11 },
#endif
};

/* Modules are mapped writable. */
static u8 *writable(const void *addr)
{
	unsigned long a = (unsigned long)addr;

	return a >= R3_IMAGE_BASE && a < R3_MODULES_BASE ? __va(__pa(addr)) : (u8 *)a;
}

void *text_poke(void *addr, const void *opcode, size_t len)
{
	memcpy(writable(addr), opcode, len);
	return addr;
}

void text_poke_early(void *addr, const void *opcode, size_t len)
{
	text_poke(addr, opcode, len);
}

void *text_poke_copy_locked(void *addr, const void *opcode, size_t len, bool core_ok)
{
	if (WARN_ON_ONCE(!core_ok && core_kernel_text((unsigned long)addr)))
		return NULL;
	return text_poke(addr, opcode, len);
}

void *text_poke_copy(void *addr, const void *opcode, size_t len)
{
	return text_poke_copy_locked(addr, opcode, len, false);
}

void *text_poke_set(void *addr, int c, size_t len)
{
	if (WARN_ON_ONCE(core_kernel_text((unsigned long)addr)))
		return NULL;
	memset(writable(addr), c, len);
	return addr;
}

void text_poke_sync(void)
{
	r3_host_membarrier();
}

static void *text_of(const struct patch *p)
{
	return (void *)(R3_IMAGE_BASE >> 32 << 32 | p->at);
}

void text_poke_finish(void)
{
	unsigned int i;

	lockdep_assert_held(&text_mutex);
	if (!batched)
		return;
	smp_store_release(&batches, batches + 1);
	smp_wmb();		/* before the breakpoints */
	for (i = 0; i < batched; i++)
		WRITE_ONCE(*writable(text_of(&batch[i])), INT3_INSN_OPCODE);
	r3_host_membarrier();
	for (i = 0; i < batched; i++)
		memcpy(writable(text_of(&batch[i])) + 1, batch[i].insn + 1, batch[i].len - 1);
	r3_host_membarrier();
	for (i = 0; i < batched; i++)
		WRITE_ONCE(*writable(text_of(&batch[i])), batch[i].insn[0]);
	r3_host_membarrier();
	smp_store_release(&batches, batches + 1);
	batched = 0;
}

static void describe(struct patch *p, void *addr, const u8 *insn, size_t len, const u8 *emulate)
{
	BUG_ON(len < 1 || len > POKE_MAX_OPCODE_SIZE ||
	       (unsigned long)addr >> 32 != R3_IMAGE_BASE >> 32);
	memcpy(p->insn, insn, len);
	p->at = (unsigned long)addr;
	p->len = len;
	p->opcode = emulate[0];
	switch (p->opcode) {
	case CALL_INSN_OPCODE:
	case JMP32_INSN_OPCODE:
		p->disp = *(s32 *)(emulate + 1) + CALL_INSN_SIZE;
		break;
	case JMP8_INSN_OPCODE:
		p->disp = *(s8 *)(emulate + 1) + JMP8_INSN_SIZE;
		break;
	case RET_INSN_OPCODE:
		break;
	default:
		BUG_ON(memcmp(emulate, x86_nops[len], len));
		p->disp = len;
	}
}

/* emulate: what a vCPU that comes by meanwhile does, if that is not insn. */
void text_poke_queue(void *addr, const void *insn, size_t len, const void *emulate)
{
	lockdep_assert_held(&text_mutex);
	if (batched == BATCH || (batched && batch[batched - 1].at >= (u32)(unsigned long)addr))
		text_poke_finish();
	describe(&batch[batched], addr, insn, len, emulate ?: insn);
	batched++;
}

void text_poke_bp(void *addr, const void *insn, size_t len, const void *emulate)
{
	text_poke_queue(addr, insn, len, emulate);
	text_poke_finish();
}

static noinstr bool find(u32 at, struct patch *found)
{
	unsigned int from = 0, to = min(READ_ONCE(batched), (unsigned int)BATCH);

	while (from < to) {
		unsigned int mid = (from + to) / 2;
		u32 here = READ_ONCE(batch[mid].at);

		if (here == at) {
			found->disp = READ_ONCE(batch[mid].disp);
			found->opcode = READ_ONCE(batch[mid].opcode);
			return true;
		}
		if (here < at)
			from = mid + 1;
		else
			to = mid;
	}
	return false;
}

/**
 * r3_text_trap - kernel code ran into a breakpoint
 * @sc: its registers
 *
 * Returns false if it is none of ours.
 */
noinstr bool r3_text_trap(struct sigcontext *sc)
{
	unsigned long ip = sc->ip - INT3_INSN_SIZE;
	struct patch p;
	u32 began;

	do {
		bool ours;

		began = smp_load_acquire(&batches);
		ours = (began & 1) && find(ip, &p);
		smp_rmb();
		if (ours && READ_ONCE(batches) == began) {
			switch (p.opcode) {
			case CALL_INSN_OPCODE:
				sc->sp -= sizeof(long);
				*(unsigned long *)sc->sp = ip + CALL_INSN_SIZE;
				break;
			case RET_INSN_OPCODE:
				sc->ip = *(unsigned long *)sc->sp;
				sc->sp += sizeof(long);
				return true;
			}
			sc->ip = ip + p.disp;
			return true;
		}
		/* Patched meanwhile: what is there now is an instruction. */
		if (!ours && *(volatile u8 *)ip != INT3_INSN_OPCODE) {
			sc->ip = ip;
			return true;
		}
		smp_rmb();
	} while (READ_ONCE(batches) != began);
	return false;
}

/**
 * text_poke_apply_relocation - make code that is copied elsewhere refer to what it did
 * @buf: the copy
 * @instr: where it will run
 * @instrlen: its length
 * @repl: where it was
 * @repl_len: the same length
 *
 * References within the code stay as they are.
 */
void text_poke_apply_relocation(u8 *buf, const u8 * const instr, size_t instrlen,
				u8 *repl, size_t repl_len)
{
	unsigned int at, next;
	struct insn insn;

	for (at = 0; at < instrlen; at = next) {
		s32 *disp = NULL;
		u8 *to;

		if (WARN_ON_ONCE(insn_decode_kernel(&insn, buf + at)))
			return;
		next = at + insn.length;
		if (insn.opcode.nbytes == 1 && (insn.opcode.bytes[0] == CALL_INSN_OPCODE ||
						insn.opcode.bytes[0] == JMP32_INSN_OPCODE))
			disp = (s32 *)(buf + at + insn_offset_immediate(&insn));
		else if (insn_rip_relative(&insn))
			disp = (s32 *)(buf + at + insn_offset_displacement(&insn));
		if (!disp)
			continue;
		to = repl + next + *disp;
		if (to < repl || to >= repl + repl_len)
			*disp += repl - instr;
	}
}
