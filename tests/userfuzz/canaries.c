// SPDX-License-Identifier: GPL-2.0-or-later
/* What says whose memory and whose registers these are. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "userfuzz.h"

unsigned int me;
struct region regions[REGIONS];

unsigned long canary(unsigned int who, unsigned long i)
{
	return CANARY << 40 | (unsigned long)(who & 0xffffff) << 16 | (i & 0xffff);
}

void fill(struct region *r)
{
	unsigned long i;

	for (i = 0; i < r->pages * 512; i += 64)
		r->p[i] = canary(me, i);
}

void look_at_region(struct region *r)
{
	unsigned long i, v;

	if (!r->p)
		return;
	board->looks++;
	for (i = 0; i < r->pages * 512; i += 64) {
		v = *(volatile unsigned long *)&r->p[i];
		if (v == canary(me, i))
			continue;
		if (v >> 40 == CANARY && (v >> 16 & 0xffffff) != me)
			finding("memory of process %lu is in that of %u: %#lx", v >> 16 & 0xffffff, me, v);
		else if (!hostile)
			finding("memory of process %u is wrong: %#lx, not %#lx", me, v, canary(me, i));
		return;
	}
}

void new_region(struct region *r)
{
	r->pages = 1 + rnd(16);
	r->p = mmap(NULL, r->pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->p == MAP_FAILED)
		r->p = NULL;
	else
		fill(r);
}

/* ---- registers ---- */

static int are_wrong(unsigned long v, unsigned long a, unsigned long b)
{
	unsigned long wrong = a != v ? a : b;

	if (wrong >> 40 == CANARY && (wrong >> 16 & 0xffffff) != (v >> 16 & 0xffffff))
		finding("vector registers of process %lu are in those of %lu: %#lx", wrong >> 16 & 0xffffff, v >> 16 & 0xffffff, wrong);
	/* A hostile one says itself what it had in them, by events that it makes up. */
	return (a != v || b != v) && !hostile;
}

static int vectors_wrong(unsigned long v, int ms)
{
	struct timespec t = { 0, ms * 1000000 };
	unsigned long a, b;

	__asm__ volatile("movq %[v], %%xmm6; movq %[v], %%xmm15; movl %[nr], %%eax; xorl %%esi, %%esi; syscall;"
			 "movq %%xmm6, %[a]; movq %%xmm15, %[b]"
			 : [a] "=&r"(a), [b] "=&r"(b) : [v] "r"(v), [nr] "i"(SYS_nanosleep), "D"(&t)
			 : "rax", "rsi", "rcx", "r11", "xmm6", "xmm15", "memory");
	return are_wrong(v, a, b);
}

/* Computes without a call: who preempts has to put them back. */
int vectors_spin(unsigned long v, long turns)
{
	unsigned long a, b;

	__asm__ volatile("movq %[v], %%xmm7; movq %[v], %%xmm14; 1: pause; decq %[n]; jnz 1b;"
			 "movq %%xmm7, %[a]; movq %%xmm14, %[b]"
			 : [a] "=&r"(a), [b] "=&r"(b), [n] "+r"(turns) : [v] "r"(v) : "xmm7", "xmm14", "cc");
	return are_wrong(v, a, b);
}

void look_at_vectors(void)
{
	unsigned long v = canary(me, rnd(65536));

	board->looks++;
	if (rnd(2) ? vectors_wrong(v, rnd(3)) : vectors_spin(v, 1000 + rnd(200000)))
		finding("vector registers of process %u are wrong", me);
}
