// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define TERM_MS		2000	/* for processes to end by themselves */
#define MAX_MOUNTS	256

static void wait_all(int timeout_ms)
{
	struct timespec until, now, left;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		/* Looked at each time: there may be processes that end without end. */
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > until.tv_sec ||
		    (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec))
			return;
		if (pid > 0)
			continue;
		left.tv_sec = until.tv_sec - now.tv_sec;
		left.tv_nsec = until.tv_nsec - now.tv_nsec;
		if (left.tv_nsec < 0) {
			left.tv_sec--;
			left.tv_nsec += 1000000000;
		}
		sigtimedwait(&set, NULL, &left);
	}
}

/* In the order in which they were mounted, so undone from the end. */
static void unmount_all(void)
{
	char line[1024], *dir[MAX_MOUNTS], *p, *end;
	int n = 0;
	FILE *f;

	f = fopen("/proc/self/mounts", "re");
	if (!f)
		return;
	while (n < MAX_MOUNTS && fgets(line, sizeof(line), f)) {
		p = strchr(line, ' ');
		end = p ? strchr(p + 1, ' ') : NULL;
		if (!end)
			continue;
		*end = 0;
		dir[n] = strdup(p + 1);
		if (dir[n])
			n++;
	}
	fclose(f);
	while (n--) {
		if (strcmp(dir[n], "/") && strcmp(dir[n], "/dev") && strcmp(dir[n], "/proc"))
			umount2(dir[n], UMOUNT_NOFOLLOW);
		free(dir[n]);
	}
}

static void end_pid1(bool off)
{
	kill(-1, SIGTERM);
	kill(-1, SIGHUP);		/* interactive shells ignore SIGTERM */
	kill(-1, SIGCONT);
	wait_all(TERM_MS);
	kill(-1, SIGKILL);
	wait_all(TERM_MS);
	sync();
	unmount_all();
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0 && errno != EROFS)
		sync();
	reboot(off ? RB_POWER_OFF : RB_AUTOBOOT);
}

static bool run_program(const char *path)
{
	pid_t pid;

	if (access(path, X_OK))
		return false;
	pid = vfork();
	if (!pid) {
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	return pid > 0;
}

static bool init_is(const char *name)
{
	char comm[32] = "";
	int fd = open("/proc/1/comm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = 0;
	close(fd);
	comm[strcspn(comm, "\n")] = 0;
	return !strcmp(comm, name);
}

void power_end(const struct r3_agent_power *power, bool pid1)
{
	bool off = power->how != R3_POWER_HOW_REBOOT;

	if (power->flags & R3_POWER_FORCE) {
		reboot(off ? RB_POWER_OFF : RB_AUTOBOOT);
		return;
	}
	if (pid1) {
		end_pid1(off);
		return;
	}
	/* The root's own init knows how to end: ask it the way it is asked. */
	if (init_is("systemd")) {
		kill(1, SIGRTMIN + (off ? 4 : 5));
		return;
	}
	if (run_program(off ? "/sbin/poweroff" : "/sbin/reboot"))
		return;
	sync();
	reboot(off ? RB_POWER_OFF : RB_AUTOBOOT);
}
