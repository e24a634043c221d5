// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that is none, for tests of the `ring3` program alone: the agent
 * runs as a process of the host ($R3INIT --serve-fd), connected as a
 * monitor would connect it. Words in --append choose how it behaves:
 *
 *	fake.panic fake.host fake.config fake.crash fake.hang fake.reboot
 *	fake.garbage fake.badhello fake.mute
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

#include "vm/vm.h"

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

static int serve(const struct vm_config *cfg)
{
	const char *path = getenv("R3INIT");
	char arg[16];
	pid_t pid;
	int status;

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
