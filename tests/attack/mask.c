// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Refuses to be stopped, in each of the ways named: a thread that has the host
 * block all signals, one whose signal frames go to memory of its own, where
 * nobody looks, and one that waits in the stub unannounced; two that block all
 * signals and say again and again that they have stopped, for something that the
 * kernel might take as no reason to do its own work first; and each of them
 * (CROWD more) in a process of many threads that sleep, of which the host's time
 * may be. All hold their vCPU for seconds only.
 */
#include "attack.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* STOP_TIMEOUT_NS and STOP_PATIENCE_NS of kernel/stop.c, and some */
#define REFUSED_S 1.5	/* who was ended before that did not refuse */
#define LIMIT_S 20
#define CROWD_LIMIT_S 40

enum { MASKED, ELSEWHERE, WAITING, KICKED, INSIDE, NR_WAYS, CROWD = NR_WAYS };
static const char *const names[] = {
	"blocked its signals", "takes its signals elsewhere", "waits as if it had stopped",
	"says it was kicked on its way into the stub", "says it is behind a rewritten call",
};

/* A call that is rewritten as soon as it was made often enough. */
extern char behind_call[];
long call(long nr);
__asm__(".text\n"
	".balign 64\n"
	".type call, @function\n"
	"call:	.cfi_startproc\n"
	"	movq %rdi, %rax\n"
	"	syscall\n"
	"behind_call:\n"
	"	cmp $-4095, %rax\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size call, . - call\n"
	"	.fill 32, 1, 0x90\n");

static char *area;			/* a slot's place and alignment, but ours */
static char *stack;

/* What it needs is mapped by a first round: a fault would be a signal. */
static void spin(long rounds)
{
	volatile unsigned long *word = &shared->word[0];

	for (; rounds; rounds--)
		(*word)++;
}

/* Posts events that never were, and goes on before they are answered. */
static void pretend(volatile struct r3_slot *slot, struct frame *f, long way, long rounds)
{
	unsigned long fpstate = f->fpstate;

	while (rounds) {
		if (slot->event == 1)
			continue;
		f->g[REG_RIP] = way == KICKED ? R3_STUB_TRAMP + 8 : (unsigned long)behind_call;
		f->g[REG_TRAPNO] = 13;
		f->fpstate = fpstate;
		slot->uc = (unsigned long)f;
		slot->info = (unsigned long)(f + 1);
		slot->sig = way == KICKED ? R3_SIG_KICK : SIGSEGV;
		slot->resume = 0;
		slot->event = 1;
		shared->word[0]++;
		rounds--;
	}
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int refuse(long which)
{
	long way = which % NR_WAYS;
	unsigned long slot;
	const struct frame *last;
	struct frame *f;
	struct regs r = {
		.ip = stub_sigreturn(), .cs = 0x33, .ss = 0x2b, .flags = FLAGS_RUN,
	};

	if (which >= CROWD) {
		pthread_t thread;
		int i;

		for (i = 0; i < cpus(); i++) {
			if (pthread_create(&thread, NULL, sleeper, NULL))
				return 2;
		}
	}
	slot = stay_on(0);
	readable(NOWHERE);	/* for a frame of the host's */
	last = (void *)((volatile struct r3_slot *)slot)->uc;
	f = (struct frame *)(area + 0x400);
	memset(area, 0, R3_SLOT_STRIDE);
	if (way == KICKED || way == INSIDE) {
		/* In the slot, below where the host puts its own. */
		struct frame *mine = (void *)((unsigned long)last - sizeof(*mine) - 128 - 64);

		memcpy(mine, last, sizeof(*mine));
		memcpy(mine + 1, (void *)((volatile struct r3_slot *)slot)->info, 128);
		mine->g[REG_RSP] = (unsigned long)stack + 8 * PAGE - 8;
		f->g[REG_RSI] = (unsigned long)mine;
		f->g[REG_RDX] = way;
		f->g[REG_RCX] = -1;
		/* Nothing may fault from here on: a signal that is blocked ends it. */
		pretend((void *)(area + 0x8000), (void *)(area + 0x9000), way, 1);
	}
	stack[8 * PAGE - 8] = 0;
	spin(1);
	shared->word[0] = 0;
	f->uc_flags = last->uc_flags;
	f->stack.ss_sp = way == ELSEWHERE ? area : (void *)slot;
	f->stack.ss_size = 4 * PAGE;
	f->g[REG_RIP] = (unsigned long)(way < KICKED ? (void *)spin : (void *)pretend);
	f->g[REG_RDI] = way < KICKED ? -1UL : slot;
	f->g[REG_RSP] = (unsigned long)stack + 8 * PAGE - 8;
	f->g[REG_EFL] = FLAGS_RUN;
	f->g[REG_CSGSFS] = 0x33 | 0x2bUL << 48;
	f->mask = way == ELSEWHERE || way == WAITING ? last->mask : ~0UL;
	((struct r3_slot *)area)->spins = 0x7fffffff;	/* of the handler, should it wait here */
	r.sp = (unsigned long)f;
	if (way == WAITING) {
		shared->word[0] = 1;
		((volatile struct r3_slot *)slot)->resume = 0;
		r.ip = stub_wait();
		r.cx = 0x7fffffff;
		r.sp = slot;
	}
	enter(&r);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	int i;

	attack_init();
	area = mmap((void *)0x100000000, R3_SLOT_STRIDE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
	stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area == MAP_FAILED || stack == MAP_FAILED || !stub_sigreturn() || !stub_wait())
		cannot("no memory, or no stub");
	for (i = 0; i < 8; i++)
		call(SYS_getppid);
	for (i = 1; i < argc; i++) {
		int way = atoi(argv[i]);
		bool crowd = way >= CROWD;
		double start, took = 0;
		int status = 0, ms;

		/* On a busy host it may take longer until it runs at all. */
		shared->word[0] = 0;
		for (ms = 300; ms <= 30000 && !shared->word[0]; ms *= 10) {
			start = now();
			status = in_child(refuse, way, ms);
			took = now() - start;
		}
		printf("a thread that %s%s ended with %#x after %.1f s\n", names[way % NR_WAYS],
		       crowd ? " in a crowd" : "", status, took);
		if (!shared->word[0])
			cannot("the thread never ran");
		if (took < REFUSED_S && way % NR_WAYS < KICKED)
			cannot("the thread did not refuse");
		if (took > (crowd ? CROWD_LIMIT_S : LIMIT_S))
			through("a thread that %s was there for %.1f s", names[way % NR_WAYS], took);
	}
	return attack_end();
}
