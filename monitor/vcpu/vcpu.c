// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A vCPU is a thread with a signal stack, a timer, and one jump. What it does
 * from there is the guest kernel's; signals that are faults or interrupts of
 * that kernel go to the handler its image names.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/thread.h"
#include "base/util.h"
#include "vcpu/vcpu.h"

#define SIGSTACK_SIZE	(64 * 1024)

struct start {
	struct vcpus *v;
	unsigned int cpu;
	int ready;			/* futex: 1 when boot->vcpu[cpu] is filled, or -errno */
};

static void (*kernel_signal)(int, siginfo_t *, void *);
static uint32_t *gate;
static __thread int is_vcpu;

/* As boot->vcpu[].tid, which is the guest's to write. */
static pid_t monitor;
static pid_t tids[R3_MAX_CPUS];

static const int kernel_signals[] = {
	SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, R3_SIG_IRQ, R3_SIG_TIMER,
};

/*
 * The guest kernel's handler is guest code: it runs when that may. A fault in the
 * monitor's own code is nobody's to handle. All signals are blocked here, so one more
 * fault ends the process, and takes no system call, which the jail would refuse.
 */
static void on_signal(int sig, siginfo_t *si, void *uc)
{
	if (is_vcpu && load_acquire(*gate))
		kernel_signal(sig, si, uc);
	else if (sig != R3_SIG_IRQ && sig != R3_SIG_TIMER)
		__builtin_trap();
}

static int install_handlers(void)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	unsigned int i;

	sigfillset(&act.sa_mask);
	for (i = 0; i < ARRAY_SIZE(kernel_signals); i++)
		if (sigaction(kernel_signals[i], &act, NULL))
			return -errno;
	return 0;
}

static int make_timer(struct r3_vcpu *vcpu)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = R3_SIG_TIMER,
	};
	int id;

	ev._sigev_un._tid = vcpu->tid;
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id))
		return -errno;
	vcpu->timer = id;
	return 0;
}

static void futex_wait(void *addr, int val)
{
	syscall(SYS_futex, addr, FUTEX_WAIT, val, NULL, NULL, 0);
}

static void pin(int host_cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(host_cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The C library's rseq area is looked at by the host after every switch. */
static void drop_rseq(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
			sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static void set_up(struct start *start)
{
	struct vcpus *v = start->v;
	struct r3_vcpu *vcpu = &v->boot->vcpu[start->cpu];
	stack_t ss = { .ss_sp = v->sigstack[start->cpu], .ss_size = SIGSTACK_SIZE };
	sigset_t set;
	unsigned int i;
	char name[16];
	int ret;

	is_vcpu = 1;
	tids[start->cpu] = vcpu->tid = syscall(SYS_gettid);
	sigaltstack(&ss, NULL);
	sigfillset(&set);
	for (i = 0; i < ARRAY_SIZE(kernel_signals); i++)
		sigdelset(&set, kernel_signals[i]);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	if (vcpu->host_cpu >= 0)
		pin(vcpu->host_cpu);
	sched_short_slices();
	drop_rseq();
	snprintf(name, sizeof(name), "vcpu%u", start->cpu);
	prctl(PR_SET_NAME, name);
	ret = make_timer(vcpu);
	v->enter(v->opaque);
	store_release(start->ready, ret ? ret : 1);
	syscall(SYS_futex, &start->ready, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *vcpu_thread(void *arg)
{
	struct start *start = arg;
	struct vcpus *v = start->v;
	struct r3_boot *boot = v->boot;
	const struct r3_image_header *image = v->image;
	unsigned int cpu = start->cpu;
	struct r3_vcpu *vcpu = &boot->vcpu[cpu];

	set_up(start);		/* start is gone after this */
	while (!load_acquire(v->gate))
		futex_wait(&v->gate, 0);
	if (cpu == 0) {
		((void (*)(struct r3_boot *))image->start)(boot);
		__builtin_trap();
	}
	while (!load_acquire(vcpu->start))
		futex_wait(&vcpu->start, 0);
	__asm__ volatile("movq %0, %%rsp\n\t"
			 "jmp *%1"
			 :: "r" (vcpu->stack), "r" (image->start_secondary),
			    "D" (boot), "S" ((unsigned long)cpu) : "memory");
	__builtin_unreachable();
}

int vcpus_start(struct vcpus *v, struct r3_err *err)
{
	char what[16];
	unsigned int i;
	int ret;

	kernel_signal = (void *)v->image->signal;
	gate = &v->gate;
	monitor = getpid();
	ret = install_handlers();
	if (ret)
		return err_set(err, ret, "cannot install signal handlers: %s", strerror(-ret));
	for (i = 0; i < v->nr; i++) {
		struct start start = { .v = v, .cpu = i };

		v->sigstack[i] = mmap(NULL, SIGSTACK_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (v->sigstack[i] == MAP_FAILED)
			return err_set(err, -errno, "no memory for vCPU %u: %s", i, strerror(errno));
		snprintf(what, sizeof(what), "vCPU %u", i);
		ret = thread_start(&v->thread[i], vcpu_thread, &start, what, err);
		if (ret)
			return ret;
		while (!load_acquire(start.ready))
			futex_wait(&start.ready, 0);
		if (start.ready < 0)
			return err_set(err, start.ready, "cannot create a timer for vCPU %u: %s", i, strerror(-start.ready));
	}
	return 0;
}

void vcpus_run(struct vcpus *v)
{
	store_release(v->gate, 1);
	syscall(SYS_futex, &v->gate, FUTEX_WAKE, R3_MAX_CPUS, NULL, NULL, 0);
}

void vcpu_post(struct r3_boot *boot, unsigned int cpu, uint32_t bits)
{
	if (!atomic_or(boot->vcpu[cpu].pending, bits))
		syscall(SYS_tgkill, monitor, tids[cpu], R3_SIG_IRQ);
}
