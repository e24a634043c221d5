// SPDX-License-Identifier: GPL-2.0-or-later
/* vcpu/vcpu: signals before the guest may run, and faults that are nobody's. */
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "jail/jail.h"
#include "tap.h"
#include "vcpu/vcpu.h"

static unsigned int taken, started;
static volatile int *volatile nowhere = (void *)8;

static void guest_signal(int sig, siginfo_t *si, void *uc)
{
	atomic_or(taken, 1);
}

static void signal_itself(void)
{
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), R3_SIG_IRQ);
}

static void guest_start(struct r3_boot *boot)
{
	signal_itself();
	store_release(started, 1);
	syscall(SYS_futex, &started, FUTEX_WAKE, 1, NULL, NULL, 0);
	for (;;)
		pause();
}

static void enter(void *opaque)
{
	signal_itself();
}

static struct r3_boot boot;
static const struct r3_image_header image = {
	.start = (uint64_t)guest_start, .signal = (uint64_t)guest_signal,
};

static void test_early(void)
{
	static struct vcpus v = { .boot = &boot, .image = &image, .nr = 1, .enter = enter };
	struct r3_err err;

	if (vcpus_start(&v, &err))
		tap_bail("%s", err.msg);
	is(taken, 0, "no signal reaches the guest's handler before its thread is in the jail");
	syscall(SYS_tgkill, getpid(), boot.vcpu[0].tid, R3_SIG_IRQ);
	usleep(50000);
	is(load_acquire(taken), 0, "nor before all threads are");
	vcpus_run(&v);
	while (!load_acquire(started))
		syscall(SYS_futex, &started, FUTEX_WAIT, 0, NULL, NULL, 0);
	is(load_acquire(taken), 1, "and then they do");
}

static void test_fault(void)
{
	static struct vcpus v = { .boot = &boot, .image = &image };
	uint64_t value[JAIL_NR_VALUES] = { 0 };
	static const struct rlimit no_core, little = { 2, 2 };
	struct r3_err err;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		setrlimit(RLIMIT_CPU, &little);
		if (vcpus_start(&v, &err) || jail_filter("control", value))
			_exit(1);
		*nowhere = 1;
		_exit(2);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "a fault of another thread in the jail ends the process");
}

int main(void)
{
	test_fault();
	test_early();
	return tap_done();
}
