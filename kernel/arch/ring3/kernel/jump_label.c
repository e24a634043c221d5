// SPDX-License-Identifier: GPL-2.0-only
/*
 * Static branches: kernel text is patched through the direct map, where it is
 * writable, in the order that running code allows: a breakpoint first, then
 * the tail, then the first byte, all vCPUs brought in step between. Who meets
 * the breakpoint, an interrupt on the patching vCPU perhaps, goes on as if the
 * new instruction were there: r3_jump_label_trap().
 */
#include <linux/jump_label.h>
#include <linux/memory.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/host.h>
#include <asm/page.h>
#include <asm/entry.h>

static u8 *writable(const void *addr)
{
	unsigned long a = (unsigned long)addr;

	if (a >= R3_IMAGE_BASE && a < R3_MODULES_BASE)
		return __va(__pa(addr));
	return (u8 *)a;			/* modules are mapped writable */
}

static int size_of(const u8 *insn)
{
	return insn[0] == 0xeb || insn[0] == 0x66 ? 2 : 5;
}

/*
 * The place that has a breakpoint now, or 0: the lower half of its address, and behind
 * that how far it is from there to where it leads. In one word: who read one after
 * the other could have them of two patches. Why there is a count: docs/port/model/patch.pml.
 */
static u64 patching;
static u32 patches;		/* whose place was set */

void arch_jump_label_transform(struct jump_entry *entry, enum jump_label_type type)
{
	u8 *text = (u8 *)jump_entry_code(entry), *alias = writable(text);
	long rel = jump_entry_target(entry) - jump_entry_code(entry);
	int size = size_of(text);
	u8 insn[5];

	if (type == JUMP_LABEL_JMP) {
		insn[0] = size == 2 ? 0xeb : 0xe9;
		if (size == 2)
			insn[1] = rel - 2;
		else
			*(s32 *)(insn + 1) = rel - 5;
	} else if (size == 2) {
		memcpy(insn, "\x66\x90", 2);
	} else {
		memcpy(insn, "\x0f\x1f\x44\x00\x00", 5);
	}

	if (system_state == SYSTEM_BOOTING) {
		memcpy(alias, insn, size);
		return;
	}
	WRITE_ONCE(patching, (u64)(type == JUMP_LABEL_JMP ? rel : size) << 32 | (u32)(unsigned long)text);
	smp_store_release(&patches, patches + 1);
	smp_wmb();		/* before the breakpoint */
	WRITE_ONCE(alias[0], 0xcc);
	r3_host_membarrier();
	memcpy(alias + 1, insn + 1, size - 1);
	r3_host_membarrier();
	WRITE_ONCE(alias[0], insn[0]);
	r3_host_membarrier();
	smp_store_release(&patching, 0);
}

bool arch_jump_label_transform_queue(struct jump_entry *entry, enum jump_label_type type)
{
	arch_jump_label_transform(entry, type);
	return true;
}

void arch_jump_label_transform_apply(void)
{
}

int arch_jump_entry_size(struct jump_entry *entry)
{
	return size_of((u8 *)jump_entry_code(entry));
}

/* Kernel code ran into a breakpoint at ip; returns where it goes on, or 0. */
unsigned long r3_jump_label_trap(unsigned long ip)
{
	u32 began;
	u64 now;

	do {
		began = smp_load_acquire(&patches);
		now = READ_ONCE(patching);
		if ((u32)now == (u32)ip)
			return ip + (s32)(now >> 32);
		smp_rmb();
		/* Patched meanwhile: what is there now is an instruction. */
		if (*(volatile u8 *)ip != 0xcc)
			return ip;
		smp_rmb();
	} while (READ_ONCE(patches) != began);
	return 0;
}
