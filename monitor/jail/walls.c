// SPDX-License-Identifier: GPL-2.0-or-later
/* Walls that are alike for every process in a jail: the monitor, back ends. */
#include "jail/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int wall_no_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int cap, ret = 0;

	/* Without CAP_SETPCAP there is nothing in the bounding set to gain either. */
	for (cap = 0; !ret; cap++)
		ret = prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

/*
 * 1 and not 0: a host that pipes core dumps into a program does so whatever
 * the limit, but for this one. /proc stays readable for the user, as it would
 * not with PR_SET_DUMPABLE.
 */
int wall_no_core_dumps(void)
{
	struct rlimit one = { 1, 1 };
	struct rlimit now;

	if (!getrlimit(RLIMIT_CORE, &now) && now.rlim_max < 1)
		one.rlim_cur = one.rlim_max = now.rlim_max;
	return setrlimit(RLIMIT_CORE, &one) ? -errno : 0;
}

int wall_mount_root(unsigned long flags, const char *options)
{
	/* Root whom the host refuses a user namespace shares its mounts with the host: there it would be on / too. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("ring3", "/", "tmpfs", flags | MS_NOSUID | MS_NODEV | MS_NOEXEC, options) || chdir("/.."))
		return -errno;
	return 0;
}

int wall_enter_root(void)
{
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return -errno;
	return 0;
}

int wall_empty_root(void)
{
	int ret = wall_mount_root(MS_RDONLY, "size=4k,nr_inodes=2,mode=555");

	return ret ? ret : wall_enter_root();
}

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
