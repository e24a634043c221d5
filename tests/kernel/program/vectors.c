// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A thread takes a signal whose frame faults, on memory that a userfaultfd gives
 * only after a sibling has run on the same CPU with other vector registers. It
 * has its own afterwards, and so has the sibling.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 200
#define STACK (64 * 1024)

static char *stack;
static volatile long turns, in_handler, faults;
static volatile int stop;
static int uffd;

/* Fills XMM0 to XMM15 with val, makes a call, and says how many are not so then. */
static int vectors_across(uint64_t val, long nr, long a, long b, long c)
{
	static __thread uint64_t out[32] __attribute__((aligned(16)));
	uint64_t in[2] __attribute__((aligned(16))) = { val, ~val };
	int i, wrong = 0;
	long ret;

	__asm__ volatile(
		"movdqa (%[in]), %%xmm0\n\t"
#define COPY(n) "movdqa %%xmm0, %%xmm" #n "\n\t"
		COPY(1) COPY(2) COPY(3) COPY(4) COPY(5) COPY(6) COPY(7) COPY(8)
		COPY(9) COPY(10) COPY(11) COPY(12) COPY(13) COPY(14) COPY(15)
		"syscall\n\t"
#define SAVE(n) "movdqa %%xmm" #n ", 16*" #n "(%[out])\n\t"
		SAVE(0) SAVE(1) SAVE(2) SAVE(3) SAVE(4) SAVE(5) SAVE(6) SAVE(7)
		SAVE(8) SAVE(9) SAVE(10) SAVE(11) SAVE(12) SAVE(13) SAVE(14) SAVE(15)
		: "=a"(ret)
		: "0"(nr), "D"(a), "S"(b), "d"(c), [in] "r"(in), [out] "r"(out)
		: "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
		  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	for (i = 0; i < 32; i++)
		wrong += out[i] != (i % 2 ? ~val : val);
	return wrong;
}

static void on_signal(int sig)
{
	in_handler++;
}

/* It runs whenever the others sleep, with registers of its own. */
static void *sibling(void *wrong)
{
	while (!stop) {
		*(long *)wrong += vectors_across(0xbadbadbadbadbad0ULL + turns % 8, SYS_sched_yield, 0, 0, 0) != 0;
		turns++;
	}
	return NULL;
}

static void *give_pages(void *unused)
{
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage zero = { .range = { msg.arg.pagefault.address & -4096UL, 4096 } };
		long before = turns;

		faults++;
		while (turns < before + 3)
			usleep(100);
		ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return unused;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	stack_t ss = { .ss_size = STACK };
	pthread_t thread, giver;
	long wrong = 0, theirs = 0;
	cpu_set_t one;
	int i;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (unsigned long)stack;
	reg.range.len = STACK;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		perror("# userfaultfd");
		return 1;
	}
	ss.ss_sp = stack;
	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &act, NULL);
	pthread_create(&giver, NULL, give_pages, NULL);
	pthread_create(&thread, NULL, sibling, &theirs);
	for (i = 0; i < ROUNDS; i++) {
		madvise(stack, STACK, MADV_DONTNEED);
		wrong += vectors_across(i, SYS_tgkill, getpid(), gettid(), SIGUSR1) != 0;
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("# %ld faults, %ld turns of the sibling\n", faults, turns);
	printf("%s 1 - each signal was taken, and its frame faulted\n",
	       in_handler == ROUNDS && faults >= ROUNDS ? "ok" : "not ok");
	printf("%s 2 - the thread's vector registers are its own (%ld of %d times they were not)\n",
	       wrong ? "not ok" : "ok", wrong, ROUNDS);
	printf("%s 3 - and so are its sibling's\n1..3\n", theirs ? "not ok" : "ok");
	return wrong || theirs;
}
