// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation: for each byte of stdin one round, for each round one line. Of each guest
 * "info" and "stats" are asked (cli/state.h), of each switch "ls" (cli/netswitch.h); what was kept
 * of machines and labs is read. Guests are hostile: only the members that are named here are passed
 * on, strings and lists are cut, and a guest that does not answer is left alone for some rounds.
 */
#include "collect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/util.h"
#include "collect_parts.h"
#include "define.h"
#include "kept.h"
#include "labstate.h"
#include "loop.h"
#include "names.h"
#include "netswitch.h"
#include "state.h"
#include "text.h"

#define MAX_THINGS	512		/* guests, and switches */
#define ANSWER_MS	300
#define LEFT_ALONE	10		/* rounds */

/* ---- who does not answer ---- */

static struct silent {
	char name[72];
	int rounds;
} silent[64];

static struct silent *find_silent(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(silent); i++)
		if (silent[i].rounds && !strcmp(silent[i].name, name))
			return &silent[i];
	return NULL;
}

static void set_silent(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(silent); i++) {
		if (silent[i].rounds)
			continue;
		snprintf(silent[i].name, sizeof(silent[i].name), "%.71s", name);
		silent[i].rounds = LEFT_ALONE;
		return;
	}
}

/* ---- guests ---- */

struct lines {
	int fd;
	char buf[STATE_LINE_MAX];
	size_t len;
};

/* The answer to one operation; NULL: none in time, or no such operation. */
static struct json_object *ask(struct lines *l, const char *op, const char *key, bool *late)
{
	struct json_object *o, *v = NULL;
	char request[64], *nl;
	int64_t until = loop_now() + ANSWER_MS, left;
	struct pollfd pfd = { .fd = l->fd, .events = POLLIN };
	ssize_t n;
	int len = snprintf(request, sizeof(request), "{\"op\": \"%s\"}\n", op);

	if (send(l->fd, request, len, MSG_NOSIGNAL | MSG_DONTWAIT) != len)
		return NULL;
	while (!(nl = memchr(l->buf, '\n', l->len))) {
		left = until - loop_now();
		if (left <= 0 || l->len == sizeof(l->buf) || poll(&pfd, 1, left) <= 0) {
			*late = true;
			return NULL;
		}
		n = recv(l->fd, l->buf + l->len, sizeof(l->buf) - l->len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return NULL;
		l->len += n > 0 ? n : 0;
	}
	*nl = '\0';
	o = json_tokener_parse(l->buf);
	l->len -= nl + 1 - l->buf;
	memmove(l->buf, nl + 1, l->len);
	if (json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &v))
		json_object_get(v);
	json_object_put(o);
	return v;
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static struct json_object *guest(int dir, const char *name)
{
	static struct lines l;
	struct json_object *o = json_object_new_object(), *info = NULL, *stats = NULL;
	struct silent *s = find_silent(name), *no_stats;
	bool late = s != NULL, stats_late = false;
	struct r3_err err;
	char key[72];

	/* Its monitor, which knows those, may be held while its `ring3 run` answers. */
	snprintf(key, sizeof(key), "stats/%.63s", name);
	no_stats = find_silent(key);
	if (s)
		s->rounds--;
	if (no_stats)
		no_stats->rounds--;
	l.len = 0;
	l.fd = s ? -1 : state_connect(dir, name, &err);
	if (l.fd == -EAGAIN)
		late = true;
	if (l.fd >= 0) {
		info = ask(&l, "info", "guest", &late);
		if (info && !no_stats)
			stats = ask(&l, "stats", "stats", &stats_late);
		close(l.fd);
		if (late)
			set_silent(name);
		if (stats_late)
			set_silent(key);
	} else if (!late) {
		/* It has just ended. */
		json_object_put(o);
		return NULL;
	}
	if (info)
		parts_guest(o, info);
	if (stats)
		parts_stats(o, stats);
	add_text(o, "name", name);
	if (late)
		add_text(o, "state", "silent");
	json_object_put(info);
	json_object_put(stats);
	return o;
}

static void free_names(char **names, int n)
{
	int i;

	for (i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static void running(struct json_object *machines)
{
	struct r3_err err;
	cleanup_close int dir = state_dir(false, &err);
	struct json_object *o;
	char **names = NULL;
	int n = dir < 0 ? 0 : state_list(dir, &names, &err), i;

	for (i = 0; i < n && i < MAX_THINGS; i++) {
		o = guest(dir, names[i]);
		if (o)
			json_object_object_add(machines, names[i], o);
	}
	free_names(names, n > 0 ? n : 0);
}

/* Machines that do not run, and which of all can be started again. */
static void kept(struct json_object *machines)
{
	struct json_object *o, *end, *v;
	struct r3_err err;
	char **names;
	int n = kept_list(&names, &err), i, dir;

	for (i = 0; i < n && i < MAX_THINGS; i++) {
		dir = kept_find(names[i], &err);
		if (dir < 0)
			continue;
		if (!json_object_object_get_ex(machines, names[i], &o)) {
			o = json_object_new_object();
			end = kept_get(dir, KEPT_END);
			add_text(o, "name", names[i]);
			add_text(o, "state", end ? "ended" : "not running");
			if (end && json_object_object_get_ex(end, "status", &v))
				json_object_object_add(o, "status", json_object_new_int(json_object_get_int(v) & 0xff));
			json_object_put(end);
			json_object_object_add(machines, names[i], o);
		}
		json_object_object_add(o, "kept", json_object_new_boolean(true));
		json_object_object_add(o, "startable", json_object_new_boolean(!faccessat(dir, KEPT_DEFINITION, R_OK, 0)));
		close(dir);
	}
	free_names(names, n > 0 ? n : 0);
}

/* ---- switches ---- */

static void switches(struct json_object *all)
{
	struct json_object *request = json_object_new_object(), *reply, *o;
	struct r3_err err;
	cleanup_close int dir = switch_dir(false, &err);
	char **names = NULL;
	int n = dir < 0 ? 0 : names_list(dir, &names), i, fd;

	add_text(request, "op", "ls");
	for (i = 0; i < n && i < MAX_THINGS; i++) {
		char key[72];
		struct silent *s;

		/* Switches and guests may have the same name. */
		snprintf(key, sizeof(key), "net/%.58s", names[i]);
		s = find_silent(key);
		o = json_object_new_object();
		fd = s ? -EAGAIN : switch_ask(names[i], request, NULL, 0, &reply, &err);
		if (s)
			s->rounds--;
		if (fd >= 0) {
			parts_switch(o, reply);
			json_object_put(reply);
			close(fd);
		} else if (fd == -ENOENT || fd == -ECONNRESET) {
			json_object_put(o);
			continue;
		} else if (!s) {
			set_silent(key);
		}
		add_text(o, "name", names[i]);
		add_text(o, "state", fd < 0 ? "silent" : "running");
		json_object_object_add(all, names[i], o);
	}
	free_names(names, n > 0 ? n : 0);
	json_object_put(request);
}

/* ---- labs ---- */

static void lab(struct json_object *labs, const char *name, struct json_object *machines, struct json_object *nets)
{
	struct json_object *known = labstate_peek(name), *part, *o;
	char full[160];

	if (!known)
		return;
	o = json_object_new_object();
	add_text(o, "name", name);
	parts_text(o, "file", known, "file");
	json_object_array_add(labs, o);
	part = labstate_part(known, "machines", false);
	if (part) {
		json_object_object_foreach(part, key, value) {
			snprintf(full, sizeof(full), "%.62s.%.62s", name, key);
			if (!json_object_object_get_ex(machines, full, &o)) {
				o = json_object_new_object();
				add_text(o, "name", full);
				add_text(o, "state", "ended");
				json_object_object_add(machines, full, o);
			}
			add_text(o, "lab", name);
			parts_lab_machine(o, value);
		}
	}
	part = labstate_part(known, "networks", false);
	if (part) {
		json_object_object_foreach(part, key, value) {
			(void)value;
			snprintf(full, sizeof(full), "%.62s.%.62s", name, key);
			if (!json_object_object_get_ex(nets, full, &o)) {
				o = json_object_new_object();
				add_text(o, "name", full);
				add_text(o, "state", "ended");
				json_object_object_add(nets, full, o);
			}
			add_text(o, "lab", name);
		}
	}
	json_object_put(known);
}

static struct json_object *all_labs(struct json_object *machines, struct json_object *nets)
{
	struct json_object *all = json_object_new_array();
	struct r3_err err;
	char **names;
	int n = labstate_list(&names, &err), i;

	for (i = 0; i < n && i < MAX_THINGS; i++)
		lab(all, names[i], machines, nets);
	free_names(names, n > 0 ? n : 0);
	return all;
}

/* ---- rounds ---- */

static struct json_object *look(void)
{
	struct json_object *o = json_object_new_object(), *machines = json_object_new_object(), *nets = json_object_new_object();
	struct timespec now;

	running(machines);
	kept(machines);
	switches(nets);
	clock_gettime(CLOCK_REALTIME, &now);
	json_object_object_add(o, "ms", json_object_new_int64(now.tv_sec * 1000LL + now.tv_nsec / 1000000));
	json_object_object_add(o, "labs", all_labs(machines, nets));
	json_object_object_add(o, "machines", machines);
	json_object_object_add(o, "switches", nets);
	return o;
}

static void __attribute__((noreturn)) collect(int ask, int lines)
{
	struct json_object *o;
	char *text, bytes[64];
	size_t len;

	/* What was asked for meanwhile is answered by one line. */
	while (read(ask, bytes, sizeof(bytes)) > 0) {
		o = look();
		text = text_json(o);
		json_object_put(o);
		len = text ? strlen(text) : 0;
		if (!text || len >= COLLECT_MAX) {
			free(text);
			text = strdup("{}");
			len = 2;
		}
		if (!text || write_full(lines, text, len) || write_full(lines, "\n", 1))
			break;
		free(text);
	}
	_exit(0);
}

int collect_start(struct collector *c)
{
	int ask[2], lines[2];
	pid_t parent = getpid();

	if (pipe2(ask, O_CLOEXEC))
		return -errno;
	if (pipe2(lines, O_CLOEXEC)) {
		int e = errno;

		close(ask[0]);
		close(ask[1]);
		return -e;
	}
	c->pid = fork();
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Ctrl-C is for the server, which closes the pipe. */
		setsid();
		if (getppid() != parent)
			_exit(0);
		close(ask[1]);
		close(lines[0]);
		collect(ask[0], lines[1]);
	}
	close(ask[0]);
	close(lines[1]);
	if (c->pid < 0) {
		int e = errno;

		close(ask[1]);
		close(lines[0]);
		return -e;
	}
	c->ask = ask[1];
	c->lines = lines[0];
	fcntl(c->ask, F_SETFL, O_NONBLOCK);
	fcntl(c->lines, F_SETFL, O_NONBLOCK);
	return 0;
}
