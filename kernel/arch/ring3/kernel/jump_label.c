// SPDX-License-Identifier: GPL-2.0-only
/* Static branches: a jump or nothing, in two bytes or five. */
#include <linux/jump_label.h>
#include <linux/memory.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/nops.h>
#include <asm/text-patching.h>
#include <asm/versions.h>

static int size_of(const u8 *insn)
{
	return insn[0] == JMP8_INSN_OPCODE || insn[0] == 0x66 ? JMP8_INSN_SIZE : JMP32_INSN_SIZE;
}

static void transform(struct jump_entry *entry, enum jump_label_type type, bool now)
{
	u8 *text = (u8 *)jump_entry_code(entry), insn[JMP32_INSN_SIZE];
	int size = size_of(text);

	if (type == JUMP_LABEL_JMP)
		__text_gen_insn(insn, size == JMP8_INSN_SIZE ? JMP8_INSN_OPCODE : JMP32_INSN_OPCODE,
				text, (void *)jump_entry_target(entry), size);
	else
		memcpy(insn, x86_nops[size], size);

	if (system_state == SYSTEM_BOOTING) {
		text_poke_early(text, insn, size);
		return;
	}
	mutex_lock(&text_mutex);
	if (now)
		text_poke_bp(text, insn, size, NULL);
	else
		text_poke_queue(text, insn, size, NULL);
	mutex_unlock(&text_mutex);
}

void arch_jump_label_transform(struct jump_entry *entry, enum jump_label_type type)
{
	transform(entry, type, true);
}

bool arch_jump_label_transform_queue(struct jump_entry *entry, enum jump_label_type type)
{
	transform(entry, type, false);
	return true;
}

void arch_jump_label_transform_apply(void)
{
	mutex_lock(&text_mutex);
	text_poke_finish();
	mutex_unlock(&text_mutex);
}

int arch_jump_entry_size(struct jump_entry *entry)
{
	return size_of((u8 *)jump_entry_code(entry));
}
