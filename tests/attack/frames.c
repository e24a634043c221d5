// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames of one's own for the host's rt_sigreturn, by a jump to the stub's:
 * bad segments, wild FP state, an alternate stack moved elsewhere or too small,
 * and faults from where the frame does not fit on it.
 */
#include "attack.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FP_XSTATE 1
#define FP_MAGIC1 0x46505853
#define SW_BYTES 464			/* struct _fpx_sw_bytes in the state */

static unsigned long slot;
static char *area;			/* the frame; its FP state a page further */
static char *stack;

static const unsigned long wild[] = {
	0, 1, 64, NOWHERE, NOWHERE + 1, R3_TASK_SIZE - 64, R3_DIRECT_BASE, R3_IMAGE_BASE, R3_STUB_BASE,
	R3_STUB_CMD, R3_STUB_CMD + PAGE - 64, R3_STUB_SLOTS, 0x7ffffffff000, 1UL << 47, 0xffff888000000000,
	0xffffffffff600000, -64UL, -1UL,
};
#define WILD (sizeof(wild) / sizeof(wild[0]))

/* Where such a frame leads: it runs, faults, and has the kernel end it. */
static void landed(void)
{
	shared->word[0]++;
	(void)*(volatile char *)NOWHERE;
	_exit(0);
}

static struct frame *new_frame(void)
{
	struct frame *f = (void *)area;
	const struct frame *last = (void *)((volatile struct r3_slot *)slot)->uc;

	memset(area, 0, 8 * PAGE);
	f->uc_flags = last->uc_flags;
	f->stack = (stack_t){ .ss_sp = (void *)slot, .ss_size = ((struct r3_cmd_page *)R3_STUB_CMD)->stack_size };
	f->g[REG_RIP] = (unsigned long)landed;
	f->g[REG_RSP] = (unsigned long)stack + 8 * PAGE - 8;
	f->g[REG_EFL] = FLAGS_RUN;
	f->g[REG_CSGSFS] = 0x33 | 0x2bUL << 48;
	f->mask = last->mask;
	return f;
}

static void load(struct frame *f)
{
	struct regs r = {
		.ip = stub_sigreturn(), .cs = 0x33, .ss = 0x2b, .flags = FLAGS_RUN, .sp = (unsigned long)f,
	};

	enter(&r);
}

static struct frame *begin(void)
{
	slot = stay_on(0);
	readable(NOWHERE);	/* for a frame of the host's */
	signal(SIGSEGV, SIG_DFL);
	return new_frame();
}

static int segments(long i)
{
	static const unsigned short values[] = { 0, 1, 3, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x3b, 0x63, 0x7b, 0x7f, 0xffff };
	struct frame *f = begin();

	if (i % 2)
		f->uc_flags = i & 2 ? 0 : 6;
	f->g[REG_CSGSFS] = values[i / 2 % 13] | (unsigned long)values[i / 26 % 13] << 48 |
			   (i % 3 ? 0 : (unsigned long)values[i % 13] << 16);
	f->g[REG_EFL] = i % 5 ? FLAGS_RUN : -1UL;
	load(f);
	return 0;
}

static int addresses(long i)
{
	struct frame *f = begin();

	switch (i / WILD) {
	case 0:
		f->fpstate = wild[i % WILD];
		break;
	case 1:
		f->g[REG_RIP] = wild[i % WILD];
		break;
	case 2:
		f->g[REG_RSP] = wild[i % WILD];
		break;
	case 3:
		load((struct frame *)wild[i % WILD]);
	}
	load(f);
	return 0;
}

/* FP state whose description of itself is not true. */
static int fp_state(long i)
{
	static const unsigned int sizes[] = { 0, 1, 512, 575, 576, 832, 2696, 4095, 65536, 0x7fffffff, 0xffffffff };
	static const unsigned long features[] = { 0, 1, 3, 7, 0xe7, 0x2e7, 0x60000, 1UL << 62, 1UL << 63, -1UL };
	struct frame *f = begin();
	char *fp = area + PAGE + (i % 7 ? 0 : 8);

	if (((volatile struct frame *)((volatile struct r3_slot *)slot)->uc)->fpstate)
		memcpy(fp, (void *)((struct frame *)((volatile struct r3_slot *)slot)->uc)->fpstate, 2 * PAGE / 3);
	*(unsigned int *)(fp + SW_BYTES) = FP_MAGIC1;
	*(unsigned int *)(fp + SW_BYTES + 4) = sizes[i % 11];
	*(unsigned long *)(fp + SW_BYTES + 8) = features[i / 11 % 10];
	*(unsigned int *)(fp + SW_BYTES + 16) = sizes[i / 3 % 11];
	*(unsigned int *)(fp + 24) = i % 2 ? 0xffffffff : 0x1f80;	/* mxcsr */
	*(unsigned long *)(fp + 512) = features[i / 5 % 10];		/* xstate_bv */
	*(unsigned long *)(fp + 520) = features[i / 2 % 10];		/* xcomp_bv */
	f->uc_flags |= FP_XSTATE;
	f->fpstate = (unsigned long)fp;
	load(f);
	return 0;
}

/* The next signal frame goes elsewhere, or nowhere; the page is our own. */
static int signal_stack(long i)
{
	static const unsigned long sizes[] = { 0, 1, 2048, 4096, 1UL << 40, -1UL };
	static const int flags[] = { 0, 1, 2, 4, 1 << 31, -1 };
	struct frame *f = begin();

	f->stack.ss_sp = (void *)wild[i % WILD];
	f->stack.ss_size = sizes[i % 6];
	f->stack.ss_flags = flags[i / 6 % 6];
	/* where nothing can be written, should it be used without one */
	f->g[REG_RSP] = R3_STUB_BASE + 0x800;
	load(f);
	return 0;
}

/* All FP state there is, and faults with the stack pointer inside the slot. */
static int overflow(long i)
{
	unsigned int a, b, c, d;
	struct frame *f = begin();

	__cpuid(1, a, b, c, d);
	if (c & bit_AVX) {
		__asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n\t"
				 "vinsertf128 $1, %%xmm0, %%ymm0, %%ymm15" ::: "memory");
		__cpuid_count(7, 0, a, b, c, d);
		if (b & bit_AVX512F)
			__asm__ volatile(".byte 0x62, 0x01, 0x7d, 0x40, 0xef, 0xff\n\t"	/* vpxord zmm31 */
					 ".byte 0xc5, 0xfc, 0x46, 0xc9" ::: "memory");	/* kxnorw k1 */
	}
	f->g[REG_RSP] = slot + i * 64;
	load(f);
	return 0;
}

int main(int argc, char **argv)
{
	int i, n = 0;

	attack_init();
	slot = stay_on(0);
	area = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || stack == MAP_FAILED || !stub_sigreturn())
		cannot("no memory, or no stub");
	for (i = 0; i < 26 * 13; i++, n++)
		in_child(segments, i, 50);
	for (i = 0; i < 4 * (int)WILD; i++, n++)
		in_child(addresses, i, 50);
	for (i = 0; i < 220; i++, n++)
		in_child(fp_state, i, 50);
	for (i = 0; i < 6 * (int)WILD; i++, n++)
		in_child(signal_stack, i, 50);
	for (i = 0; i < 12288 / 64; i++, n++)
		in_child(overflow, i, 50);
	printf("%d frames, %lu of them loaded\n", n, shared->word[0]);
	if (!shared->word[0])
		cannot("no frame was loaded");
	return attack_end();
}
