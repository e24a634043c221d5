// SPDX-License-Identifier: GPL-2.0-or-later
#include "walls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int wall_limit(int what, unsigned long max)
{
	struct rlimit lim;

	if (getrlimit(what, &lim))
		return -errno;
	if (lim.rlim_max > max)
		lim.rlim_max = max;
	if (lim.rlim_cur > max)
		lim.rlim_cur = max;
	return setrlimit(what, &lim) ? -errno : 0;
}

int wall_files(unsigned long max)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return -errno;
	if (lim.rlim_max > max)
		lim.rlim_max = max;
	lim.rlim_cur = lim.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &lim) ? -errno : 0;
}

int wall_namespaces(int kinds)
{
	int ret = 0, bit;

	if (!unshare(CLONE_NEWUSER | kinds))
		return 0;
	if (unshare(CLONE_NEWUSER))
		ret = -errno;
	for (bit = 1; bit > 0 && bit <= kinds; bit <<= 1)
		if ((kinds & bit) && unshare(bit))
			ret = -errno;
	return ret;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int wall_map_self(uid_t uid, gid_t gid)
{
	char users[40], groups[40];

	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	return write_file("/proc/self/setgroups", "deny") ?: write_file("/proc/self/gid_map", groups) ?:
	       write_file("/proc/self/uid_map", users);
}

void wall_want(int ret, const char *what, char *missing, size_t size)
{
	size_t n = strlen(missing);

	if (ret)
		snprintf(missing + n, size - n, "%s%s (%s)", n ? ", " : "", what, strerror(-ret));
}
