// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `ring3 run` without a guest: the same session code, and the agent as an
 * ordinary process of the host, with a socket in place of the port.
 *
 *   agent_run R3INIT [-C DIR] [-e NAME=VALUE] [--] [CMD...]
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session.h"

static struct loop loop;
static struct wire wire;
static struct session session;
static struct session_spec spec;
static struct watch sigwatch;
static int sigfd;
static bool ready, finished;

static const char *frame(void *ctx, const struct r3_frame *f, const uint8_t *payload)
{
	struct r3_agent_hello hello;
	struct r3_err err;

	if (ready)
		return f->session ? session_frame(&session, f, payload) : "unexpected frame";
	if (f->type != R3_FRAME_HELLO || f->len != sizeof(hello))
		return "no HELLO";
	memcpy(&hello, payload, sizeof(hello));
	if (hello.magic != R3_AGENT_MAGIC || hello.version != R3_AGENT_VERSION || !hello.release[0])
		return "wrong HELLO";
	ready = true;
	hello.window = SESSION_WINDOW;
	wire_send(&wire, R3_FRAME_HELLO, 0, &hello, sizeof(hello));
	if (session_open(&session, &loop, &wire, 1, SESSION_WINDOW, &spec, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		exit(125);
	}
	return NULL;
}

static void ended(void *ctx, const char *why)
{
	term_restore();
	fprintf(stderr, "agent_run: the agent ended: %s\n", why);
	exit(123);
}

static void done(void *ctx)
{
	finished = true;
}

static void drained(void *ctx)
{
	session_wake(&session);
}

static void signals(void *ctx, short revents)
{
	struct signalfd_siginfo info;

	if (read(sigfd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		session_resize(&session);
	else
		session_signal(&session, info.ssi_signo);
}

static pid_t start_agent(const char *path, int fd)
{
	char arg[16];
	pid_t pid = fork();
	sigset_t none;

	if (pid)
		return pid;
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(arg, sizeof(arg), "%d", dup(fd));
	execl(path, path, "--serve-fd", arg, NULL);
	perror(path);
	_exit(1);
}

int main(int argc, char **argv)
{
	int sv[2], c, status;
	char *env[16] = { 0 };
	size_t nr_env = 0;
	sigset_t set;
	pid_t pid;

	stdfd_sanitize();
	while ((c = getopt(argc, argv, "+C:e:")) > 0) {
		if (c == 'C')
			spec.cwd = optarg;
		else if (c == 'e' && nr_env < 15)
			env[nr_env++] = optarg;
		else
			return 2;
	}
	if (optind >= argc)
		return 2;
	spec.argv = optind + 1 < argc ? argv + optind + 1 : NULL;
	spec.env = env;
	spec.tty = session_wants_tty();

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return 2;
	pid = start_agent(argv[optind], sv[1]);
	close(sv[1]);
	wire.frame = frame;
	wire.ended = ended;
	wire.drained = drained;
	session.on_done = done;
	loop_watch(&loop, &sigwatch, sigfd, POLLIN, signals, NULL);
	if (wire_open(&wire, &loop, sv[0]))
		return 2;
	while (!finished)
		if (loop_step(&loop))
			return 2;

	session_close(&session);
	if (session.message[0])
		fprintf(stderr, "agent_run: %s\n", session.message);
	wire_close(&wire);
	waitpid(pid, &status, 0);
	return session.status;
}
