// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that is none, for tests of the `ring3` program alone: the agent
 * runs as a process of the host ($R3INIT --serve-fd), connected as a
 * monitor would connect it. Words in --append choose how it behaves:
 *
 *	fake.panic fake.host fake.config fake.crash fake.hang fake.reboot
 *	fake.garbage fake.badhello fake.mute
 *
 * and how it answers on the control channel, if not as it should:
 *
 *	fake.lie=silent short long empty unasked again status fd flood late gone
 *
 * fake.noise writes to the console without end.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ring3/agent.h>

#include "base/util.h"
#include "vm/channel.h"
#include "vm/vm.h"

/* Longer than ring3 waits. */
#define CHANNEL_FAKE_LATE	4

static void console(const struct vm_config *cfg, const char *text)
{
	if (write(cfg->port[0].fd, text, strlen(text)) < 0)
		_exit(99);
}

static bool has(const struct vm_config *cfg, const char *word)
{
	return strstr(cfg->cmdline, word);
}

/* What comes in on the console goes out again, until it says "off". */
static int echo_console(const struct vm_config *cfg)
{
	char text[4096];
	ssize_t n;

	fcntl(cfg->port[0].fd, F_SETFL, 0);
	console(cfg, "fake console\r\n");
	while ((n = read(cfg->port[0].fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		console(cfg, text);
		if (strstr(text, "off"))
			return VM_EXIT_POWEROFF;
		if (strstr(text, "reboot"))
			return VM_EXIT_REBOOT;
	}
	return VM_EXIT_HOST;
}

static void send_raw(const struct vm_config *cfg, const void *data, size_t len)
{
	if (write(cfg->port[1].fd, data, len) != (ssize_t)len)
		_exit(99);
}

static void send_hello(const struct vm_config *cfg, uint32_t version)
{
	struct r3_frame frame = { .len = sizeof(struct r3_agent_hello), .type = R3_FRAME_HELLO };
	struct r3_agent_hello hello = {
		.magic = R3_AGENT_MAGIC, .version = version, .window = 262144, .release = "fake",
	};

	send_raw(cfg, &frame, sizeof(frame));
	send_raw(cfg, &hello, sizeof(hello));
}

static void __attribute__((noreturn)) misbehave(const struct vm_config *cfg)
{
	static const char garbage[64] = "this is not a frame of the protocol, not at all";

	if (has(cfg, "fake.badhello"))
		send_hello(cfg, 77);
	if (has(cfg, "fake.flood")) {
		/* More output than was granted. */
		struct r3_frame frame = { .len = 65536, .type = R3_FRAME_STDOUT, .session = 1 };
		static char data[65536];
		int i;

		fcntl(cfg->port[1].fd, F_SETFL, 0);
		send_hello(cfg, R3_AGENT_VERSION);
		for (i = 0; i < 64; i++) {
			send_raw(cfg, &frame, sizeof(frame));
			send_raw(cfg, data, sizeof(data));
		}
	}
	if (has(cfg, "fake.garbage"))
		send_raw(cfg, garbage, sizeof(garbage));
	for (;;)
		pause();
}

/* ---- the control channel ---- */

static int nothing(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	return 0;
}

static const struct channel_op ops[] = {
	[CHANNEL_PING] = { 0, 0, 0, 0, nothing },
	[CHANNEL_STATS] = { 0, sizeof(struct channel_stats), 0, 0, nothing },
};

static void say(int fd, uint64_t id, uint32_t size, int32_t status, size_t len, int with)
{
	static union {
		struct channel_answer head;
		char bytes[CHANNEL_ANSWER_MAX + 64];
	} answer;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &answer, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	answer.head = (struct channel_answer){ .size = size, .status = status, .id = id };
	if (with >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &with, sizeof(with));
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		_exit(0);
}

/* Requests are pings, whose answer is a head. */
static void lie(int fd, const char *how, uint64_t id)
{
	const uint32_t head = sizeof(struct channel_answer);
	uint64_t i;

	if (!strncmp(how, "short", 5)) {
		say(fd, id, head, 0, 7, -1);
	} else if (!strncmp(how, "long", 4)) {
		say(fd, id, CHANNEL_ANSWER_MAX + 32, 0, CHANNEL_ANSWER_MAX + 32, -1);
	} else if (!strncmp(how, "empty", 5)) {
		say(fd, id, head, 0, 0, -1);
	} else if (!strncmp(how, "size", 4)) {
		say(fd, id, head + 8, 0, head + 8, -1);
	} else if (!strncmp(how, "unasked", 7)) {
		say(fd, id + 1, head, 0, head, -1);
	} else if (!strncmp(how, "again", 5)) {
		say(fd, id, head, 0, head, -1);
		say(fd, id, head, 0, head, -1);
	} else if (!strncmp(how, "status", 6)) {
		say(fd, id, head, -12345678, head, -1);
	} else if (!strncmp(how, "fd", 2)) {
		say(fd, id, head, 0, head, fd);
	} else if (!strncmp(how, "flood", 5)) {
		for (i = 0; ; i++)
			say(fd, i, head, 0, head, -1);
	} else if (!strncmp(how, "late", 4)) {
		sleep(CHANNEL_FAKE_LATE);
		say(fd, id, head, 0, head, -1);
	} else if (!strncmp(how, "gone", 4)) {
		shutdown(fd, SHUT_RDWR);
	}
}

/* A process beside the guest, which outlives it for a moment: with this one descriptor, and no lock of a disk. */
static bool beside(int fd)
{
	if (fork())
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	util_close_range(3, fd - 1);
	util_close_range(fd + 1, ~0U >> 1);
	fcntl(fd, F_SETFL, 0);
	return true;
}

static void serve_channel(const struct vm_config *cfg)
{
	const char *how = strstr(cfg->cmdline, "fake.lie=");
	struct channel_request request;

	if (!beside(cfg->channel_fd))
		return;
	while (!how) {
		/* One that has come, as channel_serve() does not wait. */
		if (recv(cfg->channel_fd, &request, sizeof(request), MSG_PEEK) <= 0)
			_exit(0);
		channel_serve(cfg->channel_fd, ops, sizeof(ops) / sizeof(ops[0]), NULL);
	}
	while (recv(cfg->channel_fd, &request, sizeof(request), 0) > 0)
		lie(cfg->channel_fd, how + 9, request.id);
	_exit(0);
}

/* More than any log has room for, at the pace at which it is taken. */
static void make_noise(const struct vm_config *cfg)
{
	static char text[4096];

	if (!beside(cfg->port[0].fd))
		return;
	memset(text, 'n', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	while (write(cfg->port[0].fd, text, sizeof(text)) > 0)
		;
	_exit(0);
}

static int serve(const struct vm_config *cfg)
{
	const char *path = getenv("R3INIT");
	char arg[16];
	pid_t pid;
	int status;

	serve_channel(cfg);
	if (has(cfg, "fake.noise"))
		make_noise(cfg);
	snprintf(arg, sizeof(arg), "%d", cfg->port[1].fd);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(cfg->port[1].fd, F_SETFD, 0);
		execl(path, path, "--serve-fd", arg, NULL);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return VM_EXIT_HOST;
	return VM_EXIT_POWEROFF;
}

int vm_main(const struct vm_config *cfg, struct r3_err *err)
{
	console(cfg, "[    0.000000] fake kernel\r\n");
	if (has(cfg, "fake.config"))
		return err_set(err, 22, "the fake guest cannot be configured"), VM_EXIT_CONFIG;
	if (has(cfg, "fake.host"))
		return err_set(err, 12, "the fake host failed"), VM_EXIT_HOST;
	if (has(cfg, "fake.panic")) {
		console(cfg, "[    0.100000] Kernel panic - not syncing: \033[31mfake \330\234 \342\200\256 \302\233" "2J\r\n");
		return VM_EXIT_PANIC;
	}
	if (has(cfg, "fake.crash"))
		raise(SIGSEGV);
	if (has(cfg, "fake.off"))
		return VM_EXIT_POWEROFF;
	if (has(cfg, "fake.reboot"))
		return VM_EXIT_REBOOT;
	if (has(cfg, "fake.hang"))
		for (;;)
			pause();
	if (has(cfg, "fake.garbage") || has(cfg, "fake.badhello") || has(cfg, "fake.flood"))
		misbehave(cfg);
	if (has(cfg, "ring3.init="))
		return echo_console(cfg);
	return serve(cfg);
}
