// SPDX-License-Identifier: GPL-2.0-or-later
#include "labchild.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "signals.h"
#include "text.h"

#define ARGS_MAX	4096

static void keep_words(struct labchild *c, const char *text, size_t n)
{
	if (n > LABCHILD_WORDS) {
		text += n - LABCHILD_WORDS;
		n = LABCHILD_WORDS;
	}
	if (c->len + n > LABCHILD_WORDS) {
		size_t drop = c->len + n - LABCHILD_WORDS;

		memmove(c->words, c->words + drop, c->len - drop);
		c->len -= drop;
	}
	memcpy(c->words + c->len, text, n);
	c->len += n;
}

static void keep_log(struct labchild *c, const char *text, size_t n)
{
	static const char full[] = "\n[more was said than a lab's log keeps]\n";
	off_t at = c->log < 0 ? LABCHILD_LOG : lseek(c->log, 0, SEEK_END);

	if (at < 0 || at >= LABCHILD_LOG)
		return;
	if (at + n >= LABCHILD_LOG) {
		n = LABCHILD_LOG - at;
		if (write_full(c->log, text, n) == 0)
			write_full(c->log, full, strlen(full));
		return;
	}
	write_full(c->log, text, n);
}

static bool take(struct labchild *c)
{
	char text[4096];
	ssize_t n = read(c->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		loop_unwatch(c->loop, &c->watch);
		close(c->fd);
		c->fd = -1;
		return false;
	}
	keep_words(c, text, n);
	keep_log(c, text, n);
	return true;
}

static void ready(void *ctx, short revents)
{
	take(ctx);
}

static void child(char *const *argv, pid_t parent, int in, int out)
{
	char *words[ARGS_MAX] = { (char *)"ring3" }, self[4096];
	struct stat named, running;
	ssize_t n;
	size_t i;

	for (i = 0; argv[i] && i + 2 < ARRAY_SIZE(words); i++)
		words[i + 1] = argv[i];
	signals_default();
	/* Ctrl-C is for us; and who has nobody left to tell need not go on. */
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(125);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(125);
	/* The rest is close-on-exec. */
	/* By its path, if that is still this program: it is what ps shows. */
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = 0;
	if (!stat(self, &named) && !stat("/proc/self/exe", &running) && named.st_dev == running.st_dev && named.st_ino == running.st_ino)
		execv(self, words);
	execv("/proc/self/exe", words);
	_exit(125);
}

/* A file in memory, at its beginning. */
static int input_file(const char *input)
{
	int fd = input ? memfd_create("ring3-input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = input ? write_full(fd, input, strlen(input)) : 0;
	if (ret || (input && lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return ret ? ret : -errno;
	}
	return fd;
}

int labchild_start(struct labchild *c, struct loop *loop, char *const *argv, const char *input, int log, struct r3_err *err)
{
	cleanup_close int in = input_file(input);
	pid_t parent;
	int out[2];

	*c = (struct labchild){ .fd = -1, .log = log, .loop = loop };
	if (in < 0)
		return err_set(err, in, "no input for ring3 %s: %s", argv[0], strerror(-in));
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for ring3 %s: %s", argv[0], strerror(errno));
	parent = getpid();
	c->pid = fork();
	if (c->pid == 0)
		child(argv, parent, in, out[1]);
	close(out[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(out[0]);
		return err_set(err, errno, "no process for ring3 %s: %s", argv[0], strerror(errno));
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	c->fd = out[0];
	loop_watch(loop, &c->watch, c->fd, POLLIN, ready, c);
	return 0;
}

void labchild_ended(struct labchild *c)
{
	c->pid = 0;
	while (c->fd >= 0 && take(c))
		;
	if (c->fd < 0)
		return;
	loop_unwatch(c->loop, &c->watch);
	close(c->fd);
	c->fd = -1;
}

const char *labchild_words(struct labchild *c, unsigned int lines)
{
	char *p;

	while (c->len && strchr("\r\n \t", c->words[c->len - 1]))
		c->len--;
	c->len = text_clean(c->words, c->len);
	c->words[c->len] = 0;
	for (p = c->words + c->len; p > c->words; p--)
		if (p[-1] == '\n' && !--lines)
			break;
	return p;
}
