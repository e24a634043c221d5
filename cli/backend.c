// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "message.h"
#include "signals.h"
#include "text.h"
#include "weight.h"

/* One that was taken over must not fill the disk that our stderr is on. */
#define LINES_PER_SECOND	20

/* ---- where it is ---- */

static bool is_program(const char *dir, size_t len, const char *name, char *path, size_t size)
{
	int n = snprintf(path, size, "%.*s/%s", (int)len, dir, name);

	return n > 0 && (size_t)n < size && !access(path, X_OK);
}

int backend_find(const char *name, const char *package, char *path, size_t size, struct r3_err *err)
{
	/* From this program's directory: installed, and in the build's tree. */
	static const char *const places[] = { ".", "../libexec/ring3", "../fs", "../net", "../net/nat", "../net/switch", "../unpack", "../vsock", "../web" };
	const char *own = getenv("RING3_BIN");
	char self[PATH_MAX], dir[PATH_MAX + 32];
	ssize_t n;
	size_t i;

	if (own && *own) {
		if (is_program(own, strlen(own), name, path, size))
			return 0;
		return err_set(err, ENOENT, "there is no program %s in %s, which RING3_BIN names", name, own);
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = 0;
		*strrchr(self, '/') = 0;
		for (i = 0; i < ARRAY_SIZE(places); i++) {
			snprintf(dir, sizeof(dir), "%s/%s", self, places[i]);
			if (is_program(dir, strlen(dir), name, path, size))
				return 0;
		}
	}
	return err_set(err, ENOENT, "the program %s is missing: %s", name, package);
}

int backend_find_host(const char *name, const char *package, char *path, size_t size, struct r3_err *err)
{
	const char *p = getenv("PATH");
	size_t n;

	if (!p || !*p)
		p = "/usr/local/bin:/usr/bin:/bin";
	for (; *p; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (n && is_program(p, n, name, path, size))
			return 0;
	}
	return err_set(err, ENOENT, "the program %s is missing: install Debian's package %s", name, package);
}

/* ---- start ---- */

/* The table is made clean: 0 and 1 lead nowhere, 2 to our pipe, then what it is given. */
static bool arrange(int out, int log, const int *fds, int nr)
{
	int high[BACKEND_MAX_FDS + 2], i, null = open("/dev/null", O_RDWR);

	if (null < 0)
		return false;
	/* First out of the way of the numbers that they are to have. */
	high[nr] = fcntl(log, F_DUPFD, BACKEND_FIRST_FD + BACKEND_MAX_FDS + 1);
	high[nr + 1] = fcntl(out >= 0 ? out : null, F_DUPFD, BACKEND_FIRST_FD + BACKEND_MAX_FDS + 1);
	for (i = 0; i < nr; i++)
		high[i] = fcntl(fds[i], F_DUPFD, BACKEND_FIRST_FD + BACKEND_MAX_FDS + 1);
	if (dup2(null, 0) < 0 || dup2(high[nr + 1], 1) < 0 || dup2(high[nr], 2) < 0)
		return false;
	for (i = 0; i < nr; i++)
		if (high[i] < 0 || dup2(high[i], BACKEND_FIRST_FD + i) < 0)
			return false;
	util_close_range(BACKEND_FIRST_FD + nr, ~0U >> 1);
	return true;
}

static void __attribute__((noreturn)) child(const char *path, char *const argv[], pid_t parent, int out, int log,
					    const int *fds, int nr, const struct confine *walls)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* Ctrl-C and Ctrl-Z on the terminal are for the guest's command, if at all. */
	setsid();
	weight_take_session();
	signals_default();
	if (chdir("/") < 0)
		_exit(127);
	/* Before the table is made clean: it has descriptors of what may be opened. */
	if (walls)
		confine_apply(walls, path);
	if (!arrange(out, log, fds, nr))
		_exit(127);
	execv(path, argv);
	dprintf(2, "%s cannot be executed: %s\n", path, strerror(errno));
	_exit(127);
}

static int start(struct backend *b, const char *name, const char *path, char *const argv[], int out, const int *fds,
		 int nr_fds, const struct confine *walls, struct r3_err *err)
{
	pid_t parent = getpid(), pid;
	int p[2];

	*b = (struct backend){ .name = name, .log_fd = -1, .quiet = true };
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for %s: %s", name, strerror(errno));
	pid = fork();
	if (!pid)
		child(path, argv, parent, out, p[1], fds, nr_fds, walls);
	close(p[1]);
	if (pid < 0) {
		int e = errno;

		close(p[0]);
		return err_set(err, e, "%s cannot be started: %s%s", name, strerror(e),
			       e == EAGAIN ? "; raise the limit of processes (ulimit -u)" : "");
	}
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	b->pid = pid;
	b->log_fd = p[0];
	return 0;
}

int backend_start(struct backend *b, const char *name, const char *path, char *const argv[], const int *fds,
		  int nr_fds, struct r3_err *err)
{
	return start(b, name, path, argv, -1, fds, nr_fds, NULL, err);
}

int backend_start_confined(struct backend *b, const char *name, const char *path, char *const argv[], const int *fds,
			   int nr_fds, const struct confine *walls, struct r3_err *err)
{
	return start(b, name, path, argv, -1, fds, nr_fds, walls, err);
}

/* ---- its words ---- */

void backend_say(struct backend *b, const char *text)
{
	int64_t second = loop_now() / 1000;

	if (second != b->second) {
		b->second = second;
		b->lines = 0;
	}
	if (++b->lines < LINES_PER_SECOND)
		message("%s: %s", b->name, text);
	else if (b->lines == LINES_PER_SECOND)
		message("%s says more than anybody can read: what is beyond %d lines a second is left out", b->name, LINES_PER_SECOND);
}

static void show(struct backend *b)
{
	size_t skip;

	b->line[b->len] = 0;
	text_line(b->line);
	b->len = 0;
	if (!b->line[0])
		return;
	/* It may have put its own name there. */
	skip = strlen(b->name);
	skip = !strncmp(b->line, b->name, skip) && !strncmp(b->line + skip, ": ", 2) ? skip + 2 : 0;
	if (b->quiet)
		snprintf(b->last, sizeof(b->last), "%s", b->line + skip);
	else
		backend_say(b, b->line + skip);
}

/* False when there is no more for now, or none at all. */
static bool read_words(struct backend *b)
{
	char text[512];
	ssize_t n = read(b->log_fd, text, sizeof(text)), i;

	for (i = 0; i < n; i++) {
		if (text[i] == '\n')
			show(b);
		else if (b->len + 1 < sizeof(b->line))
			b->line[b->len++] = text[i];
	}
	return n > 0;
}

static void close_log(struct backend *b)
{
	if (b->log_fd < 0)
		return;
	if (b->loop)
		loop_unwatch(b->loop, &b->log_watch);
	close(b->log_fd);
	b->log_fd = -1;
}

static void log_ready(void *ctx, short revents)
{
	struct backend *b = ctx;

	if (!read_words(b) && errno != EAGAIN && errno != EINTR)
		close_log(b);
	else if ((revents & (POLLHUP | POLLIN)) == POLLHUP)
		close_log(b);
}

void backend_watch(struct backend *b, struct loop *loop)
{
	if (b->log_fd < 0)
		return;
	b->loop = loop;
	loop_watch(loop, &b->log_watch, b->log_fd, POLLIN, log_ready, b);
}

/* ---- end ---- */

bool backend_reap(struct backend *b, char *how, size_t size)
{
	int status;

	if (!b->pid || waitpid(b->pid, &status, WNOHANG) != b->pid)
		return false;
	b->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(how, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(how, size, "ended with status %d", WEXITSTATUS(status));
	while (b->log_fd >= 0 && read_words(b))
		;
	if (b->len)
		show(b);
	close_log(b);
	return true;
}

void backend_end(struct backend *b, int ms)
{
	int64_t until = loop_now() + ms;
	const struct timespec pause = { .tv_nsec = 200000 };

	while (b->pid && waitpid(b->pid, NULL, WNOHANG) == 0) {
		if (loop_now() >= until) {
			kill(b->pid, SIGKILL);
			waitpid(b->pid, NULL, 0);
			break;
		}
		nanosleep(&pause, NULL);
	}
	b->pid = 0;
	while (b->log_fd >= 0 && read_words(b))
		;
	close_log(b);
}

/* ---- one question ---- */

#define ASK_MAX		(1 << 20)

/* What comes from @fd until its end, at most so much and so long. */
static int take_all(int fd, int ms, char **out)
{
	int64_t until = loop_now() + ms;
	cleanup_free char *text = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = until - loop_now();
		char *more;
		ssize_t n;

		if (size - len < 4097) {
			size += 65536;
			more = size <= ASK_MAX ? realloc(text, size) : NULL;
			if (!more)
				return -ENOMEM;
			text = more;
		}
		if (left <= 0 || poll(&pfd, 1, left) <= 0)
			return -ETIMEDOUT;
		n = read(fd, text + len, 4096);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		len += n > 0 ? n : 0;
	}
	text[len] = 0;
	*out = util_take_ptr(&text);
	return 0;
}

int backend_ask(const char *name, const char *path, char *const argv[], const int *fds, int nr_fds, const struct confine *walls,
		int ms, char **out, struct r3_err *err)
{
	struct backend b;
	int p[2], ret, status = 0;

	*out = NULL;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for %s: %s", name, strerror(errno));
	ret = start(&b, name, path, argv, p[1], fds, nr_fds, walls, err);
	close(p[1]);
	if (ret) {
		close(p[0]);
		return ret;
	}
	ret = take_all(p[0], ms, out);
	close(p[0]);
	if (ret)
		kill(b.pid, SIGKILL);
	waitpid(b.pid, &status, 0);
	while (read_words(&b))
		;
	if (b.len)
		show(&b);
	close(b.log_fd);
	if (!ret && WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (ret == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "%s is not done after %d s", name, ms / 1000);
	return err_set(err, EIO, "%s", b.last[0] ? b.last : "it failed without saying why");
}
