// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-web: what "ring3 web" becomes. Its words are those that cli/web.c has made of a user's:
 * the program `ring3`, an address, a port, and names that the server may be called by.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "captures.h"
#include "child.h"
#include "files.h"
#include "message.h"
#include "server.h"
#include "xterm.h"

struct server server;

static volatile sig_atomic_t ended;

static void take_signal(int sig)
{
	ended = sig;
	lws_cancel_service(server.lws);
}

static const struct lws_protocols protocols[] = {
	/* The first is also for WebSockets that name none, which it refuses. */
	{ .name = "http", .callback = http_callback, .rx_buffer_size = 4096 },
	{ .name = PROTOCOL_LIVE, .callback = live_callback, .rx_buffer_size = 4096 },
	{ .name = PROTOCOL_TERM, .callback = term_callback, .rx_buffer_size = SERVER_MESSAGE_MAX },
	{ .name = PROTOCOL_LINES, .callback = lines_callback },
	{ .name = PROTOCOL_PTY, .callback = pty_callback },
	{ .name = PROTOCOL_ACTION, .callback = action_callback },
	{ NULL }
};

/* A peer that is gone without a word is noticed after a minute. */
static const lws_retry_bo_t idle = { .secs_since_valid_ping = 30, .secs_since_valid_hangup = 60 };

static void say(int level, const char *line)
{
	message("libwebsockets: %s", line);
}

/* Which subcommands there are is told by the program itself. */
static bool has_subcommand(const char *name)
{
	char *const argv[] = { "ring3", "--help", NULL };
	char text[8192], line[64];
	struct child c = { .fd = -1 };
	struct r3_err err;
	size_t len = 0;
	ssize_t n;
	int status;

	if (child_on_pipe(&c, server.ring3, argv, &err))
		return false;
	do {
		poll(&(struct pollfd){ .fd = c.fd, .events = POLLIN }, 1, 5000);
		n = read(c.fd, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? n : 0;
	} while ((n > 0 && len < sizeof(text) - 1) || (n < 0 && errno == EINTR));
	child_close(&c, SIGKILL);
	waitpid(c.pid, &status, 0);
	text[len] = '\0';
	snprintf(line, sizeof(line), "\n  %s ", name);
	return strstr(text, line) != NULL;
}

static int listen_at(const char *address, int port, struct r3_err *err)
{
	struct lws_context_creation_info info = { 0 };
	static struct lws_protocols p[ARRAY_SIZE(protocols)];

	memcpy(p, protocols, sizeof(protocols));
	p[0].per_session_data_size = http_session_size;
	p[1].per_session_data_size = live_session_size;
	p[2].per_session_data_size = term_session_size;
	info.port = port;
	info.iface = address;
	info.protocols = p;
	info.gid = info.uid = -1;
	info.options = LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	if (!strchr(address, ':'))
		info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	info.timeout_secs = 20;
	info.keepalive_timeout = 10;
	info.fd_limit_per_thread = 512;
	info.pt_serv_buf_size = 65536;
	info.retry_and_idle_policy = &idle;
	lws_set_log_level(LLL_ERR, say);
	server.lws = lws_create_context(&info);
	if (!server.lws)
		return err_set(err, ENOMEM, "libwebsockets cannot begin");
	server.vhost = lws_create_vhost(server.lws, &info);
	if (!server.vhost)
		return err_set(err, errno ? errno : EADDRINUSE, "--listen: port %d of %s is taken, or cannot be listened on: say another", port, address);
	return 0;
}

static int adopt_collector(struct r3_err *err)
{
	lws_adopt_desc_t desc = { .vh = server.vhost, .type = LWS_ADOPT_RAW_FILE_DESC, .vh_prot_name = PROTOCOL_LINES,
				  .fd.filefd = server.collector.lines };

	return lws_adopt_descriptor_vhost_via_info(&desc) ? 0 : err_set(err, ENOMEM, "no memory for a server");
}

static void serve(void)
{
	while (!ended && lws_service(server.lws, 0) >= 0)
		;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = take_signal };
	struct r3_err err;
	const char *address;
	bool six;
	int ret, i;

	if (argc < 4) {
		message("%s is started by \"ring3 web\"", argv[0]);
		return 125;
	}
	server.ring3 = argv[1];
	address = argv[2];
	for (i = 4; i < argc && i - 4 < CHECK_MAX_NAMES; i++)
		server.check.names[i - 4] = argv[i];
	signal(SIGPIPE, SIG_IGN);
	files_load();
	server.can_pause = has_subcommand("pause");
	ret = check_make_token(&server.check);
	if (!ret)
		ret = collect_start(&server.collector);
	if (ret)
		err_set(&err, ret, "the server cannot begin: %s", strerror(-ret));
	if (!ret)
		ret = listen_at(address, atoi(argv[3]), &err);
	if (!ret)
		ret = adopt_collector(&err);
	if (ret) {
		message("%s", err.msg);
		return 125;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	/* What broken clients do is not worth a word. */
	lws_set_log_level(0, say);
	live_start();
	six = strchr(address, ':');
	printf("http://%s%s%s:%d/%s/\n", six ? "[" : "", address, six ? "]" : "", lws_get_vhost_listen_port(server.vhost), server.check.token);
	if (fflush(stdout)) {
		message("nobody reads the address: %s", strerror(errno));
		return 1;
	}
	if (!files_find("xterm.js"))
		message("terminals in the browser are lines only, without Debian's package " XTERM_PACKAGE);
	serve();
	server.ending = true;
	term_end();
	captures_end();
	lws_context_destroy(server.lws);
	term_wait();
	return 0;
}
