// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "config.h"
#include "names.h"
#include "netswitch.h"
#include "netswitch_start.h"
#include "netswitch_tap.h"

#define CHILD_FDS	4
#define READY_MS	10000
#define END_MS		5000

/* In the child: a process of its own, with nothing but the descriptors that it is given, from 3 on. */
static void become(const char *path, char **argv, const int *fds, int n)
{
	int i, high[CHILD_FDS], null;

	setsid();
	if (chdir("/"))
		_exit(127);
	for (i = 0; i < n; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 32);
	null = open("/dev/null", O_RDWR);
	for (i = 0; i < 3; i++)
		dup2(null, i);
	for (i = 0; i < n; i++)
		dup2(high[i], 3 + i);
	util_close_range(3 + n, ~0U >> 1);
	for (i = 1; i < 65; i++)
		signal(i, SIG_DFL);
	execv(path, argv);
	_exit(127);
}

/* By a process between, so that it is nobody's child who would have to wait for it. */
static int start(const char *path, char **argv, const int *fds, int n, struct r3_err *err)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pid = fork();
		if (!pid)
			become(path, argv, fds, n);
		_exit(pid < 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return err_set(err, errno ? errno : EAGAIN, "cannot start %s: %s", path, strerror(errno ? errno : EAGAIN));
	return 0;
}

/* What it says until it has started: text, empty if it ended. */
static void wait_ready(int fd, char *text, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n = poll(&pfd, 1, READY_MS) > 0 ? read(fd, text, size - 1) : 0;

	text[n > 0 ? n : 0] = 0;
}

int switch_start(const char *name, unsigned int mtu, enum jail_mode jail, struct r3_err *err)
{
	cleanup_close int dir = -1, lock = -1, listener = -1;
	char path[2304], number[16], text[1024];
	char *argv[] = { "ring3-switch", "--name", (char *)name, "--mtu", number, "--listen", "3", "--ready", "4",
			 "--jail", (char *)jail_mode_name(jail), NULL };
	int ready[2], ret;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s cannot be the name of a switch: a name is up to 63 letters, digits, dots, dashes and underscores, the first a letter or digit",
			       name);
	ret = backend_find("ring3-switch", "it belongs beside ring3", path, sizeof(path), err);
	if (ret)
		return ret;
	dir = switch_dir(true, err);
	if (dir < 0)
		return dir;
	lock = names_reserve(dir, name);
	if (lock == -EEXIST)
		return err_set(err, lock, "there is a switch called %s already; choose another name or end it with: ring3 net rm %s", name, name);
	if (lock == -EBUSY)
		return err_set(err, lock, "the directory of switches stays locked: is a \"ring3\" of yours stopped? Continue or end it");
	if (lock < 0)
		return err_set(err, lock, "the switch's name %s cannot be reserved: %s", name, strerror(-lock));
	listener = names_listen(dir, name, SOCK_SEQPACKET);
	if (listener < 0) {
		names_release(dir, name, util_take_fd(&lock));
		return err_set(err, listener, "no socket for the switch %s: %s", name, strerror(-listener));
	}
	snprintf(number, sizeof(number), "%u", mtu);
	ret = pipe2(ready, O_CLOEXEC) ? err_set(err, errno, "no pipe: %s", strerror(errno)) : 0;
	if (!ret) {
		ret = start(path, argv, (int[]){ listener, ready[1], lock }, 3, err);
		close(ready[1]);
		wait_ready(ready[0], text, sizeof(text));
		close(ready[0]);
		if (!ret && strcmp(text, "ok"))
			ret = err_set(err, EIO, "the switch %s did not start: %s", name, text[0] ? text : "ring3-switch ended at once");
	}
	if (ret)
		names_release(dir, name, util_take_fd(&lock));
	return ret;
}

static void pause_ms(int ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000L };

	nanosleep(&ts, NULL);
}

/* Its lock is free when its process is gone, shortly after its connections are. */
static bool is_gone(int dir, const char *name)
{
	char file[SWITCH_NAME_SIZE + 8];
	int i;

	snprintf(file, sizeof(file), "%s.lock", name);
	for (i = 0; i < END_MS / 10; i++) {
		names_forget(dir, name);
		if (faccessat(dir, file, F_OK, 0) && errno == ENOENT)
			return true;
		pause_ms(10);
	}
	return false;
}

int switch_remove(const char *name, struct r3_err *err)
{
	struct json_object *request = json_object_new_object(), *reply;
	cleanup_close int dir = -1, fd = -1;
	struct pollfd pfd = { .events = POLLIN };

	json_object_object_add(request, "op", json_object_new_string("rm"));
	fd = switch_ask(name, request, NULL, 0, &reply, err);
	json_object_put(request);
	if (fd < 0)
		return fd;
	json_object_put(reply);
	pfd.fd = fd;
	poll(&pfd, 1, END_MS);
	dir = switch_dir(false, err);
	if (dir < 0)
		return dir;
	return is_gone(dir, name) ? 0 : err_set(err, ETIMEDOUT, "the switch %s does not end", name);
}

/* ---- uplinks ---- */

/* Of a NAT's options those that are ring3-net's become its words. */
static int nat_word(struct switch_uplink *up, const char *word, struct r3_err *err)
{
	static const char *const with[] = { "ipv4=", "ipv6=", "egress=", "publish=", "connection-rate=" };
	static char words[SWITCH_MAX_UPLINKS * 16][256];
	static unsigned int nr_words;
	size_t i;
	char *p;

	if (!strcmp(word, "host")) {
		up->nat[up->nr_nat++] = "--host";
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(with); i++) {
		if (strncmp(word, with[i], strlen(with[i])))
			continue;
		if (nr_words == ARRAY_SIZE(words) || up->nr_nat > 28)
			return err_set(err, E2BIG, "--uplink %s: too many options", up->text);
		snprintf(words[nr_words], sizeof(words[0]), "--%s", word);
		/* Commas are between options here, so rules have another sign between them. */
		for (p = words[nr_words]; !strncmp(word, "egress=", 7) && *p; p++)
			if (*p == '+')
				*p = ',';
		up->nat[up->nr_nat++] = words[nr_words++];
		return 1;
	}
	return 0;
}

static int uplink_options(struct switch_uplink *up, char *list, bool nat, struct r3_err *err)
{
	struct switch_port_options opt;
	size_t n = 0;
	char *word;
	int ret;

	while (list && (word = strsep(&list, ","))) {
		ret = nat ? nat_word(up, word, err) : 0;
		if (ret < 0)
			return ret;
		if (!ret)
			n += snprintf(up->options + n, sizeof(up->options) - n, "%s%s", n ? "," : "", word);
		if (n >= sizeof(up->options))
			return err_set(err, E2BIG, "--uplink %s: too many options", up->text);
	}
	switch_options_init(&opt);
	return up->options[0] ? switch_parse_options("--uplink", up->options, &opt, err) : 0;
}

int switch_uplink_parse(struct switch_uplink *up, const char *text, struct r3_err *err)
{
	char *copy = strdup(text), *list = copy, *kind;
	char path[2304];

	*up = (struct switch_uplink){ .text = text };
	if (!copy)
		return err_set(err, ENOMEM, "no memory");
	kind = strsep(&list, ",");
	/* The copy stays: it is what up->tap points to. */
	if (!strcmp(kind, "nat"))
		return backend_find("ring3-net", "it belongs beside ring3", path, sizeof(path), err) ?: uplink_options(up, list, true, err);
	if (!strncmp(kind, "tap:", 4) && kind[4]) {
		up->tap = kind + 4;
		if (strlen(up->tap) > 15 || strchr(up->tap, '/'))
			return err_set(err, EINVAL, "--uplink %s: a network device's name has 1 to 15 letters", text);
		return uplink_options(up, list, false, err);
	}
	free(copy);
	return err_set(err, EINVAL, "--uplink %s: give nat or tap:NAME, each with options like nat,egress=debian.org", text);
}

static int hand_over(const char *name, const struct switch_uplink *up, bool offload, const int *fds, int n, struct r3_err *err)
{
	struct switch_port_options opt;
	struct json_object *request, *reply;
	int ret;

	switch_options_init(&opt);
	if (up->options[0]) {
		ret = switch_parse_options("--uplink", up->options, &opt, err);
		if (ret)
			return ret;
	}
	snprintf(opt.name, sizeof(opt.name), "%s", up->tap ? up->tap : "nat");
	opt.offload = offload;
	request = switch_options_json(&opt);
	json_object_object_add(request, "op", json_object_new_string("add-uplink"));
	if (up->tap)
		json_object_object_add(request, "tap", json_object_new_boolean(true));
	ret = switch_ask(name, request, fds, n, &reply, err);
	json_object_put(request);
	if (ret < 0)
		return ret;
	json_object_put(reply);
	close(ret);
	return 0;
}

static int add_tap(const char *name, const struct switch_uplink *up, struct r3_err *err)
{
	cleanup_close int fd = switch_tap_open(up->tap, err);

	return fd < 0 ? fd : hand_over(name, up, true, &fd, 1, err);
}

/* ring3-net's first message. */
static int nat_ready(int control, bool *offload, struct r3_err *err)
{
	struct json_object *o, *v;
	char text[16384];
	int ret = 0;

	wait_ready(control, text, sizeof(text));
	o = text[0] ? json_tokener_parse(text) : NULL;
	*offload = false;
	if (!o)
		ret = err_set(err, EIO, "--uplink nat: ring3-net ended instead of starting");
	else if (json_object_object_get_ex(o, "message", &v))
		ret = err_set(err, EIO, "--uplink nat: %s", json_object_get_string(v));
	else if (json_object_object_get_ex(o, "offload", &v))
		*offload = json_object_get_boolean(v);
	json_object_put(o);
	return ret;
}

static int add_nat(const char *name, struct switch_uplink *up, unsigned int mtu, struct r3_err *err)
{
	char path[2304], number[16];
	const char *argv[48] = { "ring3-net", "--frames", "3", "--control", "4", "--mtu", number };
	int frames[2], control[2], ret, size = 4 << 20, i;
	bool offload;

	snprintf(number, sizeof(number), "%u", mtu);
	memcpy(argv + 7, up->nat, up->nr_nat * sizeof(*argv));
	ret = backend_find("ring3-net", "it belongs beside ring3", path, sizeof(path), err);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, frames))
		return err_set(err, errno, "no sockets: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control)) {
		close(frames[0]);
		close(frames[1]);
		return err_set(err, errno, "no sockets: %s", strerror(errno));
	}
	for (i = 0; i < 2; i++)
		setsockopt(frames[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ret = start(path, (char **)argv, (int[]){ frames[1], control[1] }, 2, err);
	close(frames[1]);
	close(control[1]);
	if (!ret)
		ret = nat_ready(control[0], &offload, err);
	if (!ret)
		ret = hand_over(name, up, offload, (int[]){ frames[0], control[0] }, 2, err);
	close(frames[0]);
	close(control[0]);
	return ret;
}

int switch_uplink_add(const char *name, struct switch_uplink *up, unsigned int mtu, struct r3_err *err)
{
	return up->tap ? add_tap(name, up, err) : add_nat(name, up, mtu, err);
}
