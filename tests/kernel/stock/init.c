// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PID 1 of the stock kernel in scripts/compare-selftests: loads the modules
 * that /modules names, makes the tests' root disk the root, runs the command
 * that the third disk holds up to a '@', with its output on the second serial
 * line, and powers off.
 */
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

static void must(int ret, const char *what)
{
	if (ret < 0)
		perror(what);
}

static void load_modules(void)
{
	char line[256];
	FILE *f = fopen("/modules", "r");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		int fd = open(line, O_RDONLY | O_CLOEXEC);

		must(syscall(SYS_finit_module, fd, "", 0), line);
		close(fd);
	}
}

static void enter_root(void)
{
	for (int i = 0; i < 100 && access("/dev/vdc", F_OK); i++)
		usleep(100000);
	mkdir("/r", 0755);
	must(mount("/dev/vda", "/r", "ext4", 0, NULL), "root disk");
	must(mount("/dev", "/r/dev", NULL, MS_MOVE, NULL), "/dev");
	must(chdir("/r"), "/r");
	must(mount(".", "/", NULL, MS_MOVE, NULL), "/");
	must(chroot("."), "chroot");
	must(mount("proc", "/proc", "proc", 0, NULL), "/proc");
	must(mount("sys", "/sys", "sysfs", 0, NULL), "/sys");
	must(mount("run", "/run", "tmpfs", 0, NULL), "/run");
	mkdir("/dev/pts", 0755);
	must(mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666"), "/dev/pts");
	mkdir("/dev/shm", 01777);
	must(mount("shm", "/dev/shm", "tmpfs", 0, NULL), "/dev/shm");
	mkdir("/dev/mqueue", 01777);
	must(mount("mq", "/dev/mqueue", "mqueue", 0, NULL), "/dev/mqueue");
	must(mount("cgroup", "/sys/fs/cgroup", "cgroup2", 0, NULL), "cgroup");
	must(mount("/dev/vdb", "/mnt", "ext4", MS_RDONLY, NULL), "disk of the selftests");
}

int main(void)
{
	mkdir("/dev", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	int con = open("/dev/console", O_RDWR);

	for (int i = 0; con >= 0 && i < 3; i++)
		dup2(con, i);
	load_modules();
	enter_root();
	if (!fork()) {
		int out = open("/dev/ttyS1", O_RDWR | O_NOCTTY);

		setsid();
		dup2(out, 1);
		dup2(out, 2);
		setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
		setenv("HOME", "/root", 1);
		execl("/bin/bash", "bash", "-c", "stty -F /dev/ttyS1 raw; read -r -d @ line < /dev/vdc; eval \"$line\"", NULL);
		_exit(127);
	}
	while (wait(NULL) > 0)
		;
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
