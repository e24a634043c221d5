// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 events`: what happens to guests, one JSON object a line. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "state.h"

#define LINE_SIZE	4096
#define LAST		"{\"event\":\"exit\","	/* of a guest; its own words come later in a line */

static const struct opt table[] = {
	{ NULL }
};

static const struct opts events_opts = {
	.usage = "events [NAME...]",
	.about = "Prints what happens to the guests NAME from now on, as one JSON object a line,\n"
		 "until they have ended; without NAME, of all guests, also those that start later.",
	.table = table,
	.more = "Events: boot, ready, oops, hang, panic, limit, restart, exit.\n\n"
		"Exit status: 0, or 1 if events of a guest were lost: its process was killed, or\n"
		"more happened than was read.",
};

/* A guest that is listened to. */
struct source {
	int fd;
	pid_t pid;			/* whose it is, by whatever name */
	char name[64];
	char line[LINE_SIZE];
	size_t len;
	bool over;			/* its "exit" was printed */
};

struct events {
	struct source **source;
	struct pollfd *pfd;		/* one more than sources: the directory */
	size_t nr;
	bool lost;			/* one of a guest that had no "exit" */
};

/* Whose socket it is at the other end. */
static pid_t peer_of(int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : peer.pid;
}

static int add(struct events *e, int fd, const char *name)
{
	struct source **sources = realloc(e->source, (e->nr + 1) * sizeof(*sources)), *s = calloc(1, sizeof(*s));
	struct pollfd *pfd = realloc(e->pfd, (e->nr + 2) * sizeof(*pfd));

	if (sources)
		e->source = sources;
	if (pfd)
		e->pfd = pfd;
	if (!sources || !pfd || !s) {
		free(s);
		return -ENOMEM;
	}
	s->fd = fd;
	s->pid = peer_of(fd);
	snprintf(s->name, sizeof(s->name), "%s", name);
	e->source[e->nr++] = s;
	return 0;
}

static int listen_to(struct events *e, const char *name, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply;
	int fd, ret;

	json_object_object_add(req, "op", json_object_new_string("events"));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd < 0)
		return fd;
	json_object_put(reply);
	ret = add(e, fd, name);
	if (ret) {
		close(fd);
		return err_set(err, ret, "no memory for another guest");
	}
	return 0;
}

static void drop(struct events *e, size_t i)
{
	struct source *s = e->source[i];

	if (!s->over) {
		message("%s: its process was killed, or more happened than was read; what comes next of it is not shown", s->name);
		e->lost = true;
	}
	close(e->source[i]->fd);
	free(e->source[i]);
	e->source[i] = e->source[--e->nr];
}

/* Lines as they are: JSON in ASCII, made by `ring3 run`. False: it has ended, or nobody reads. */
static bool take(struct source *s)
{
	ssize_t n = read(s->fd, s->line + s->len, sizeof(s->line) - s->len);
	char *nl;

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	s->len += n;
	while ((nl = memchr(s->line, '\n', s->len))) {
		size_t len = nl + 1 - s->line;

		s->over |= len > strlen(LAST) && !memcmp(s->line, LAST, strlen(LAST));
		fwrite(s->line, 1, len, stdout);
		s->len -= len;
		memmove(s->line, nl + 1, s->len);
	}
	return s->len < sizeof(s->line) && !fflush(stdout);
}

static bool has(const struct events *e, const char *name)
{
	size_t i;

	for (i = 0; i < e->nr; i++)
		if (!strcmp(e->source[i]->name, name))
			return true;
	return false;
}

/* The last one, if it is a guest that is listened to already: it has another name now. */
static void drop_twin(struct events *e)
{
	struct source *s = e->source[e->nr - 1];
	size_t i;

	for (i = 0; i + 1 < e->nr; i++) {
		if (!s->pid || e->source[i]->pid != s->pid)
			continue;
		snprintf(e->source[i]->name, sizeof(s->name), "%s", s->name);
		s->over = true;
		drop(e, e->nr - 1);
		return;
	}
}

/* Those that were not there before. */
static void add_new(struct events *e, int dir)
{
	struct r3_err err;
	char **names = NULL;
	int n = state_list(dir, &names, &err), i;

	for (i = 0; i < n; i++) {
		if (!has(e, names[i]) && !listen_to(e, names[i], &err))
			drop_twin(e);
		free(names[i]);
	}
	free(names);
}

static int watch_dir(int dir, struct r3_err *err)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MOVED_TO) < 0)
		return err_set(err, errno, "guests that start later cannot be watched for: %s", strerror(errno));
	return watch;
}

static int loop(struct events *e, int dir, int watch)
{
	char drain[4096];
	size_t i, before;

	while (watch >= 0 || e->nr) {
		for (i = 0; i < e->nr; i++)
			e->pfd[i] = (struct pollfd){ .fd = e->source[i]->fd, .events = POLLIN };
		e->pfd[e->nr] = (struct pollfd){ .fd = watch, .events = POLLIN };
		if (poll(e->pfd, e->nr + 1, -1) < 0 && errno != EINTR)
			return CLI_FAILED;
		if (watch >= 0 && e->pfd[e->nr].revents) {
			before = e->nr;
			while (read(watch, drain, sizeof(drain)) > 0)
				;
			add_new(e, dir);
			if (e->nr != before)
				continue;
		}
		for (i = e->nr; i-- > 0; ) {
			if (e->pfd[i].revents && !take(e->source[i]))
				drop(e, i);
			if (ferror(stdout))
				return CLI_FAILED;
		}
	}
	return e->lost ? CLI_FAILED : CLI_OK;
}

int events_main(int argc, char **argv)
{
	struct events e = { 0 };
	cleanup_close int dir = -1, watch = -1;
	struct r3_err err;
	bool dashes;
	int at, ret = 0, status;

	at = opts_parse(&events_opts, argc, argv, NULL, &dashes, &err);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	e.pfd = calloc(1, sizeof(*e.pfd));
	if (at == argc) {
		dir = state_dir(true, &err);
		watch = ret = dir < 0 ? dir : watch_dir(dir, &err);
		if (ret >= 0)
			add_new(&e, dir);
	}
	for (; ret >= 0 && at < argc; at++)
		if (!has(&e, argv[at]))
			ret = listen_to(&e, argv[at], &err);
	if (ret < 0)
		message("%s", err.msg);
	status = ret < 0 ? CLI_FAILED : loop(&e, dir, watch);
	while (e.nr) {
		e.source[0]->over = true;
		drop(&e, 0);
	}
	free(e.source);
	free(e.pfd);
	return status;
}
