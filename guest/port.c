// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding a virtio-console port by its name, without udev: the kernel lists
 * ports in sysfs and says by uevent when one appears or gets its name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define PORTS	"/sys/class/virtio-ports"

static bool name_matches(const char *port, const char *name)
{
	char path[300], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), PORTS "/%s/name", port);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, name);
}

static int find_port(const char *name)
{
	char path[300];
	struct dirent *de;
	int fd = -ENOENT;
	DIR *dir;

	dir = opendir(PORTS);
	if (!dir)
		return -errno;
	while ((de = readdir(dir))) {
		if (de->d_name[0] == '.' || !name_matches(de->d_name, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", de->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			fd = -errno;
		break;
	}
	closedir(dir);
	return fd;
}

static int listen_uevents(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int port_open(const char *name, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd pfd = { .events = POLLIN };
	char drop[4096];
	int fd;

	fd = find_port(name);
	if (fd >= 0)
		return fd;
	pfd.fd = listen_uevents();
	/* Between its name and its uevent a port is found by looking again. */
	while ((fd = find_port(name)) < 0 && now_ms() < end) {
		poll(&pfd, 1, pfd.fd < 0 ? 2 : 50);
		while (pfd.fd >= 0 && recv(pfd.fd, drop, sizeof(drop), 0) > 0)
			;
	}
	if (pfd.fd >= 0)
		close(pfd.fd);
	return fd;
}
