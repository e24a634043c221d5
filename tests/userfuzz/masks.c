// SPDX-License-Identifier: GPL-2.0-or-later
/* Signal masks: what is blocked waits, comes once it is not, and the mask is what it was. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "userfuzz.h"

#define BIT(sig) (1UL << ((sig) - 1))
#define NEVER (BIT(SIGKILL) | BIT(SIGSTOP))

static volatile unsigned long came, inside;

/* The C library leaves two signals out. */
static unsigned long mask(int how, unsigned long set)
{
	unsigned long old = 0;

	syscall(SYS_rt_sigprocmask, how, how < 0 ? NULL : &set, &old, 8);
	return old;
}

static unsigned long mask_now(void)
{
	return mask(-1, 0);
}

static void on_masked(int sig)
{
	inside = mask_now();
	came++;
}

void use_masks(void)
{
	struct sigaction act = { .sa_handler = on_masked }, old_act;
	struct timespec now = { 0, 0 };
	unsigned long old, set, one = BIT(SIGUSR1), pending = 0, before = came, want = came + 1;
	int n;

	sigaddset(&act.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &act, &old_act);
	/* Signals that others of this process need, and those that say that it is wrong, come. */
	set = (rnd(1UL << 32) << 32 | rnd(1UL << 32)) & ~(BIT(SIGSEGV) | BIT(SIGILL) | BIT(SIGBUS) | BIT(SIGTRAP) | BIT(SIGSYS) | NEVER);
	set |= one;
	old = mask(SIG_SETMASK, set);
	for (n = 1 + rnd(3); n; n--)
		syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	if (rnd(2))
		vectors_spin(canary(me, n), rnd(30000));
	else
		usleep(rnd(500));
	syscall(SYS_rt_sigpending, &pending, 8);
	if ((came != before || !(pending & one) || mask_now() != set) && !hostile)
		finding("a signal that is blocked came %lu times, pending %#lx, mask %#lx not %#lx", came - before, pending,
			mask_now(), set);
	pending = set & ~one;
	switch (rnd(4)) {
	case 0:
		if (syscall(SYS_rt_sigtimedwait, &one, NULL, &now, 8) != SIGUSR1 && !hostile)
			finding("a signal that is pending is not waited for");
		want = before;
		break;
	case 1:
		syscall(SYS_rt_sigsuspend, &pending, 8);
		break;
	case 2:
		syscall(SYS_ppoll, NULL, 0, &now, &pending, 8);
		break;
	default:
		mask(SIG_UNBLOCK, one);
		mask(SIG_BLOCK, one);
	}
	if (came != want && !hostile)
		finding("a signal that was unblocked came %lu times, not %lu", came - before, want - before);
	if (want != before && inside != (set | BIT(SIGUSR2)) && !hostile)
		finding("in a handler the mask is %#lx, not %#lx", inside, set | BIT(SIGUSR2));
	if (mask_now() != set && !hostile)
		finding("behind a handler the mask is %#lx, not %#lx", mask_now(), set);
	sigaction(SIGUSR1, &old_act, NULL);
	mask(SIG_SETMASK, old);
}
