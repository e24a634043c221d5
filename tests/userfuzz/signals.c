// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals, on a stack whose pages are not there. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "userfuzz.h"

static volatile unsigned long signals;
char *signal_file;

void on_alarm(int sig, siginfo_t *si, void *context)
{
	/* Whatever the handler does to them comes back. */
	__asm__ volatile("pxor %%xmm7, %%xmm7; pxor %%xmm14, %%xmm14" ::: "xmm7", "xmm14");
	signals++;
}

void cold_stack(void)
{
	char path[128];
	stack_t ss = { .ss_size = 16 * PAGE };
	struct sigaction act = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	int fd;

	snprintf(path, sizeof(path), "%s/stack-%d-%d", board->dir, getpid(), gettid());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	unlink(path);
	if (fd < 0 || (without & 8) || ftruncate(fd, 16 * PAGE))
		return;
	signal_file = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	ss.ss_sp = signal_file;
	if (signal_file == MAP_FAILED || sigaltstack(&ss, NULL))
		return;
	sigaction(SIGALRM, &act, NULL);
}

void take_signals(void)
{
	struct itimerval t = { { 0, 700 }, { 0, 300 } }, off = { };
	unsigned long v = canary(me, rnd(65536));
	int i;

	for (i = 0; i < 3; i++) {
		madvise(signal_file, 16 * PAGE, MADV_PAGEOUT);
		madvise(signal_file, 16 * PAGE, MADV_DONTNEED);
		setitimer(ITIMER_REAL, &t, NULL);
		if (vectors_spin(v, 300000))
			finding("vector registers of process %u are wrong after a signal", me);
		setitimer(ITIMER_REAL, &off, NULL);
	}
}
