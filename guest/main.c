// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * r3init: the guest's PID 1 and agent, /init of the initramfs.
 *
 * It mounts the root disk and enters it. With ring3.init= it becomes that
 * program, and a child of it stays behind as the agent; else it is PID 1
 * itself for as long as the guest lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "agent.h"
#include "copy.h"

#define PORT_MS		5000

static void __attribute__((noreturn)) give_up(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static int serve(const struct boot *boot, bool pid1)
{
	struct agent_config cfg = { .boot = boot, .pid1 = pid1 };

	cfg.fd = port_open(R3_AGENT_PORT, PORT_MS);
	if (cfg.fd < 0) {
		report("no port %s to the host: %s", R3_AGENT_PORT, strerror(-cfg.fd));
		return cfg.fd;
	}
	return agent_serve(&cfg);
}

/*
 * The agent beside an init of the root's own. The initramfs' copy of this
 * program stays in memory while it runs, so nothing on the root disk is held.
 */
static void agent_child(struct boot *boot, char *argv0, int exec_result)
{
	int err = 0;
	ssize_t n;

	prctl(PR_SET_NAME, "r3agent");
	/* systemd spares processes marked so when it ends all others. */
	if (argv0[0])
		argv0[0] = '@';
	setsid();
	/* Closed by a successful exec, else it says why not. */
	n = read(exec_result, &err, sizeof(err));
	close(exec_result);
	if (n == sizeof(err))
		snprintf(boot->error, sizeof(boot->error), "the guest's init %s cannot be executed: %s",
			 boot->init, strerror(err));
	serve(boot, false);
	if (boot->error[0])
		give_up();
	_exit(0);
}

static void become_init(struct boot *boot, char *argv0)
{
	char *argv[] = { boot->init, NULL };
	int p[2], err;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (!pid) {
		close(p[1]);
		agent_child(boot, argv0, p[0]);
	}
	close(p[0]);
	if (!getenv("HOME"))
		setenv("HOME", "/", 1);
	execv(boot->init, argv);
	err = errno;
	report("the guest's init %s cannot be executed: %s", boot->init, strerror(err));
	if (pid < 0 || write(p[1], &err, sizeof(err)) < 0)
		give_up();
	close(p[1]);
	/* The child tells the host and ends the guest. */
	for (;;)
		pause();
}

static int serve_test(const char *arg)
{
	struct boot boot = { 0 };
	struct agent_config cfg = { .boot = &boot, .test = true, .pid1 = true };

	cfg.fd = atoi(arg);
	if (fcntl(cfg.fd, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr, "r3init: %s is not an open descriptor\n", arg);
		return 2;
	}
	return agent_serve(&cfg) < 0;
}

int main(int argc, char **argv)
{
	static struct boot boot;
	struct timespec ts;

	boot.start_tsc = __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	boot.start_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;

	if (argc == 3 && !strcmp(argv[1], "--serve-fd"))
		return serve_test(argv[2]);
	if (argc > 1 && !strcmp(argv[1], "--pack"))
		return copy_pack(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "--unpack"))
		return copy_unpack(argc, argv);
	if (getpid() != 1) {
		fprintf(stderr, "r3init is PID 1 of a ring3 guest; use: r3init --serve-fd N\n");
		return 2;
	}

	umask(022);
	boot_early(&boot);
	boot_root(&boot);
	if (!boot.error[0])
		setup_modules(&boot);
	if (!boot.error[0] && boot.init[0])
		setup_shares(&boot);
	if (boot.error[0]) {
		report("%s", boot.error);
	} else if (boot.init[0]) {
		setup_network(&boot);
		become_init(&boot, argv[0]);
	} else {
		setup_machine(&boot);
	}
	serve(&boot, true);
	give_up();
}
