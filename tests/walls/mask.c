// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest user code: Masks the stop signal with a host rt_sigreturn of its own, then never stops. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static volatile unsigned long *shared;
static void spin(void)
{
	for (;;)
		if (shared)
			(*shared)++;
}

int main(void)
{
	unsigned char *stub = (void *)0x7fe000000000ul;
	int i;
	void *site = 0;
	for (i = 0; i < 4000; i++)
		if (!memcmp(stub + i, "\xb8\x0f\0\0\0\x0f\x05", 7))
			site = stub + i;
	printf("site %p\n", site);
	fflush(stdout);
	static char st[65536] __attribute__((aligned(64)));
	static char altst[65536] __attribute__((aligned(65536)));
	struct kuc {
		unsigned long flags;
		void *link;
		stack_t ss;
		unsigned long g[23];
		void *fp;
		unsigned long res[8];
		uint64_t mask;
	} uc;
	memset(&uc, 0, sizeof uc);
	uc.flags = 0;
	uc.ss.ss_sp = altst;
	uc.ss.ss_size = sizeof altst;
	/* r8..r15 di si bp bx dx ax cx sp ip flags cs.. */
	uc.g[15] = (unsigned long)st + 65536 - 8;
	uc.g[16] = (unsigned long)spin;
	uc.g[17] = 0x202;
	uc.g[18] = 0x33ul | (0x2bul << 48);
	uc.mask = ~0ull;
	static struct kuc copy;
	copy = uc;
	asm volatile("mov %0,%%rsp\n jmp *%1" ::"r"(&copy), "r"(site));
}
