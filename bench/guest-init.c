// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PID 1 of the machines that have no agent (UML, QEMU), for workloads: loads
 * the modules in /modules in the order of their names, mounts the root disk,
 * puts /bench of the initramfs on its /run/bench, and runs
 *
 *	/run/bench/run WORDS...
 *
 * with the words of the command line behind the root device and its "--". Ends
 * by powering off; the status is in a line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modules.h"

#define ROOT	"/newroot"

static void die(const char *what)
{
	printf("bench init: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	exit(1);
}

static void open_console(void)
{
	int fd, tries;

	/* It may come after PID 1. */
	for (tries = 0; (fd = open("/dev/console", O_RDWR)) < 0 && tries < 1000; tries++)
		usleep(1000);
	for (tries = 0; fd >= 0 && tries < 3; tries++)
		dup2(fd, tries);
	if (fd > 2)
		close(fd);
}

static void mount_root(const char *device)
{
	int tries;

	for (tries = 0; access(device, F_OK) && tries < 5000; tries++)
		usleep(1000);
	mkdir(ROOT, 0755);
	if (mount(device, ROOT, "ext4", MS_NOATIME, ""))
		die(device);
	if (mount("/dev", ROOT "/dev", NULL, MS_MOVE, NULL) ||
	    mount("proc", ROOT "/proc", "proc", 0, "") ||
	    mount("sysfs", ROOT "/sys", "sysfs", 0, "") ||
	    mount("tmpfs", ROOT "/run", "tmpfs", 0, "") ||
	    mount("tmpfs", ROOT "/tmp", "tmpfs", 0, "") ||
	    (mkdir(ROOT "/run/bench", 0755) && errno != EEXIST) ||
	    mount("/bench", ROOT "/run/bench", NULL, MS_BIND, NULL))
		die("mount");
	mkdir(ROOT "/dev/shm", 01777);
	mount("tmpfs", ROOT "/dev/shm", "tmpfs", 0, "");
	if (chroot(ROOT) || chdir("/"))
		die("chroot");
}

int main(int argc, char **argv)
{
	int status = 0, i, to = 0;
	char *words[16] = { "/run/bench/run" };
	pid_t pid, ended;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	open_console();
	load_modules();
	if (argc < 2) {
		errno = EINVAL;
		die("no root device on the command line");
	}
	mount_root(argv[1]);
	/* UML adds words of its own, which have a "=". */
	for (i = 2; i < argc && to < 14; i++)
		if (!strchr(argv[i], '='))
			words[++to] = argv[i];
	pid = fork();
	if (!pid) {
		setsid();
		execv(words[0], words);
		_exit(127);
	}
	do
		ended = wait(&status);
	while (ended != pid && (ended > 0 || errno == EINTR));
	printf("{\"status\": %d}\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
