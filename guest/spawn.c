// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting a process. The child shares the agent's memory until it execs
 * (vfork), because copying an address space is the dearest thing a guest
 * does; so everything that needs memory is prepared before.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "session.h"

#define DEFAULT_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum step { STEP_NONE, STEP_SETUP, STEP_CWD, STEP_USER, STEP_EXEC };

struct plan {
	struct user user;
	char **argv;
	char **shell_argv;	/* the same through /bin/sh, for scripts without #! */
	char **env;
	char **path;		/* candidates for the program, in order */
	char *own[8];		/* strings of ours that env points to */
	char *login[2];
	char login_name[300];
	int nr_own;
	/* written by the child */
	volatile int step;
	volatile int err;
};

static const char *env_find(char **env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, len) && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

static size_t count(char **list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static bool env_default(struct plan *plan, size_t *nr, char **env, const char *name, const char *value)
{
	if (env_find(env, name))
		return true;
	if (asprintf(&plan->own[plan->nr_own], "%s=%s", name, value) < 0)
		return false;
	plan->env[(*nr)++] = plan->own[plan->nr_own++];
	return true;
}

static bool plan_env(struct plan *plan, char **env)
{
	size_t nr = 0;

	plan->env = calloc(count(env) + 8, sizeof(*plan->env));
	if (!plan->env ||
	    !env_default(plan, &nr, env, "PATH", DEFAULT_PATH) ||
	    !env_default(plan, &nr, env, "HOME", plan->user.home) ||
	    !env_default(plan, &nr, env, "USER", plan->user.name) ||
	    !env_default(plan, &nr, env, "LOGNAME", plan->user.name) ||
	    !env_default(plan, &nr, env, "SHELL", plan->user.shell) ||
	    !env_default(plan, &nr, env, "LANG", "C.UTF-8"))
		return false;
	for (; *env; env++)
		plan->env[nr++] = *env;
	return true;
}

/* All places where the program may be, in one allocation. */
static bool plan_path(struct plan *plan, const char *name)
{
	const char *path = env_find(plan->env, "PATH"), *p;
	size_t nr = 2, size, i = 0;
	char *text;

	if (strchr(name, '/') || !*name)
		path = "";
	for (p = path; *p; p++)
		nr += *p == ':';
	size = nr * (strlen(name) + 2) + strlen(path) + 1;
	plan->path = malloc((nr + 1) * sizeof(char *) + size);
	if (!plan->path)
		return false;
	text = (char *)(plan->path + nr + 1);
	if (!*path) {
		plan->path[i++] = strcpy(text, name);
	} else {
		for (p = path; ; p++) {
			size_t len = strcspn(p, ":");

			plan->path[i++] = text;
			text += sprintf(text, "%.*s%s%s", (int)len, p, len ? "/" : "", name) + 1;
			p += len;
			if (!*p)
				break;
		}
	}
	plan->path[i] = NULL;
	return true;
}

static bool plan_argv(struct plan *plan, const struct spawn *sp)
{
	const char *base;
	size_t n;

	plan->argv = sp->argv;
	if (!sp->argv) {
		base = strrchr(plan->user.shell, '/');
		snprintf(plan->login_name, sizeof(plan->login_name), "-%s", base ? base + 1 : "sh");
		plan->login[0] = plan->login_name;
		plan->argv = plan->login;
	}
	if (!plan_path(plan, sp->argv ? sp->argv[0] : plan->user.shell))
		return false;
	n = count(plan->argv);
	plan->shell_argv = calloc(n + 2, sizeof(*plan->shell_argv));
	if (!plan->shell_argv)
		return false;
	plan->shell_argv[0] = (char *)"sh";
	memcpy(plan->shell_argv + 2, plan->argv + 1, n * sizeof(*plan->argv));
	return true;
}

static void plan_free(struct plan *plan)
{
	while (plan->nr_own)
		free(plan->own[--plan->nr_own]);
	free(plan->env);
	free(plan->path);
	free(plan->shell_argv);
}

static void default_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Raw system calls: libc's wrappers would look for other threads to tell. */
static int become(uid_t uid, gid_t gid)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -1;
	return 0;
}

static void try_exec(struct plan *plan)
{
	int err = ENOENT;
	size_t i;

	for (i = 0; plan->path[i]; i++) {
		execve(plan->path[i], plan->argv, plan->env);
		if (errno == ENOEXEC) {
			plan->shell_argv[1] = plan->path[i];
			execve("/bin/sh", plan->shell_argv, plan->env);
			errno = ENOEXEC;
		}
		/* As in a shell, "not executable" is remembered, "not there" is not. */
		if (errno != ENOENT && errno != ENOTDIR) {
			err = errno;
			if (err != EACCES)
				break;
		}
	}
	plan->err = err;
}

static void child(const struct spawn *sp, struct plan *plan)
{
	int i;

	plan->step = STEP_SETUP;
	if (setsid() < 0 || (sp->ctty >= 0 && ioctl(sp->ctty, TIOCSCTTY, 0) < 0))
		goto fail;
	for (i = 0; i < 3; i++)
		if (dup2(sp->fd[i], i) < 0)
			goto fail;
	plan->step = STEP_USER;
	if (sp->with_uid && become(sp->uid, sp->gid) < 0)
		goto fail;
	plan->step = STEP_CWD;
	if (*sp->cwd ? chdir(sp->cwd) : chdir(plan->user.home) && chdir("/"))
		goto fail;
	default_signals();
	/* What nobody can speak with any more shall not stay. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	plan->step = STEP_EXEC;
	try_exec(plan);
	_exit(127);
fail:
	plan->err = errno;
	_exit(127);
}

static void explain_exec(const struct spawn *sp, struct plan *plan, struct spawn_error *error)
{
	const char *name = sp->argv ? sp->argv[0] : plan->user.shell;
	size_t i;

	error->code = R3_AGENT_ENOEXEC;
	error->status = 126;
	if (plan->err != ENOENT) {
		struct stat st;

		if (plan->err == EACCES && !stat(name, &st) && S_ISDIR(st.st_mode))
			plan->err = EISDIR;
		snprintf(error->text, sizeof(error->text), "%s cannot be executed in the guest: %s",
			 name, strerror(plan->err));
		return;
	}
	for (i = 0; plan->path[i]; i++) {
		if (!access(plan->path[i], F_OK)) {
			snprintf(error->text, sizeof(error->text),
				 "%s cannot be executed in the guest: its interpreter or dynamic loader is missing",
				 plan->path[i]);
			return;
		}
	}
	error->code = R3_AGENT_ENOCMD;
	error->status = 127;
	snprintf(error->text, sizeof(error->text), "no such command in the guest: %s", name);
}

static void explain(const struct spawn *sp, struct plan *plan, struct spawn_error *error)
{
	error->code = R3_AGENT_ESTART;
	error->status = 125;
	switch (plan->step) {
	case STEP_EXEC:
		explain_exec(sp, plan, error);
		break;
	case STEP_CWD:
		snprintf(error->text, sizeof(error->text), "cannot change to the guest's directory %s: %s",
			 sp->cwd, strerror(plan->err));
		break;
	case STEP_USER:
		snprintf(error->text, sizeof(error->text), "cannot become user %u: %s",
			 sp->uid, strerror(plan->err));
		break;
	default:
		snprintf(error->text, sizeof(error->text), "the guest cannot start a process: %s",
			 strerror(plan->err));
	}
}

pid_t spawn_process(const struct spawn *sp, struct spawn_error *error)
{
	struct plan plan = { 0 };
	sigset_t all, old;
	pid_t pid;

	user_lookup(sp->with_uid ? sp->uid : getuid(), &plan.user);
	if (!plan_env(&plan, sp->env) || !plan_argv(&plan, sp)) {
		plan_free(&plan);
		plan.err = ENOMEM;
		explain(sp, &plan, error);
		return -1;
	}

	/* No handler of ours may run in the child while memory is shared. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	pid = vfork();
	if (!pid)
		child(sp, &plan);
	if (pid < 0)
		plan.err = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);

	if (plan.err)
		explain(sp, &plan, error);
	plan_free(&plan);
	/* The child that failed is reaped as any orphan. */
	return plan.err ? -1 : pid;
}
