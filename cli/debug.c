// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 debug: gdb, or whoever speaks its protocol, on a guest's kernel. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/util.h"
#include "cli.h"
#include "gdbstub.h"
#include "guest.h"
#include "installed.h"
#include "ksym.h"
#include "message.h"
#include "opts.h"
#include "peer.h"

#define GDB_ARGS	32	/* of ours */

struct debug {
	const char *listen;
	bool stdio;
};

static const struct opt table[] = {
	{ "gdb", 0, "[ADDRESS]:PORT", "Start no gdb, but wait there for debuggers that speak gdb's remote protocol, one after the other, until the guest ends. Without ADDRESS on the loopback. Whoever reaches the port from another host owns the guest; other users of this one are sent away." },
	{ "stdio", 0, NULL, "Start no gdb, but speak gdb's remote protocol on stdin and stdout, as for gdb's \"target remote | ring3 debug --stdio NAME\"." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct debug *d = ctx;

	if (!strcmp(o->name, "stdio"))
		d->stdio = true;
	else
		d->listen = value;
	return 0;
}

static const struct opts debug_opts = {
	.usage = "debug [OPTIONS] NAME [-- GDB-ARGUMENT...]",
	.about = "Starts gdb on the kernel of the running guest NAME, which is held, and its time\n"
		 "with it, whenever gdb has it stopped. It goes on when gdb ends.",
	.table = table,
	.set = set_option,
};

/* ---- the guest's side ---- */

/* "ring3 run --debug" waits before the first instruction: up to that. */
static int to_start(struct tracee *tr, const struct guest *g, struct r3_err *err)
{
	struct r3_image_header header;
	struct stop stop;
	int ret;

	if (vmem_read(tr->mem, R3_IMAGE_BASE, &header, sizeof(header)) || breaks_set(&tr->breaks, BREAK_SOFT, header.start, 1))
		return err_set(err, EFAULT, "the kernel of %s has no first instruction", g->name);
	ret = guest_ask(g->name, "start", err);
	if (!ret)
		tracee_run(tr, 0, ~0ULL, &stop);
	breaks_clear(&tr->breaks, BREAK_SOFT, header.start, 1);
	return ret;
}

/* A guest that can be debugged just now. m: to be closed, and *symbols to be freed. */
static int find(struct guest *g, const char *name, struct vmem *m, char **symbols, struct r3_err *err)
{
	int ret = guest_find(g, name, err);

	if (!ret && g->paused)
		ret = err_set(err, EBUSY, "the guest %s is paused: \"ring3 resume %s\" first", name, name);
	return ret ?: guest_memory(g, m, symbols, err);
}

/* Serves one debugger. 0, 1 if the guest has ended, or a negative errno. */
static int serve(const char *name, int in, int out, struct r3_err *err)
{
	cleanup_free char *symbols = NULL;
	struct tracee *tr;
	struct guest g;
	struct vmem m;
	bool alive;
	int ret = find(&g, name, &m, &symbols, err);

	if (ret)
		return ret;
	tr = tracee_open(&m, name, err);
	if (!tr) {
		vmem_close(&m);
		return err->code;
	}
	/* What the debugger says can wait. */
	tr->fd = -1;
	if (g.waits)
		ret = to_start(tr, &g, err);
	if (!ret) {
		alive = gdbstub_serve(tr, in, out);
		ret = !alive;
	}
	tracee_close(tr);
	vmem_close(&m);
	return ret;
}

/* ---- a port ---- */

static int open_port(const char *where, struct r3_err *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *list;
	const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
	cleanup_free char *host = colon && colon > where ? strndup(where, colon - where) : strdup("127.0.0.1");
	const int one = 1;
	int fd, ret;

	if (!*port || strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 || atoi(port) > 65535)
		return err_set(err, EINVAL, "--gdb: %s is no port; give it as :1234 or 127.0.0.1:1234", where);
	if (host && host[0] == '[' && host[strlen(host) - 1] == ']') {
		memmove(host, host + 1, strlen(host));
		host[strlen(host) - 1] = 0;
	}
	ret = getaddrinfo(host, port, &hints, &list);
	if (ret)
		return err_set(err, EINVAL, "--gdb: %s is no address of this host: %s", where, gai_strerror(ret));
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) || listen(fd, 1)) {
		ret = err_set(err, errno, "--gdb: cannot listen on port %s: %s%s", port, strerror(errno),
			      errno == EADDRINUSE ? "; choose another, or 0 for a free one" : "");
		close(fd);
		fd = ret;
	}
	freeaddrinfo(list);
	return fd;
}

static void tell_port(int fd, const char *name)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char host[64], port[16];

	if (getsockname(fd, (struct sockaddr *)&at, &len) ||
	    getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	message("waiting for a debugger of %s: target remote %s%s%s:%s", name, strchr(host, ':') ? "[" : "", host,
		strchr(host, ':') ? "]" : "", port);
}

/* Other users of this host but root are not: the port would give them what is this user's. */
static bool is_welcome(int client)
{
	uid_t uid;

	switch (peer_of(client, &uid)) {
	case PEER_ELSEWHERE:
		/* Whoever listens on more than the loopback asked for it. */
		return true;
	case PEER_USER:
		if (uid == geteuid() || !uid)
			return true;
		message("a debugger of another user of this host (user ID %u) was sent away", uid);
		return false;
	default:
		message("a debugger of this host was sent away: it is not known whose it is, as it has closed the connection");
		return false;
	}
}

/* The guest is not to be held for ever by a debugger whose host is gone. */
static void keep_alive(int client)
{
	const int one = 1, idle = 30, between = 10, times = 3;

	setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(client, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(client, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof(between));
	setsockopt(client, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static int serve_port(const struct debug *d, const char *name, struct r3_err *err)
{
	struct guest g;
	int fd, ret = guest_find(&g, name, err), client;

	if (ret)
		return ret;
	fd = open_port(d->listen, err);
	if (fd < 0)
		return fd;
	tell_port(fd, name);
	while (!ret) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		/* The guest may end while nobody debugs it. */
		if (poll(&pfd, 1, 1000) <= 0) {
			if (kill(g.monitor, 0) && errno == ESRCH && guest_find(&g, name, err))
				break;
			continue;
		}
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0)
			continue;
		keep_alive(client);
		if (is_welcome(client))
			ret = serve(name, client, client, err);
		close(client);
		/* As while it is paused. The next one may come later. */
		if (ret == -EBUSY) {
			message("%s", err->msg);
			ret = 0;
		}
	}
	close(fd);
	return ret < 0 ? ret : 0;
}

/* ---- gdb ---- */

/* 'a'\''b' */
static char *quoted(const char *word)
{
	char *out = malloc(4 * strlen(word) + 3), *p = out;

	if (!out)
		return NULL;
	*p++ = '\'';
	for (; *word; word++) {
		if (*word == '\'')
			p = stpcpy(p, "'\\''");
		else
			*p++ = *word;
	}
	strcpy(p, "'");
	return out;
}

/* A file beside the kernel's symbols, to be freed; NULL if there is none. */
static char *beside(const char *dir, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return NULL;
	if (!access(path, R_OK))
		return path;
	free(path);
	return NULL;
}

/* Mainline's commands, and the symbols of modules by one of them: of a kernel that kernel/build.sh has built, or make. */
static int add_scripts(const char *dir, char **argv)
{
	const char *ours = installed_part("scripts/gdb/ring3.py");
	char *scripts = beside(dir, "gdb/vmlinux-gdb.py") ?: beside(dir, "vmlinux-gdb.py");
	cleanup_free char *modules = beside(dir, "modules.debug"), *order = beside(dir, "modules.order");
	int n = 0;

	if (!scripts)
		return 0;
	argv[n++] = "-x";
	argv[n++] = scripts;
	if (ours && (modules || order)) {
		setenv("RING3_GDB_MODULES", modules ?: dir, 1);
		argv[n++] = "-x";
		argv[n++] = (char *)ours;
	}
	return n;
}

static int run_gdb(const char *name, char **args, struct r3_err *err)
{
	const char *gdb = getenv("RING3_GDB") ?: "gdb";
	char *argv[GDB_ARGS + 256], self[4096];
	cleanup_free char *target = NULL, *exe = NULL, *safe = NULL, *symbols = NULL, *dir = NULL;
	struct guest g;
	struct vmem m;
	int n = 0, ret = find(&g, name, &m, &symbols, err);
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (ret)
		return ret;
	vmem_close(&m);
	if (hold_is_traced(g.monitor))
		return err_set(err, EBUSY, "another debugger has the guest %s already", name);
	self[len > 0 ? len : 0] = 0;
	exe = quoted(self);
	dir = strdup(symbols);
	if (strrchr(dir, '/'))
		*strrchr(dir, '/') = 0;
	if (asprintf(&target, "target remote | exec %s debug --stdio %s", exe, name) < 0 ||
	    asprintf(&safe, "add-auto-load-safe-path %s", dir) < 0)
		return err_set(err, ENOMEM, "no memory for gdb's arguments");
	argv[n++] = (char *)gdb;
	argv[n++] = "-q";
	argv[n++] = "-iex";
	argv[n++] = safe;
	argv[n++] = symbols;
	argv[n++] = "-ex";
	argv[n++] = target;
	n += add_scripts(dir, argv + n);
	while (*args && n < (int)ARRAY_SIZE(argv) - 1)
		argv[n++] = *args++;
	argv[n] = NULL;
	execvp(gdb, argv);
	return err_set(err, errno, errno == ENOENT ? "there is no program %s on this host: install gdb (Debian package gdb), or use --gdb with another debugger" :
		       "cannot start %s", gdb);
}

int debug_main(int argc, char **argv)
{
	struct debug d = { 0 };
	struct r3_err err;
	bool dashes;
	int at, ret;
	char **args;

	at = opts_parse(&debug_opts, argc, argv, &d, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", debug_opts.usage);
	if (at >= 0 && d.listen && d.stdio)
		at = err_set(&err, EINVAL, "--gdb and --stdio exclude each other");
	args = argv + at + 1;
	if (at >= 0 && *args && strcmp(*args, "--"))
		at = err_set(&err, EINVAL, "unexpected word %s; arguments for gdb follow after --", *args);
	if (at >= 0 && *args && (d.listen || d.stdio))
		at = err_set(&err, EINVAL, "arguments for gdb are of no use with --gdb and --stdio");
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	/* Ctrl-C is gdb's, which then asks for a stop. */
	if (d.stdio)
		signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (d.stdio)
		ret = serve(argv[at], 0, 1, &err);
	else if (d.listen)
		ret = serve_port(&d, argv[at], &err);
	else
		ret = run_gdb(argv[at], *args ? args + 1 : args, &err);
	if (ret < 0)
		message("%s", err.msg);
	return ret < 0 ? CLI_FAILED : CLI_OK;
}
