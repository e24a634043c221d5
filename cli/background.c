// SPDX-License-Identifier: GPL-2.0-or-later
#include "background.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "define.h"
#include "message.h"

/* ---- what was inherited ---- */

#define INHERITED_MAX	1024

static int inherited[INHERITED_MAX];
static size_t nr_inherited;

void background_note_inherited(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *de;

	nr_inherited = 0;
	while (d && (de = readdir(d)) && nr_inherited < INHERITED_MAX) {
		int fd = atoi(de->d_name);

		if (fd > 2 && fd != dirfd(d))
			inherited[nr_inherited++] = fd;
	}
	if (d)
		closedir(d);
}

void background_drop_inherited(const int *keep, size_t nr)
{
	size_t i, j;

	for (i = 0; i < nr_inherited; i++) {
		for (j = 0; j < nr && keep[j] != inherited[i]; j++)
			;
		if (j == nr)
			close(inherited[i]);
	}
}

/* ---- who waits for the guest ---- */

static volatile sig_atomic_t interrupted;
static pid_t child;

/* The guest is in another session: who wants it no more has to tell it. A second time it is ended. */
static void on_signal(int sig)
{
	kill(child, interrupted ? SIGKILL : SIGTERM);
	interrupted = sig;
}

static int wait_for_guest(int report)
{
	char name[80];
	size_t len = 0;
	int status;
	ssize_t n;

	while (len < sizeof(name) - 1) {
		n = read(report, name + len, sizeof(name) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}
	name[len] = 0;
	if (len) {
		/* Just when it was ready somebody wanted it no more. */
		fputs(name, stdout);
		return interrupted ? 128 + interrupted : fflush(stdout) ? CLI_FAILED : CLI_OK;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (interrupted)
		return 128 + interrupted;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	message("the guest's process was killed by signal %d (%s) before it was ready", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return CLI_HOST;
}

/* stderr stays until the guest is ready: what goes wrong before is for who waits. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (null < 0)
		return;
	dup2(null, 0);
	dup2(null, 1);
	close(null);
}

int background_fork(struct background *bg, int *status, struct r3_err *err)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal }, before[ARRAY_SIZE(taken)];
	sigset_t set, old;
	size_t i;
	int p[2];

	*bg = (struct background){ .kept = { .dir = -1, .lock = -1 }, .log = { .fd = -1 }, .report = -1, .started = time(NULL) };
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for a guest in the background: %s", strerror(errno));
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(NULL);
	child = fork();
	if (!child) {
		for (i = 0; i < ARRAY_SIZE(taken); i++)
			signal(taken[i], SIG_DFL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		close(p[0]);
		bg->report = p[1];
		leave_terminal();
		return 0;
	}
	close(p[1]);
	if (child < 0) {
		int e = errno;

		close(p[0]);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return err_set(err, e, "the guest's process cannot be started: %s", strerror(e));
	}
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		sigaction(taken[i], &sa, &before[i]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	*status = wait_for_guest(p[0]);
	close(p[0]);
	/* It lives on its own now, and its process's number may be another's next. */
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		sigaction(taken[i], &before[i], NULL);
	return 1;
}

bool background_interrupted(void)
{
	return interrupted;
}

/* ---- the guest's process ---- */

int background_take(struct background *bg, char *name, size_t size, bool any, struct r3_err *err)
{
	struct definition def;
	bool created = false;
	char other[64];
	int i, ret = kept_take(&bg->kept, name, err);

	/* Of a number that another process had once, there may be a log that somebody wants. */
	for (i = 2; any && i < 100 && ((!ret && !bg->kept.made) || ret == -EBUSY); i++) {
		kept_release(&bg->kept, false);
		snprintf(other, sizeof(other), "g%d-%d", getpid(), i);
		snprintf(name, size, "%s", other);
		ret = kept_take(&bg->kept, name, err);
	}
	if (ret)
		return ret;
	if (bg->defined)
		return 0;
	if (!define_load(&def, bg->kept.dir, err)) {
		created = def.created;
		define_free(&def);
	}
	if (created) {
		kept_release(&bg->kept, false);
		return err_set(err, EEXIST, "there is a machine called %s already: start it with \"ring3 start %s\", or choose another --name", name, name);
	}
	return 0;
}

static void to_log(void *ctx, const char *text, size_t len)
{
	struct background *bg = ctx;

	guestlog_add(&bg->log, GUESTLOG_RING3, text, len);
}

int background_begin(struct background *bg, struct r3_err *err)
{
	int ret;

	unlinkat(bg->kept.dir, KEPT_END, 0);
	if (!bg->defined)
		unlinkat(bg->kept.dir, KEPT_DEFINITION, 0);
	ret = guestlog_open(&bg->log, bg->kept.dir, !bg->defined);
	if (ret)
		return err_set(err, ret, "no log for the guest can be made: %s", strerror(-ret));
	/* Until it was ready once nothing of it is worth keeping. */
	bg->kept.made = !bg->defined;
	if (bg->definition) {
		ret = kept_put(bg->kept.dir, KEPT_DEFINITION, bg->definition, err);
		if (ret)
			return ret;
	}
	message_copy(to_log, bg);
	return 0;
}

void background_ready(struct background *bg)
{
	char text[80];
	int null, n;

	if (bg->report < 0)
		return;
	n = snprintf(text, sizeof(text), "%s\n", bg->kept.name);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 2);
		close(null);
	}
	/* Who waited may be gone: then its end was seen, or will be. */
	write_full(bg->report, text, n);
	close(bg->report);
	bg->report = -1;
}

void background_end(struct background *bg, int status)
{
	struct json_object *o;
	struct r3_err err;
	/* What was never ready leaves nothing: its words went to who waited. */
	bool remove = bg->remove || (bg->report >= 0 && bg->kept.made), began;

	began = bg->log.fd >= 0;
	message_copy(NULL, NULL);
	guestlog_close(&bg->log);
	if (bg->kept.dir < 0)
		return;
	if (!remove && began) {
		o = json_object_new_object();
		json_object_object_add(o, "status", json_object_new_int(status));
		json_object_object_add(o, "started", json_object_new_int64(bg->started));
		json_object_object_add(o, "ended", json_object_new_int64(time(NULL)));
		kept_put(bg->kept.dir, KEPT_END, o, &err);
		json_object_put(o);
	}
	kept_release(&bg->kept, remove);
}
