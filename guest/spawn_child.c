// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a new process does before it is the command. Memory is the agent's, which
 * goes on meanwhile, and so is libc's errno: only raw system calls here, and no
 * memory but this stack and the job.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn.h"

/* What the kernel calls struct sigaction and sigset_t. */
struct kernel_sigaction {
	unsigned long handler, flags, restorer, mask;
};

static long call(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
		: "=a"(ret)
		: "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
		: "rcx", "r11", "memory");
	return ret;
}

#define ptr(p)	((long)(p))

static void __attribute__((noreturn)) fail(const struct spawn_job *job, struct spawn_report *report,
					   int step, long err)
{
	report->step = step;
	report->err = -err;
	call(SYS_write, job->child_fd, ptr(report), sizeof(*report), 0);
	for (;;)
		call(SYS_exit_group, 127, 0, 0, 0);
}

/* Descriptors 0 to 2 and the pipe stay; others' streams must not be held open by this one. */
static long take_streams(struct spawn_job *job, int *status)
{
	long ret;
	int i;

	for (i = 0; i < 3; i++) {
		ret = call(SYS_dup2, job->sp.fd[i], i, 0, 0);
		if (ret < 0)
			return ret;
	}
	ret = 3;
	if (job->child_fd != 3)
		ret = call(SYS_dup3, job->child_fd, 3, O_CLOEXEC, 0);
	if (ret < 0)
		return ret;
	*status = 3;
	return call(SYS_close_range, 4, UINT_MAX, 0, 0);
}

static void default_signals(void)
{
	struct kernel_sigaction sa = { 0 };
	unsigned long none = 0;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		call(SYS_rt_sigaction, sig, ptr(&sa), 0, sizeof(sa.mask));
	call(SYS_rt_sigprocmask, SIG_SETMASK, ptr(&none), 0, sizeof(none));
}

static long become(uid_t uid, gid_t gid)
{
	long ret = call(SYS_setgroups, 0, 0, 0, 0);

	if (!ret)
		ret = call(SYS_setresgid, gid, gid, gid, 0);
	return ret ? ret : call(SYS_setresuid, uid, uid, uid, 0);
}

static long enter_dir(const struct spawn_job *job)
{
	if (*job->sp.cwd)
		return call(SYS_chdir, ptr(job->sp.cwd), 0, 0, 0);
	if (!call(SYS_chdir, ptr(job->user.home), 0, 0, 0))
		return 0;
	return call(SYS_chdir, ptr("/"), 0, 0, 0);
}

static long try_exec(struct spawn_job *job)
{
	long err = -ENOENT, ret;
	size_t i;

	for (i = 0; job->path[i]; i++) {
		ret = call(SYS_execve, ptr(job->path[i]), ptr(job->argv), ptr(job->env), 0);
		if (ret == -ENOEXEC) {
			job->shell_argv[1] = job->path[i];
			call(SYS_execve, ptr("/bin/sh"), ptr(job->shell_argv), ptr(job->env), 0);
		}
		/* As in a shell, "not executable" is remembered, "not found" is not. */
		if (ret != -ENOENT && ret != -ENOTDIR) {
			err = ret;
			if (err != -EACCES)
				break;
		}
	}
	return err;
}

/* Looked at here and not by the agent: whose files these are may make it wait. */
static void find_reason(const struct spawn_job *job, struct spawn_report *report)
{
	struct stat st;
	int i;

	for (i = 0; job->path[i]; i++) {
		if (call(SYS_stat, ptr(job->path[i]), ptr(&st), 0, 0))
			continue;
		report->path = i;
		report->is_dir = S_ISDIR(st.st_mode);
		return;
	}
}

int spawn_child(void *arg)
{
	struct spawn_job *job = arg;
	const struct spawn *sp = &job->sp;
	struct spawn_report report = { .path = -1 };
	int status = job->child_fd;
	long ret;

	ret = call(SYS_setsid, 0, 0, 0, 0);
	if (ret >= 0 && sp->ctty >= 0)
		ret = call(SYS_ioctl, sp->ctty, TIOCSCTTY, 0, 0);
	if (ret >= 0)
		ret = take_streams(job, &status);
	job->child_fd = status;
	if (ret < 0)
		fail(job, &report, STEP_SETUP, ret);
	call(SYS_prlimit64, 0, RLIMIT_NOFILE, ptr(&job->files), 0);
	default_signals();
	ret = sp->with_uid ? become(sp->uid, sp->gid) : 0;
	if (ret)
		fail(job, &report, STEP_USER, ret);
	/* From here on it is that user's, who may stop or kill it. */
	call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	ret = enter_dir(job);
	if (ret)
		fail(job, &report, STEP_CWD, ret);
	ret = try_exec(job);
	find_reason(job, &report);
	fail(job, &report, STEP_EXEC, ret);
}
