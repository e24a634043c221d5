// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the program "ring3" does for the library: starts machines, and copies files, with the
 * walls that it has for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "inside.h"
#include "loop.h"

#define WORDS_MAX	4096
/* How long "ring3" may take to undo what it has begun. */
#define TERM_MS		5000

static const char *program(void)
{
	const char *path = getenv("RING3_PROGRAM");

	return path && *path ? path : "ring3";
}

/* ---- one run ---- */

/* Between fork and exec of a process that may have threads: calls of the host only. */
static void __attribute__((noreturn)) child(const struct inside_program *p, char **argv, const int *fd, int failed)
{
	struct rlimit lim = { p->file_max, p->file_max };
	sigset_t none;
	int i, e, high[3];

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Too large is an error then, and no signal. */
	if (p->file_max && (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &lim)))
		goto fail;
	/* The caller may have closed some of its three, and ours have their numbers. */
	failed = fcntl(failed, F_DUPFD_CLOEXEC, 3);
	for (i = 0; i < 3; i++)
		if ((high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 3)) < 0)
			goto fail;
	for (i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			goto fail;
	execvp(argv[0], argv);
fail:
	e = errno;
	e = write(failed, &e, sizeof(e));
	_exit(127);
}

static void take(int fd, char *to, size_t size, size_t *len, bool *open)
{
	char drop[4096];
	size_t room = size - 1 - *len;
	ssize_t n = room ? read(fd, to + *len, room) : read(fd, drop, sizeof(drop));

	if (n > 0 && room)
		*len += n;
	else if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		*open = false;
}

/* Its last line is why it failed. */
static void last_line(char *words, size_t len, char *said, size_t size)
{
	char *line;

	while (len && words[len - 1] == '\n')
		len--;
	words[len] = 0;
	line = strrchr(words, '\n');
	line = line ? line + 1 : words;
	if (!strncmp(line, "ring3: ", 7))
		line += 7;
	snprintf(said, size, "%s", line);
}

static int follow(struct inside_program *p, pid_t pid, const int *fd, int64_t until)
{
	char *words = calloc(1, WORDS_MAX);
	size_t out_len = 0, len = 0;
	bool open[2] = { true, true };
	int status = 0, ret = words ? 0 : -ENOMEM;
	pid_t reaped;

	while (!ret && (open[0] || open[1])) {
		struct pollfd pfd[2] = { { open[0] ? fd[0] : -1, POLLIN }, { open[1] ? fd[1] : -1, POLLIN } };
		int left = inside_left(until);

		if (!left || !poll(pfd, 2, left))
			ret = -ETIMEDOUT;
		else if (pfd[0].revents)
			take(fd[0], p->out, p->out_size, &out_len, &open[0]);
		else if (pfd[1].revents)
			take(fd[1], words, WORDS_MAX, &len, &open[1]);
	}
	if (ret) {
		kill(pid, SIGTERM);
		until = inside_until(TERM_MS);
	}
	/* A caller that ignores SIGCHLD has its children reaped by the host. */
	while ((reaped = waitpid(pid, &status, ret ? WNOHANG : 0)) <= 0 && (!reaped || errno == EINTR)) {
		if (reaped || inside_left(until)) {
			poll(NULL, 0, 10);
			continue;
		}
		/* What it had begun its own processes undo. */
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		break;
	}
	if (words)
		last_line(words, len, p->said, sizeof(p->said));
	free(words);
	return ret ? ret : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int pipes(int (*fds)[2], int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		fds[i][0] = fds[i][1] = -1;
	for (i = 0; i < nr; i++)
		if (pipe2(fds[i], O_CLOEXEC) < 0)
			return -errno;
	return 0;
}

static void close_all(int (*fds)[2], int nr)
{
	int i;

	for (i = 0; i < 2 * nr; i++)
		if (fds[i / 2][i % 2] >= 0)
			close(fds[i / 2][i % 2]);
}

static int run(struct inside_program *p, char **argv, int in, int64_t until, struct r3_err *err)
{
	int fds[3][2], ret = pipes(fds, 3), e = 0;
	char none[1];
	pid_t pid;

	if (ret) {
		close_all(fds, 3);
		return err_set(err, ret, "no pipe: %s", strerror(-ret));
	}
	if (!p->out) {
		p->out = none;
		p->out_size = sizeof(none);
	}
	pid = fork();
	if (!pid)
		child(p, argv, (int[]){ in, fds[0][1], fds[1][1] }, fds[2][1]);
	ret = pid < 0 ? -errno : 0;
	for (e = 0; e < 3; e++) {
		close(fds[e][1]);
		fds[e][1] = -1;
	}
	if (ret) {
		close_all(fds, 3);
		return err_set(err, ret, "no process for \"%s\": %s", argv[0], strerror(-ret));
	}
	/* Closed by exec, or it says why there was none. */
	while ((ret = read(fds[2][0], &e, sizeof(e))) < 0 && errno == EINTR)
		;
	if (ret == sizeof(e)) {
		waitpid(pid, NULL, 0);
		close_all(fds, 3);
		return err_set(err, e, "cannot start the program \"%s\": %s; install ring3, or set RING3_PROGRAM to its path", argv[0], strerror(e));
	}
	ret = follow(p, pid, (int[]){ fds[0][0], fds[1][0] }, until);
	close_all(fds, 3);
	return ret < 0 ? err_set(err, ret, ret == -ETIMEDOUT ? "\"ring3 %s\" did not end in time, and was ended" : "no memory for \"ring3 %s\"", argv[1]) : ret;
}

int inside_program(struct inside_program *p, int timeout_ms, struct r3_err *err)
{
	int64_t until = inside_until(timeout_ms);
	int in = p->in, ret;
	char **argv;
	size_t n = 0;

	while (p->argv[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (in < 0)
		in = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!argv || in < 0) {
		ret = err_set(err, argv ? errno : ENOMEM, argv ? "no /dev/null" : "no memory for words");
	} else {
		argv[0] = (char *)program();
		memcpy(argv + 1, p->argv, n * sizeof(*argv));
		ret = run(p, argv, in, until, err);
	}
	if (in >= 0 && p->in < 0)
		close(in);
	free(argv);
	return ret;
}

/* ---- start ---- */

EXPORT int ring3_start(const struct ring3_start *start, struct ring3 **machine, struct ring3_error *error)
{
	struct ring3_start how = { 0 };
	size_t nr_options = 0, nr_words = 0, n = 0;
	char name[RING3_NAME_SIZE + 2] = "";
	struct inside_program p = { .in = -1, .out = name, .out_size = sizeof(name) };
	const char **argv;
	struct r3_err err;
	int ret;

	memcpy(&how, start, min_t(size_t, start->size, sizeof(how)));
	while (how.options && how.options[nr_options])
		nr_options++;
	while (how.command && how.command[nr_words])
		nr_words++;
	argv = calloc(nr_options + nr_words + 4, sizeof(*argv));
	if (!argv) {
		err_set(&err, ENOMEM, "no memory for words");
		return inside_error(error, &err);
	}
	argv[n++] = "run";
	argv[n++] = "-d";
	if (nr_options)
		memcpy(argv + n, how.options, nr_options * sizeof(*argv));
	n += nr_options;
	if (nr_words) {
		argv[n++] = "--";
		memcpy(argv + n, how.command, nr_words * sizeof(*argv));
	}
	p.argv = argv;
	ret = inside_program(&p, how.timeout_ms ? how.timeout_ms : RING3_EVER, &err);
	free(argv);
	name[strcspn(name, "\n")] = 0;
	if (ret > 0 || (!ret && !name[0]))
		ret = err_set(&err, ECANCELED, "%s", p.said[0] ? p.said : "the guest could not be started");
	return ret < 0 ? inside_error(error, &err) : ring3_open(name, machine, error);
}

/* ---- files ---- */

static int cp(struct ring3 *m, const char *from, const char *to, unsigned int flags, int in, uint64_t file_max, int timeout_ms, struct r3_err *err)
{
	const char *argv[6] = { "cp" };
	struct inside_program p = { .argv = argv, .in = in, .file_max = file_max };
	int n = 1, fd = inside_connect(m, err), ret;

	if (fd < 0)
		return fd;
	close(fd);
	if (flags & RING3_COPY_ARCHIVE)
		argv[n++] = "-a";
	if (flags & RING3_COPY_FOLLOW)
		argv[n++] = "-L";
	argv[n++] = "--";
	argv[n++] = from;
	argv[n] = to;
	ret = inside_program(&p, timeout_ms, err);
	if (ret <= 0)
		return ret;
	/* 120: cli/cli.h. */
	return err_set(err, ret == 120 ? ECONNRESET : EIO, "%s", p.said[0] ? p.said : "not all could be copied");
}

/* NAME:PATH. */
static char *inside_path(const struct ring3 *m, const char *path)
{
	char *text;

	return asprintf(&text, "%s:%s", m->name, path) < 0 ? NULL : text;
}

static int copy(struct ring3 *m, const char *local, const char *path, bool in, unsigned int flags, int timeout_ms, struct ring3_error *error)
{
	char *inside = inside_path(m, path), *here = NULL;
	struct r3_err err;
	int ret = 0;

	/* A name with a colon would be a guest's, "-" is an archive. */
	if (asprintf(&here, "%s%s", local[0] == '/' ? "" : "./", local) < 0)
		here = NULL;
	if (!inside || !here)
		ret = err_set(&err, ENOMEM, "no memory for a path");
	else
		ret = cp(m, in ? here : inside, in ? inside : here, flags, -1, 0, timeout_ms, &err);
	free(inside);
	free(here);
	return ret ? inside_error(error, &err) : 0;
}

EXPORT int ring3_copy_in(struct ring3 *machine, const char *local, const char *path, unsigned int flags, int timeout_ms, struct ring3_error *error)
{
	return copy(machine, local, path, true, flags, timeout_ms, error);
}

EXPORT int ring3_copy_out(struct ring3 *machine, const char *path, const char *local, unsigned int flags, int timeout_ms, struct ring3_error *error)
{
	return copy(machine, local, path, false, flags, timeout_ms, error);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return 0;
}

EXPORT int ring3_put(struct ring3 *machine, const char *path, const void *data, size_t len, mode_t mode, int timeout_ms, struct ring3_error *error)
{
	char *inside = inside_path(machine, path);
	int fd = memfd_create("ring3-put", MFD_CLOEXEC), ret = 0;
	struct r3_err err;

	if (!inside || fd < 0)
		ret = err_set(&err, inside ? errno : ENOMEM, "no memory for a file");
	if (!ret && (ret = fchmod(fd, mode & 07777) ? -errno : write_all(fd, data, len)))
		err_set(&err, ret, "no memory for a file of %zu bytes: %s", len, strerror(-ret));
	if (!ret)
		ret = cp(machine, "/proc/self/fd/0", inside, RING3_COPY_FOLLOW, fd, 0, timeout_ms, &err);
	if (fd >= 0)
		close(fd);
	free(inside);
	return ret ? inside_error(error, &err) : 0;
}

/* What came is a plain file, or we do not want it. */
static int load(const char *file, const char *path, size_t max, char **data, size_t *len, struct r3_err *err)
{
	cleanup_close int fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *buf;
	size_t have = 0;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return err_set(err, EISDIR, "%s is no plain file", path);
	if ((uint64_t)st.st_size > max)
		return err_set(err, EFBIG, "%s has more than %zu bytes", path, max);
	buf = malloc(st.st_size + 1);
	if (!buf)
		return err_set(err, ENOMEM, "no memory for a file of %zu bytes", (size_t)st.st_size);
	while (have < (size_t)st.st_size && n > 0) {
		n = read(fd, buf + have, st.st_size - have);
		have += n > 0 ? n : 0;
	}
	buf[have] = 0;
	*data = buf;
	*len = have;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path), 0;
}

EXPORT int ring3_get(struct ring3 *machine, const char *path, size_t max, char **data, size_t *len, int timeout_ms, struct ring3_error *error)
{
	const char *tmp = getenv("TMPDIR");
	char *inside = inside_path(machine, path), dir[PATH_MAX], file[PATH_MAX + 4];
	struct r3_err err;
	int ret = 0;

	if (snprintf(dir, sizeof(dir), "%s/ring3-get.XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp") >= (int)sizeof(dir) || !mkdtemp(dir)) {
		free(inside);
		err_set(&err, errno, "no directory for a file: %s", strerror(errno));
		return inside_error(error, &err);
	}
	snprintf(file, sizeof(file), "%s/f", dir);
	if (!inside)
		ret = err_set(&err, ENOMEM, "no memory for a path");
	else
		/* One more than there may be, so that it shows. */
		ret = cp(machine, inside, file, RING3_COPY_FOLLOW, -1, min_t(uint64_t, (uint64_t)max + 1, INT64_MAX), timeout_ms, &err);
	if (ret == -EIO && strstr(err.msg, strerror(EFBIG)))
		ret = err_set(&err, EFBIG, "%s has more than %zu bytes", path, max);
	if (!ret)
		ret = load(file, path, max, data, len, &err);
	/* Not a file: a directory and what is in it. */
	if (unlink(file) && errno != ENOENT)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(dir);
	free(inside);
	return ret ? inside_error(error, &err) : 0;
}
