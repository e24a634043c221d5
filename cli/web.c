// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 web`: finds the server, which is a program of its own, and becomes it. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "stdfd.h"
#include "values.h"

#define MAX_HOSTS	4
#define PACKAGE		"it is built where Debian's package libwebsockets-dev is installed; install that, and build again"

struct web {
	char address[INET6_ADDRSTRLEN], port[8], bracketed[INET6_ADDRSTRLEN + 2];
	const char *hosts[MAX_HOSTS];
	int nr_hosts;
	bool loopback;
};

static const struct opt table[] = {
	{ "listen", 'l', "[ADDRESS:]PORT", "Where to listen. Default: 127.0.0.1, and a port that is free. An address that is not loopback lets others reach the server, without encryption; the names that they use need --host." },
	{ "host", 0, "NAME", "Accept requests for NAME, too, as those that a proxy passes on. May be given several times." },
	{ NULL }
};

static int set_listen(struct web *w, const char *value, struct r3_err *err)
{
	const char *colon = strrchr(value, ':'), *port = colon ? colon + 1 : value;
	size_t len = colon ? (size_t)(colon - value) : 0;
	struct in6_addr six;
	struct in_addr four;
	unsigned int n;
	int ret;

	ret = value_number("listen", port, 0, 65535, &n, err);
	if (ret)
		return ret;
	snprintf(w->port, sizeof(w->port), "%u", n);
	if (!colon)
		return 0;
	if (len > 2 && value[0] == '[' && value[len - 1] == ']' && len - 2 < sizeof(w->address)) {
		snprintf(w->address, sizeof(w->address), "%.*s", (int)len - 2, value + 1);
		ret = inet_pton(AF_INET6, w->address, &six) == 1 ? 0 : -1;
		w->loopback = !ret && IN6_IS_ADDR_LOOPBACK(&six);
	} else if (len < sizeof(w->address)) {
		snprintf(w->address, sizeof(w->address), "%.*s", (int)len, value);
		ret = inet_pton(AF_INET, w->address, &four) == 1 ? 0 : -1;
		w->loopback = !ret && ntohl(four.s_addr) >> 24 == 127;
	} else {
		ret = -1;
	}
	return ret ? err_set(err, EINVAL, "--listen: %.*s is not an address; it is PORT, ADDRESS:PORT or [IPV6]:PORT", (int)len, value) : 0;
}

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct web *w = ctx;

	if (o->letter == 'l')
		return set_listen(w, value, err);
	if (w->nr_hosts == MAX_HOSTS)
		return err_set(err, E2BIG, "--host may be given %d times", MAX_HOSTS);
	if (!*value || strlen(value) > 200 || strpbrk(value, ":/ "))
		return err_set(err, EINVAL, "--host: %s is not the name of a host; it is without a port", value);
	w->hosts[w->nr_hosts++] = value;
	return 0;
}

static const struct opts web_opts = {
	.usage = "web [OPTIONS]",
	.about = "Serves a page that shows this user's machines and networks as they change, with\n"
		 "terminals, logs, captures and buttons. Prints the address to open in a browser,\n"
		 "which has a secret token in it, and runs until it is interrupted.",
	.table = table,
	.more = "Exit status: 0 when it was interrupted, 125 if it could not begin.",
	.set = set_option,
};

/* The names that a browser has this server by. */
static void add_names(struct web *w, char **argv, int n)
{
	int i;

	argv[n++] = "localhost";
	argv[n++] = "127.0.0.1";
	argv[n++] = "[::1]";
	snprintf(w->bracketed, sizeof(w->bracketed), strchr(w->address, ':') ? "[%s]" : "%s", w->address);
	argv[n++] = w->bracketed;
	for (i = 0; i < w->nr_hosts; i++)
		argv[n++] = (char *)w->hosts[i];
}

int web_main(int argc, char **argv)
{
	struct web w = { .address = "127.0.0.1", .port = "0", .loopback = true };
	char *words[5 + 4 + MAX_HOSTS] = { NULL }, path[PATH_MAX], self[PATH_MAX];
	struct r3_err err;
	bool dashes;
	int ret;
	ssize_t n;

	stdfd_sanitize();
	ret = opts_parse(&web_opts, argc, argv, &w, &dashes, &err);
	if (ret >= 0 && ret < argc)
		ret = err_set(&err, EINVAL, "unexpected word %s; \"ring3 web\" takes only options", argv[ret]);
	if (ret >= 0)
		ret = backend_find("ring3-web", PACKAGE, path, sizeof(path), &err);
	n = ret < 0 ? 0 : readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (ret >= 0 && n <= 0)
		ret = err_set(&err, n ? errno : ENOENT, "/proc/self/exe: %s; mount /proc", strerror(errno));
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	self[n] = '\0';
	if (!w.loopback)
		message("listening on %s: whoever is between a browser and this host can read the token and all that passes; for one of your own, ssh -L is safer",
			w.address);
	words[0] = "ring3-web";
	words[1] = self;
	words[2] = w.address;
	words[3] = w.port;
	add_names(&w, words, 4);
	execv(path, words);
	message("%s cannot be executed: %s", path, strerror(errno));
	return CLI_START;
}
