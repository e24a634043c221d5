/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image is linked at R3_IMAGE_BASE; a segment's physical address is where
 * the monitor copies it in guest RAM. It then maps that RAM a second time at
 * the virtual address.
 */
#define LOAD_OFFSET (R3_IMAGE_BASE - R3_IMAGE_GPA)
#define RO_EXCEPTION_TABLE_ALIGN 16

#include <asm/page.h>
#include <asm/cache.h>
#include <asm/thread_info.h>
#include <asm-generic/vmlinux.lds.h>

OUTPUT_FORMAT(elf64-x86-64)
OUTPUT_ARCH(i386:x86-64)
ENTRY(_start)
jiffies = jiffies_64;

SECTIONS
{
	. = R3_IMAGE_BASE;
	_text = .;
	_stext = .;
	.text : AT(ADDR(.text) - LOAD_OFFSET) {
		HEAD_TEXT
		TEXT_TEXT
		SCHED_TEXT
#ifdef CPUIDLE_TEXT
		CPUIDLE_TEXT
#endif
		LOCK_TEXT
		KPROBES_TEXT
		ENTRY_TEXT
		SOFTIRQENTRY_TEXT
		IRQENTRY_TEXT
		*(.fixup)
	} = 0xcccccccc
	. = ALIGN(PAGE_SIZE);
	_etext = .;

	RO_DATA(PAGE_SIZE)

	. = ALIGN(PAGE_SIZE);
	__init_begin = .;
	.init.text : AT(ADDR(.init.text) - LOAD_OFFSET) {
		_sinittext = .;
		INIT_TEXT
		_einittext = .;
	}
	.exit.text : AT(ADDR(.exit.text) - LOAD_OFFSET) { EXIT_TEXT }
	INIT_DATA_SECTION(16)
	.exit.data : AT(ADDR(.exit.data) - LOAD_OFFSET) { EXIT_DATA }
	.altinstructions : AT(ADDR(.altinstructions) - LOAD_OFFSET) {
		*(.altinstructions .altinstr_replacement .altinstr_aux)
	}
	.smp_locks : AT(ADDR(.smp_locks) - LOAD_OFFSET) { *(.smp_locks) }
	PERCPU_SECTION(L1_CACHE_BYTES)
	. = ALIGN(PAGE_SIZE);
	__init_end = .;

	_sdata = .;
	.data : AT(ADDR(.data) - LOAD_OFFSET) {
		INIT_TASK_DATA(THREAD_SIZE)
		NOSAVE_DATA
		PAGE_ALIGNED_DATA(PAGE_SIZE)
		CACHELINE_ALIGNED_DATA(L1_CACHE_BYTES)
		READ_MOSTLY_DATA(L1_CACHE_BYTES)
		DATA_DATA
		*(.data.rel .data.rel.*)
		CONSTRUCTORS
	}
	BUG_TABLE
	.got : AT(ADDR(.got) - LOAD_OFFSET) { *(.got .got.plt .igot .igot.plt) }
	_edata = .;

	BSS_SECTION(PAGE_SIZE, PAGE_SIZE, PAGE_SIZE)
	_end = .;

	STABS_DEBUG
	DWARF_DEBUG
#ifdef MODINFO
	MODINFO
#endif
	ELF_DETAILS

	.rela.dyn : { *(.rela .rela.* .rela_*) }
	ASSERT(SIZEOF(.rela.dyn) == 0, "run-time relocations in a freestanding image")
	.plt : { *(.plt .plt.* .iplt) }
	ASSERT(SIZEOF(.plt) == 0, "a PLT in a freestanding image")

	DISCARDS
	/DISCARD/ : { *(.eh_frame .eh_frame_hdr .note.GNU-stack .note.gnu.property) }
}
