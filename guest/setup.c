// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a command expects of a machine: the mounts, names and devices that an
 * init system would have made. Called in the root disk. What a kernel does
 * not have is left out; a command that needs it says so better than we could.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "netfiles.h"

#define NODEVEXEC	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct {
	const char *type, *dir;
	unsigned long flags;
	const char *data;
	mode_t make;		/* 0: the directory is there or the mount is left out */
} mounts[] = {
	{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666", 0755 },
	{ "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", 0755 },
	{ "mqueue", "/dev/mqueue", NODEVEXEC, NULL, 0755 },
	{ "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755", 0755 },
	{ "cgroup2", "/sys/fs/cgroup", NODEVEXEC, "nsdelegate", 0 },
};

static const struct {
	const char *target, *path;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
};

void setup_network(struct boot *boot)
{
	const struct netfiles files = {
		.net = &boot->net,
		.hostname = boot->hostname,
		.kept = boot->kept,
		.readonly = boot->readonly,
		.init = boot->init[0],
	};
	char why[256];
	int ret = 0;

	if (boot->net.nr_cards)
		ret = net_up(&boot->net, why, sizeof(why));
	if (ret)
		report("%s: %s", why, strerror(-ret));
	ret = netfiles_write(&files, why, sizeof(why));
	if (ret)
		report("%s: %s", why, strerror(-ret));
}

void setup_shares(struct boot *boot)
{
	char why[sizeof(boot->error)];

	if (!share_mount(&boot->shares, why, sizeof(why)))
		memcpy(boot->error, why, sizeof(why));
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
}

static void set_hostname(struct boot *boot)
{
	char text[65] = "";
	ssize_t n;
	int fd;

	if (!boot->hostname[0]) {
		fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, text, sizeof(text) - 1);
			close(fd);
			text[n > 0 ? n : 0] = 0;
			text[strcspn(text, " \t\n")] = 0;
		}
		snprintf(boot->hostname, sizeof(boot->hostname), "%s", text[0] ? text : "ring3");
	}
	sethostname(boot->hostname, strlen(boot->hostname));
}

void setup_machine(struct boot *boot)
{
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mounts[i].make)
			mkdir(mounts[i].dir, mounts[i].make);
		mount(mounts[i].type, mounts[i].dir, mounts[i].type, mounts[i].flags, mounts[i].data);
	}
	mkdir("/run/lock", 01777);
	chmod("/run/lock", 01777);
	if (boot->readonly)
		mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i].target, links[i].path) < 0 && errno != EEXIST)
			report("no %s: %s", links[i].path, strerror(errno));
	loopback_up();
	set_hostname(boot);
	setup_shares(boot);
	setup_network(boot);
}
