// SPDX-License-Identifier: GPL-2.0-or-later
/* Walls that are alike for every process in a jail: the monitor, back ends. */
#include "jail/walls.h"

#include <errno.h>
#include <linux/capability.h>
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
