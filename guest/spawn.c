// SPDX-License-Identifier: GPL-2.0-or-later
/* Preparing a process, since the child cannot, and saying what went wrong with it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ring3/agent.h>

#include "spawn.h"

#define DEFAULT_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* Of a session: three streams or a pty, and the pipe of its start. */
#define FILES_NEEDED	(5 * R3_AGENT_SESSIONS + 64)

static struct rlimit files;

void spawn_init(void)
{
	struct rlimit more;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	more = files;
	if (more.rlim_cur < FILES_NEEDED)
		more.rlim_cur = more.rlim_max < FILES_NEEDED ? more.rlim_max : FILES_NEEDED;
	setrlimit(RLIMIT_NOFILE, &more);
}

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

static bool env_default(struct spawn_job *job, size_t *nr, char **env, const char *name, const char *value)
{
	if (env_find(env, name))
		return true;
	if (asprintf(&job->own[job->nr_own], "%s=%s", name, value) < 0)
		return false;
	job->env[(*nr)++] = job->own[job->nr_own++];
	return true;
}

static bool job_env(struct spawn_job *job, char **env)
{
	size_t nr = 0;

	job->env = calloc(count(env) + 8, sizeof(*job->env));
	if (!job->env ||
	    !env_default(job, &nr, env, "PATH", DEFAULT_PATH) ||
	    !env_default(job, &nr, env, "HOME", job->user.home) ||
	    !env_default(job, &nr, env, "USER", job->user.name) ||
	    !env_default(job, &nr, env, "LOGNAME", job->user.name) ||
	    !env_default(job, &nr, env, "SHELL", job->user.shell) ||
	    !env_default(job, &nr, env, "LANG", "C.UTF-8"))
		return false;
	for (; *env; env++)
		job->env[nr++] = *env;
	return true;
}

/* All places where the program may be, in one allocation. */
static bool job_path(struct spawn_job *job, const char *name)
{
	const char *path = env_find(job->env, "PATH"), *p;
	size_t nr = 2, size, i = 0;
	char *text;

	if (strchr(name, '/') || !*name)
		path = "";
	for (p = path; *p; p++)
		nr += *p == ':';
	size = nr * (strlen(name) + 2) + strlen(path) + 1;
	job->path = malloc((nr + 1) * sizeof(char *) + size);
	if (!job->path)
		return false;
	text = (char *)(job->path + nr + 1);
	if (!*path) {
		job->path[i++] = strcpy(text, name);
	} else {
		for (p = path; ; p++) {
			size_t len = strcspn(p, ":");

			job->path[i++] = text;
			text += sprintf(text, "%.*s%s%s", (int)len, p, len ? "/" : "", name) + 1;
			p += len;
			if (!*p)
				break;
		}
	}
	job->path[i] = NULL;
	return true;
}

static bool job_argv(struct spawn_job *job, const struct spawn *sp)
{
	const char *base;
	size_t n;

	job->argv = sp->argv;
	if (!sp->argv) {
		base = strrchr(job->user.shell, '/');
		snprintf(job->login_name, sizeof(job->login_name), "-%s", base ? base + 1 : "sh");
		job->login[0] = job->login_name;
		job->argv = job->login;
	}
	if (!job_path(job, sp->argv ? sp->argv[0] : job->user.shell))
		return false;
	n = count(job->argv);
	job->shell_argv = calloc(n + 2, sizeof(*job->shell_argv));
	if (!job->shell_argv)
		return false;
	job->shell_argv[0] = (char *)"sh";
	memcpy(job->shell_argv + 2, job->argv + 1, n * sizeof(*job->argv));
	return true;
}

/* As the user it was to be, the child saw these paths; the agent looks at none of them. */
static void explain_exec(const struct spawn_job *job, struct spawn_error *error)
{
	const char *name = job->sp.argv ? job->sp.argv[0] : job->user.shell;
	int err = job->report.err, path = job->report.path;

	error->code = R3_AGENT_ENOEXEC;
	error->status = 126;
	if (err != ENOENT) {
		if (err == EACCES && job->report.is_dir)
			err = EISDIR;
		snprintf(error->text, sizeof(error->text), "%s cannot be executed in the guest: %s",
			 name, strerror(err));
		return;
	}
	if (path >= 0) {
		snprintf(error->text, sizeof(error->text),
			 "%s cannot be executed in the guest: its interpreter or dynamic loader is missing",
			 job->path[path]);
		return;
	}
	error->code = R3_AGENT_ENOCMD;
	error->status = 127;
	snprintf(error->text, sizeof(error->text), "no such command in the guest: %s", name);
}

static void explain(const struct spawn_job *job, struct spawn_error *error)
{
	int err = job->report.err;

	error->code = R3_AGENT_ESTART;
	error->status = 125;
	switch (job->report.step) {
	case STEP_EXEC:
		explain_exec(job, error);
		break;
	case STEP_CWD:
		snprintf(error->text, sizeof(error->text), "cannot change to the guest's directory %s: %s",
			 job->sp.cwd, strerror(err));
		break;
	case STEP_USER:
		snprintf(error->text, sizeof(error->text), "cannot become user %u: %s",
			 job->sp.uid, strerror(err));
		break;
	default:
		snprintf(error->text, sizeof(error->text), "the guest cannot start a process: %s",
			 strerror(err));
	}
}

/* Returns 0 or an errno. */
static int start(struct spawn_job *job)
{
	sigset_t all, old;
	int p[2], err = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return errno;
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	job->status_fd = p[0];
	job->child_fd = p[1];
	job->files = files;
	/* No handler of ours may run in the child while memory is shared. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	job->pid = clone(spawn_child, job->stack + SPAWN_STACK, CLONE_VM | SIGCHLD, job);
	if (job->pid < 0)
		err = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(p[1]);
	return err;
}

struct spawn_job *spawn_start(const struct spawn *sp, struct spawn_error *error)
{
	struct spawn_job *job = calloc(1, sizeof(*job)), none = { .sp = *sp };
	int err = ENOMEM;

	if (job) {
		job->sp = *sp;
		job->status_fd = -1;
		user_lookup(sp->with_uid ? sp->uid : getuid(), &job->user);
		if (job_env(job, sp->env) && job_argv(job, sp))
			err = start(job);
	}
	if (!err)
		return job;
	none.report = (struct spawn_report){ .step = STEP_SETUP, .err = err };
	explain(&none, error);
	if (job)
		spawn_free(job);
	return NULL;
}

/* All of the report, and the end behind it, by which the child is out of our memory. */
int spawn_result(struct spawn_job *job, struct spawn_error *error)
{
	char data[sizeof(job->report)];
	ssize_t n;

	while ((n = read(job->status_fd, data, sizeof(data))) != 0) {
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n > 0 && job->report_len + n <= sizeof(job->report)) {
			memcpy((char *)&job->report + job->report_len, data, n);
			job->report_len += n;
		}
	}
	if (!job->report_len)
		return 1;
	explain(job, error);
	return -1;
}

void spawn_free(struct spawn_job *job)
{
	if (job->status_fd >= 0)
		close(job->status_fd);
	while (job->nr_own)
		free(job->own[--job->nr_own]);
	free(job->env);
	free(job->path);
	free(job->shell_argv);
	free(job);
}
