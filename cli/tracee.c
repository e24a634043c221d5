// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * The threads are seized, so nothing of tracing is seen by the guest. When one stops
 * for a reason that the debugger is to know, the others are asked to stop; what else
 * they stop for meanwhile is kept for when they go on: a breakpoint is hit once more
 * then, a signal is delivered then.
 *
 * A step must not end in the handler of an interrupt that happens to come: such
 * signals wait for the end of the step. Faults cannot wait; the handler, which runs
 * on the signal stack, is stepped through up to its end.
 *
 * If this process is killed the host lets the threads go on. The guard, a process that
 * shares struct tracee, then takes breakpoints out of the kernel's text, and lets user
 * code and time go on.
 */
#include "tracee.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ring3/boot.h>

#include "base/util.h"

#define EVENT(status)	((unsigned int)(status) >> 16)
/* No kernel stack is there, but all signal stacks are. */
#define KERNEL_END	(R3_VMALLOC_BASE + R3_VMALLOC_SIZE)
#define SYSCALL_INSN	0x050f
#define WAIT_MS		5000

static uint64_t peek(pid_t tid, size_t offset)
{
	return ptrace(PTRACE_PEEKUSER, tid, offset, 0);
}

static uint64_t pc_of(pid_t tid)
{
	return peek(tid, offsetof(struct user, regs.rip));
}

/* ---- going on ---- */

static void resume(struct tracee *tr, struct vcpu_thread *t)
{
	int sig;

	if (t->gone || t->running)
		return;
	if (!t->step) {
		for (sig = 1; t->later && sig < 32; sig++) {
			if (!(t->later & 1U << sig))
				continue;
			if (!t->signal)
				t->signal = sig;
			else if (t->signal != sig)
				syscall(SYS_tgkill, tr->mem->monitor, t->tid, sig);
		}
		t->later = 0;
	}
	if (ptrace(t->step ? PTRACE_SINGLESTEP : PTRACE_CONT, t->tid, 0, t->signal)) {
		t->gone = errno == ESRCH;
		return;
	}
	t->signal = 0;
	t->running = true;
}

/* ---- stops ---- */

/* It waits in a host call, which a step would not get past without its signal. */
static bool in_syscall(const struct tracee *tr, pid_t tid)
{
	uint16_t insn;

	return pread(tr->mem->fd, &insn, sizeof(insn), pc_of(tid) - 2) != sizeof(insn) || insn == SYSCALL_INSN;
}

static bool can_wait(int sig)
{
	return sig == R3_SIG_IRQ || sig == R3_SIG_TIMER;
}

/* A trap that somebody here asked for. */
static bool our_trap(struct tracee *tr, struct vcpu_thread *t, struct stop *stop)
{
	const struct hard_break *hit;
	siginfo_t si = { 0 };
	uint64_t pc = pc_of(t->tid);

	ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si);
	if (si.si_code == SI_KERNEL || si.si_code == TRAP_BRKPT) {
		if (!breaks_soft_at(&tr->breaks, pc - 1))
			return false;
		ptrace(PTRACE_POKEUSER, t->tid, offsetof(struct user, regs.rip), pc - 1);
		stop->why = STOP_BREAK;
		return true;
	}
	hit = breaks_hit(&tr->breaks, t->tid);
	if (hit) {
		stop->why = STOP_HARD;
		stop->hit = *hit;
		return true;
	}
	stop->why = STOP_STEP;
	return t->step;
}

/*
 * One thread has stopped. Returns true if that is a stop to tell of; else it goes on
 * with the next resume().
 */
static bool take(struct tracee *tr, struct vcpu_thread *t, int status, struct stop *stop)
{
	int sig = WSTOPSIG(status);

	t->running = false;
	if (!WIFSTOPPED(status)) {
		t->gone = true;
		return false;
	}
	if (EVENT(status)) {
		t->asked = false;
		return false;
	}
	if (sig == SIGTRAP) {
		/* In a handler, of a fault that came in the middle of the step. */
		if (t->step && peek(t->tid, offsetof(struct user, regs.rsp)) >= KERNEL_END &&
		    !breaks_soft_at(&tr->breaks, pc_of(t->tid) - 1))
			return false;
		if (our_trap(tr, t, stop)) {
			stop->cpu = t - tr->t;
			return true;
		}
	}
	if (t->step && can_wait(sig) && !in_syscall(tr, t->tid))
		t->later |= 1U << sig;
	else
		t->signal = sig;
	return false;
}

static struct vcpu_thread *thread_of(struct tracee *tr, pid_t tid)
{
	unsigned int i;

	for (i = 0; i < tr->nr; i++)
		if (tr->t[i].tid == tid)
			return &tr->t[i];
	return NULL;
}

void tracee_wait(struct tracee *tr, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	sigset_t waiting;
	unsigned int i;
	int status;

	sigprocmask(SIG_SETMASK, NULL, &waiting);
	sigdelset(&waiting, SIGCHLD);
	do {
		for (i = 0; i < tr->nr; i++) {
			struct vcpu_thread *t = &tr->t[i];

			if (!t->gone && waitpid(t->tid, &status, __WALL | WNOHANG) == t->tid && !WIFSTOPPED(status))
				t->gone = true;
		}
	} while (ppoll(&pfd, 1, NULL, &waiting) < 0 && errno == EINTR);
}

static bool all_gone(const struct tracee *tr)
{
	unsigned int i;

	for (i = 0; i < tr->nr; i++)
		if (!tr->t[i].gone)
			return false;
	return true;
}

/* All that runs, runs no more. */
static void stop_all(struct tracee *tr)
{
	struct stop other;
	unsigned int i;
	int status;

	for (i = 0; i < tr->nr; i++) {
		struct vcpu_thread *t = &tr->t[i];

		if (t->running && !t->gone && !ptrace(PTRACE_INTERRUPT, t->tid, 0, 0))
			t->asked = true;
	}
	for (i = 0; i < tr->nr; i++) {
		struct vcpu_thread *t = &tr->t[i];

		while (t->running && !t->gone) {
			if (waitpid(t->tid, &status, __WALL) != t->tid)
				t->gone = true;
			else
				take(tr, t, status, &other);
			if (t->running)
				resume(tr, t);
		}
	}
	/* Of a guest that has ended the number may be another's by now. */
	if (tr->held || all_gone(tr))
		return;
	/* First: if this process is killed in the middle the guard lets go of what was stopped. */
	store_release(tr->held, true);
	hold_begin(&tr->hold, false);
}

static void run_all(struct tracee *tr, uint64_t step, uint64_t go)
{
	unsigned int i;

	for (i = 0; i < tr->nr; i++) {
		struct vcpu_thread *t = &tr->t[i];

		if (tr->breaks.hard_changed && !t->gone)
			breaks_load(&tr->breaks, t->tid);
		t->step = step >> i & 1;
	}
	tr->breaks.hard_changed = false;
	if (tr->held)
		hold_end(&tr->hold);
	tr->held = false;
	for (i = 0; i < tr->nr; i++)
		if ((step | go) >> i & 1)
			resume(tr, &tr->t[i]);
}

static void nothing(int sig)
{
}

/* SIGCHLD is blocked but in here. */
static bool wait_event(struct tracee *tr, struct stop *stop)
{
	struct pollfd pfd = { .fd = tr->fd, .events = POLLIN };
	sigset_t waiting;

	sigprocmask(SIG_SETMASK, NULL, &waiting);
	sigdelset(&waiting, SIGCHLD);
	if (ppoll(&pfd, 1, NULL, &waiting) <= 0 || !tr->input(tr->ctx))
		return false;
	stop->why = STOP_ASKED;
	return true;
}

void tracee_run(struct tracee *tr, uint64_t step, uint64_t go, struct stop *stop)
{
	bool found = false;
	int status;
	pid_t tid;

	*stop = (struct stop){ .why = STOP_ASKED };
	run_all(tr, step, go);
	while (!found && !all_gone(tr)) {
		while (!found && (tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
			struct vcpu_thread *t = thread_of(tr, tid);

			if (!t)
				continue;
			found = take(tr, t, status, stop);
			if (!found)
				resume(tr, t);
		}
		if (!found && !all_gone(tr))
			found = wait_event(tr, stop);
	}
	if (!found)
		stop->why = STOP_ENDED;
	stop_all(tr);
}

/* ---- registers ---- */

bool tracee_alive(const struct tracee *tr, unsigned int cpu)
{
	return cpu < tr->nr && !tr->t[cpu].gone;
}

int tracee_get(const struct tracee *tr, unsigned int cpu, struct user_regs_struct *regs, struct user_fpregs_struct *fp)
{
	if (!tracee_alive(tr, cpu))
		return -ESRCH;
	if (ptrace(PTRACE_GETREGS, tr->t[cpu].tid, 0, regs) || ptrace(PTRACE_GETFPREGS, tr->t[cpu].tid, 0, fp))
		return -errno;
	return 0;
}

int tracee_set(const struct tracee *tr, unsigned int cpu, const struct user_regs_struct *regs, const struct user_fpregs_struct *fp)
{
	if (!tracee_alive(tr, cpu))
		return -ESRCH;
	if (ptrace(PTRACE_SETREGS, tr->t[cpu].tid, 0, regs) || ptrace(PTRACE_SETFPREGS, tr->t[cpu].tid, 0, fp))
		return -errno;
	return 0;
}

/* ---- begin and end ---- */

static void find_threads(struct tracee *tr)
{
	char path[320], name[32];
	struct dirent *entry;
	unsigned int cpu;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", tr->mem->monitor);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", tr->mem->monitor, entry->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) && sscanf(name, "vcpu%u", &cpu) == 1 && cpu < tr->mem->cpus) {
			tr->t[cpu].tid = atoi(entry->d_name);
			if (tr->nr < cpu + 1)
				tr->nr = cpu + 1;
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}

static int seize(struct vcpu_thread *t, const char *name, struct r3_err *err)
{
	if (!ptrace(PTRACE_SEIZE, t->tid, 0, 0)) {
		t->running = true;
		return 0;
	}
	if (errno == ESRCH)
		return err_set(err, ESRCH, "the guest %s has just ended", name);
	return err_set(err, errno, "the guest %s cannot be traced: %s%s", name, strerror(errno),
		       errno == EPERM ? "; does another debugger have it?" : "");
}

static void __attribute__((noreturn)) guard(struct tracee *tr, int wait)
{
	struct vmem mem = *tr->mem;
	char byte;

	prctl(PR_SET_NAME, "ring3-guard");
	setsid();
	signal(SIGTERM, SIG_IGN);
	dup2(wait, 0);
	dup2(mem.fd, 1);
	util_close_range(2, ~0U >> 1);
	mem.fd = 1;
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	tr->breaks.mem = tr->hold.mem = &mem;
	breaks_remove(&tr->breaks);
	/* Its descriptor was another process's. */
	hold_group_init(&tr->hold.group, mem.monitor);
	if (tr->held)
		hold_end(&tr->hold);
	_exit(0);
}

static int start_guard(struct tracee *tr, struct r3_err *err)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return err_set(err, errno, "no pipe for breakpoints: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(p[1]);
		guard(tr, p[0]);
	}
	close(p[0]);
	tr->guard = p[1];
	tr->guard_pid = pid;
	return pid < 0 ? err_set(err, errno, "no process to guard breakpoints: %s", strerror(errno)) : 0;
}

static int attach(struct tracee *tr, const char *name, struct r3_err *err)
{
	struct sigaction act = { .sa_handler = nothing };
	unsigned int i;
	sigset_t set;
	int ret;

	find_threads(tr);
	/* They are made at the guest's start. */
	for (i = 0; tr->nr != tr->mem->cpus && i < WAIT_MS / 10; i++) {
		usleep(10000);
		find_threads(tr);
	}
	if (!tr->nr || tr->nr != tr->mem->cpus)
		return err_set(err, EAGAIN, "the guest %s has no vCPUs yet: try again", name);
	hold_init(&tr->hold, tr->mem);
	ret = start_guard(tr, err);
	if (ret)
		return ret;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGCHLD, &act, NULL);
	for (i = 0; i < tr->nr; i++) {
		ret = seize(&tr->t[i], name, err);
		if (ret)
			return ret;
	}
	stop_all(tr);
	return 0;
}

/* Nothing is left for it to do. */
static void end_guard(struct tracee *tr)
{
	if (tr->guard_pid <= 0)
		return;
	close(tr->guard);
	while (waitpid(tr->guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void release(struct tracee *tr)
{
	unsigned int i;
	int status;

	/* Those that were seized before another could not be. */
	for (i = 0; i < tr->nr; i++) {
		pid_t tid = tr->t[i].tid;

		if (tr->t[i].running && !ptrace(PTRACE_INTERRUPT, tid, 0, 0) && waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, tid, 0, EVENT(status) ? 0 : WSTOPSIG(status));
	}
	end_guard(tr);
	munmap(tr, sizeof(*tr));
}

struct tracee *tracee_open(struct vmem *mem, const char *name, struct r3_err *err)
{
	struct tracee *tr = mmap(NULL, sizeof(*tr), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tr == MAP_FAILED) {
		err_set(err, ENOMEM, "no memory to trace a guest");
		return NULL;
	}
	tr->mem = mem;
	tr->breaks.mem = mem;
	if (!attach(tr, name, err))
		return tr;
	release(tr);
	return NULL;
}

void tracee_close(struct tracee *tr)
{
	unsigned int i;
	int sig;

	breaks_remove(&tr->breaks);
	memset(tr->breaks.hard, 0, sizeof(tr->breaks.hard));
	for (i = 0; i < tr->nr; i++)
		if (!tr->t[i].gone)
			breaks_load(&tr->breaks, tr->t[i].tid);
	if (tr->held)
		hold_end(&tr->hold);
	tr->held = false;
	hold_close(&tr->hold);
	for (i = 0; i < tr->nr; i++) {
		struct vcpu_thread *t = &tr->t[i];

		for (sig = 1; !t->gone && sig < 32; sig++)
			if (t->later & 1U << sig)
				syscall(SYS_tgkill, tr->mem->monitor, t->tid, sig);
		if (!t->gone)
			ptrace(PTRACE_DETACH, t->tid, 0, t->signal);
	}
	/* The wall clock is right again at the next interrupt, which this is. */
	if (tr->nr && !tr->t[0].gone)
		syscall(SYS_tgkill, tr->mem->monitor, tr->t[0].tid, R3_SIG_IRQ);
	end_guard(tr);
	munmap(tr, sizeof(*tr));
}
