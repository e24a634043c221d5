/* SPDX-License-Identifier: GPL-2.0-only */
/* The data pages come right before the image, see map.c. */
#include <asm/versions.h>
#ifndef R3_OLD_VDSO_DATA
#include <asm/vdso/vsyscall.h>
#include <vdso/datapage.h>
#include <asm/page.h>
#endif
OUTPUT_FORMAT(elf64-x86-64)
OUTPUT_ARCH(i386:x86-64)

SECTIONS
{
#ifdef R3_OLD_VDSO_DATA
	PROVIDE_HIDDEN(vvar_page = . - 2 * 4096);
	PROVIDE_HIDDEN(timens_page = . - 4096);
#else
	VDSO_VVAR_SYMS
#endif
	. = SIZEOF_HEADERS;

	.hash		: { *(.hash) }			:text
	.gnu.hash	: { *(.gnu.hash) }
	.dynsym		: { *(.dynsym) }
	.dynstr		: { *(.dynstr) }
	.gnu.version	: { *(.gnu.version) }
	.gnu.version_d	: { *(.gnu.version_d) }
	.gnu.version_r	: { *(.gnu.version_r) }
	.note		: { *(.note.*) }		:text :note
	.eh_frame_hdr	: { *(.eh_frame_hdr) }		:text :eh_frame_hdr
	.eh_frame	: { KEEP(*(.eh_frame)) }	:text
	.dynamic	: { *(.dynamic) }		:text :dynamic
	.rodata		: { *(.rodata*) *(.data*) *(.got*) *(.bss*) } :text
	. = ALIGN(64);
	.text		: { *(.text*) }			:text

	/DISCARD/ : { *(.comment) *(.discard*) *(__ex_table) *(.altinstructions) *(__bug_table) }
}

PHDRS
{
	text		PT_LOAD		FLAGS(5) FILEHDR PHDRS;
	dynamic		PT_DYNAMIC	FLAGS(4);
	note		PT_NOTE		FLAGS(4);
	eh_frame_hdr	PT_GNU_EH_FRAME;
}

VERSION
{
	LINUX_2.6 {
	global:
		clock_gettime;
		__vdso_clock_gettime;
		gettimeofday;
		__vdso_gettimeofday;
		clock_getres;
		__vdso_clock_getres;
		time;
		__vdso_time;
		getcpu;
		__vdso_getcpu;
	local: *;
	};
}
