// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. A tar archive travels as the stdin or stdout of a command of
 * the guest, which is the agent's own program (guest/copy.c), so the guest needs
 * none. What comes from a guest is written by ring3-copy, in a process that can
 * change one directory only; what goes to it is read here, by a child. docker cp's
 * rules say what is called how: the reader of the archive is told one name for its
 * top, and anything that is not in there is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "backend.h"
#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "tarout.h"
#include "text.h"

#define HELPER		"ring3-copy"
#define SELF		"/proc/self/exe"	/* in the guest, before it is executed: the agent */

struct cp {
	bool owners, follow;
	const char *inside;		/* path in it */
	const char *local;
	bool pulls;
	char name[NAME_MAX + 1];	/* of the archive's top */
	char guest_name[80];

	struct attach attach;
	char *argv[8];
	int fd[3];
	struct backend helper;		/* ring3-copy, if there is one */
	pid_t child;			/* reads local files, if there is one */
	struct watch words;		/* of the guest's program */
	int words_fd;
	char said[400];
	size_t len;
};

static const struct opt table[] = {
	{ "archive", 'a', NULL, "Keep owners, set-user-ID and set-group-ID bits, file capabilities and ACLs. Otherwise files in the guest are root's, and those of the host the caller's." },
	{ "follow-link", 'L', NULL, "If the source itself is a symbolic link, copy what it leads to." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct cp *cp = ctx;

	if (!strcmp(o->name, "archive"))
		cp->owners = true;
	else
		cp->follow = true;
	return 0;
}

static const struct opts cp_opts = {
	.usage = "cp [OPTIONS] NAME:PATH LOCAL | LOCAL NAME:PATH",
	.about = "Copies a file, or a directory with all that is in it, out of the running guest\n"
		 "NAME or into it. Into a directory that is there, else to the new name; of a\n"
		 "source that ends with /. only what is in it. LOCAL - is a tar archive on stdout\n"
		 "or stdin. Nothing from a guest is written outside of the target.",
	.table = table,
	.more = "Exit status: 0, or 1 if not all could be copied; 120 the guest ended before,\n"
		"125 wrong options, or there is no such guest.",
	.set = set_option,
};

/* ---- names ---- */

/* NAME:PATH; what has a slash before its colon is a local path. */
static bool split(const char *text, char *name, size_t size, const char **path)
{
	size_t n = strcspn(text, ":/");

	if (text[n] != ':' || !n || n >= size)
		return false;
	snprintf(name, size, "%.*s", (int)n, text);
	*path = text + n + 1;
	return true;
}

/* "x/." and "." are what is in a directory. */
static bool is_contents(const char *path)
{
	size_t n = strlen(path);

	return !strcmp(path, ".") || !strcmp(path, "/") || (n >= 2 && !strcmp(path + n - 2, "/."));
}

/* The last name of a path; empty: it has none of its own. */
static void last_name(const char *path, char *name)
{
	size_t end = strlen(path), begin;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (begin = end; begin && path[begin - 1] != '/'; begin--)
		;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)(end - begin), path + begin);
	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "/"))
		*name = 0;
}

static int parse(struct cp *cp, char **words, int n, struct r3_err *err)
{
	const char *path[2];
	char name[2][80];
	bool guest[2];
	int i;

	if (n != 2)
		return err_set(err, EINVAL, "give what to copy and where to: ring3 %s", cp_opts.usage);
	for (i = 0; i < 2; i++)
		guest[i] = split(words[i], name[i], sizeof(name[i]), &path[i]);
	if (guest[0] == guest[1])
		return err_set(err, EINVAL, guest[0] ? "both are in guests; copy by way of a file of this host" :
			       "none is in a guest: write NAME:PATH; \"ring3 ps\" lists the guests");
	cp->pulls = guest[0];
	i = !guest[0];
	cp->inside = path[i];
	cp->local = words[!i];
	snprintf(cp->guest_name, sizeof(cp->guest_name), "%s", name[i]);
	if (!*cp->inside || !*cp->local)
		return err_set(err, EINVAL, "a path is missing: ring3 %s", cp_opts.usage);
	return 0;
}

/* ---- the guest's program ---- */

static void words_ready(void *ctx, short revents)
{
	struct cp *cp = ctx;
	char text[512];
	ssize_t n = read(cp->words_fd, text, sizeof(text));

	if (n > 0) {
		size_t room = sizeof(cp->said) - 1 - cp->len;

		memcpy(cp->said + cp->len, text, min_t(size_t, room, n));
		cp->len += min_t(size_t, room, n);
	} else if (n == 0 || errno != EAGAIN) {
		loop_unwatch(&cp->attach.loop, &cp->words);
	}
}

static int make_pipe(int *fds, struct r3_err *err)
{
	return pipe2(fds, O_CLOEXEC) < 0 ? err_set(err, errno, "no pipe: %s", strerror(errno)) : 0;
}

static int run_guest(struct cp *cp, struct r3_err *err)
{
	int p[2], ret = make_pipe(p, err);

	if (ret)
		return ret;
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	cp->words_fd = p[0];
	cp->fd[2] = p[1];
	cp->attach.spec.argv = cp->argv;
	cp->attach.spec.cwd = "/";
	cp->attach.spec.fd = cp->fd;
	loop_watch(&cp->attach.loop, &cp->words, p[0], POLLIN, words_ready, cp);
	ret = attach_run(&cp->attach, cp->guest_name, err);
	close(p[1]);
	words_ready(cp, 0);
	return ret;
}

/* ---- who reads and writes here ---- */

static int start_helper(struct cp *cp, char **words, const int *fds, struct r3_err *err)
{
	char path[PATH_MAX];
	int ret = backend_find(HELPER, "the build makes it where libarchive is (Debian's package libarchive-dev)", path, sizeof(path), err);

	return ret ? ret : backend_start(&cp->helper, HELPER, path, words, fds, 2, err);
}

/* How this side of a copy ended. */
enum side {
	SIDE_GOOD,
	SIDE_UNREAD,			/* by the other's end */
	SIDE_FAILED,			/* and has said why */
};

/* Its words, if it says any, are shown unless it only saw the other's end. */
static enum side helper_ended(struct cp *cp)
{
	char how[200];

	if (!cp->helper.pid)
		return SIDE_GOOD;
	while (!backend_reap(&cp->helper, how, sizeof(how)))
		usleep(1000);
	if (!strcmp(how, "ended with status 0")) {
		if (cp->helper.last[0])
			message("%s", cp->helper.last);
		return SIDE_GOOD;
	}
	if (!strcmp(how, "ended with status 3"))
		return SIDE_UNREAD;
	message("%s: %s", cp->local, cp->helper.last[0] ? cp->helper.last : how);
	return SIDE_FAILED;
}

static void __attribute__((noreturn)) send_tree(struct cp *cp, int fd, pid_t parent)
{
	static struct tarout t;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* Keys of the terminal are for ring3 cp. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	t.fd = fd;
	ret = tarout_tree(&t, cp->local, cp->name, cp->follow || is_contents(cp->local));
	if (!ret)
		ret = tarout_end(&t);
	/* Who reads no more has said why. */
	if (ret && ret != -EPIPE)
		message("cannot read %s: %s", t.path[0] ? t.path : cp->local, strerror(-ret));
	if (t.changed)
		message("%u files became shorter while they were read", t.changed);
	_exit(ret == -EPIPE ? 3 : ret ? 1 : 0);
}

static enum side child_ended(struct cp *cp)
{
	int status;

	if (!cp->child)
		return SIDE_GOOD;
	while (waitpid(cp->child, &status, 0) < 0)
		if (errno != EINTR)
			return SIDE_UNREAD;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 3)
		return WEXITSTATUS(status) ? SIDE_FAILED : SIDE_GOOD;
	return SIDE_UNREAD;
}

/* ---- out of the guest ---- */

struct target {
	int dir;
	char name[NAME_MAX + 1];
	const char *kind;		/* of what may come */
};

static int open_target(const char *path, struct target *t, struct r3_err *err)
{
	t->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->dir < 0 ? err_set(err, errno, "cannot copy into the directory %s: %s", path, strerror(errno)) : 0;
}

static int find_target(struct cp *cp, struct target *t, struct r3_err *err)
{
	char dir[PATH_MAX];
	struct stat st;
	size_t n;
	int there = stat(cp->local, &st) ? -errno : 0;

	t->kind = "any";
	if (!there && S_ISDIR(st.st_mode)) {
		strcpy(t->name, is_contents(cp->inside) ? "." : cp->name);
		return open_target(cp->local, t, err);
	}
	if (there && there != -ENOENT)
		return err_set(err, there, "cannot copy to %s: %s", cp->local, strerror(-there));
	n = strlen(cp->local);
	if (!there)
		t->kind = "file";
	else if (cp->local[n - 1] == '/')
		t->kind = "dir";
	last_name(cp->local, t->name);
	if (!t->name[0] || n >= sizeof(dir))
		return err_set(err, ENOENT, "cannot copy to %s: there is no such directory", cp->local);
	while (n > 1 && cp->local[n - 1] == '/')
		n--;
	n -= strlen(t->name);
	snprintf(dir, sizeof(dir), "%.*s", (int)n, cp->local);
	return open_target(n ? dir : ".", t, err);
}

static int pull(struct cp *cp, struct r3_err *err)
{
	char *words[] = { HELPER, "on", "pull", cp->name, NULL, NULL, cp->owners ? "owners" : NULL, NULL };
	struct target t = { .dir = -1 };
	int p[2] = { -1, -1 }, ret = 0;

	last_name(is_contents(cp->inside) ? "contents" : cp->inside, cp->name);
	if (!cp->name[0])
		return err_set(err, EINVAL, "%s has no name of its own: end it with a name, or with /. for what is in it", cp->inside);
	cp->argv[0] = SELF;
	cp->argv[1] = "--pack";
	cp->argv[2] = (char *)cp->inside;
	cp->argv[3] = cp->name;
	cp->argv[4] = cp->follow ? "follow" : NULL;
	cp->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cp->fd[1] = 1;
	if (strcmp(cp->local, "-")) {
		ret = find_target(cp, &t, err);
		if (!ret)
			ret = make_pipe(p, err);
		words[4] = t.name;
		words[5] = (char *)t.kind;
		if (!ret)
			ret = start_helper(cp, words, (int[]){ t.dir, p[0] }, err);
		if (p[0] >= 0)
			close(p[0]);
		cp->fd[1] = p[1];
	} else if (isatty(1)) {
		return err_set(err, EINVAL, "a tar archive is not for a terminal: give a file or a pipe as stdout");
	} else if (is_contents(cp->inside)) {
		strcpy(cp->name, ".");
	}
	if (!ret)
		ret = run_guest(cp, err);
	if (p[1] >= 0)
		close(p[1]);
	return ret;
}

/* ---- into the guest ---- */

static int push(struct cp *cp, struct r3_err *err)
{
	char *words[] = { HELPER, "on", "filter", NULL }, real[PATH_MAX];
	bool archive = !strcmp(cp->local, "-"), contents = !archive && is_contents(cp->local);
	pid_t parent = getpid();
	struct stat st;
	int p[2], ret;

	if (archive && isatty(0))
		return err_set(err, EINVAL, "a tar archive does not come from a terminal: give a file or a pipe as stdin");
	if (!archive && (cp->follow ? stat(cp->local, &st) : lstat(cp->local, &st)) < 0)
		return err_set(err, errno, "cannot copy %s: %s", cp->local, strerror(errno));
	last_name(archive || contents ? "contents" : cp->local, cp->name);
	if (!cp->name[0] && realpath(cp->local, real))
		last_name(real, cp->name);
	ret = make_pipe(p, err);
	if (ret)
		return ret;
	if (archive) {
		ret = start_helper(cp, words, (int[]){ p[1], 0 }, err);
	} else {
		cp->child = fork();
		if (!cp->child) {
			close(p[0]);
			send_tree(cp, p[1], parent);
		}
		if (cp->child < 0) {
			cp->child = 0;
			ret = err_set(err, errno, "no process to read %s: %s", cp->local, strerror(errno));
		}
	}
	close(p[1]);
	cp->argv[0] = SELF;
	cp->argv[1] = "--unpack";
	cp->argv[2] = (char *)cp->inside;
	cp->argv[3] = cp->name;
	cp->argv[4] = archive ? "archive" : contents ? "contents" : S_ISDIR(st.st_mode) ? "dir" : "file";
	cp->argv[5] = cp->owners ? "owners" : NULL;
	cp->fd[0] = p[0];
	cp->fd[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (!ret)
		ret = run_guest(cp, err);
	close(p[0]);
	return ret;
}

/* Both sides have ended; one sentence about what went wrong first. */
static int result(struct cp *cp, int guest)
{
	enum side ours = SIDE_GOOD;

	cp->said[strcspn(cp->said, "\n")] = 0;
	text_line(cp->said);
	/* A guest that failed has sent less than is waited for, and what it said is the reason. */
	if (guest == CLI_ENDED || (cp->pulls && guest && cp->said[0]))
		backend_end(&cp->helper, 0);
	else
		ours = helper_ended(cp);
	if (ours == SIDE_GOOD)
		ours = child_ended(cp);
	if (ours != SIDE_FAILED && cp->said[0])
		message("%s", cp->said);
	else if (ours != SIDE_FAILED && guest && guest != CLI_ENDED)
		message("the guest's side of the copy ended with status %d", guest);
	if (guest == CLI_ENDED)
		return guest;
	return guest || ours != SIDE_GOOD ? CLI_FAILED : CLI_OK;
}

int cp_main(int argc, char **argv)
{
	static struct cp cp;
	struct r3_err err;
	bool dashes;
	int ret;

	stdfd_sanitize();
	ret = opts_parse(&cp_opts, argc, argv, &cp, &dashes, &err);
	if (ret >= 0)
		ret = parse(&cp, argv + ret, argc - ret, &err);
	if (ret >= 0)
		ret = cp.pulls ? pull(&cp, &err) : push(&cp, &err);
	if (ret >= 0)
		return result(&cp, ret);
	message("%s", err.msg);
	backend_end(&cp.helper, 0);
	if (cp.child) {
		kill(cp.child, SIGKILL);
		waitpid(cp.child, NULL, 0);
	}
	return CLI_START;
}
