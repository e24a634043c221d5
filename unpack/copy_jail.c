// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No namespaces for who writes files: in one of its own the files would belong to
 * nobody. The directory is a wall of wire/place.c as well, whatever the host has.
 */
#include "copy_jail.h"

#include <errno.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/walls.h"

#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	(1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL			(1ULL << 1)
#endif

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* Rights to files by the version that brought the last of them. */
static uint64_t file_rights(int version)
{
	static const unsigned char bits[] = { 0, 13, 14, 15, 15, 16 };

	return (1ULL << bits[version < 5 ? version : 5]) - 1;
}

static int landlock(int below)
{
	struct ruleset_attr attr = { 0 };
	struct landlock_path_beneath_attr rule = { .parent_fd = below };
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION), fd, ret = 0;

	if (version < 1)
		return version < 0 ? -errno : -ENOSYS;
	attr.fs = file_rights(version);
	if (version >= 6)
		attr.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	fd = syscall(SYS_landlock_create_ruleset, &attr, version >= 6 ? sizeof(attr) : sizeof(attr.fs), 0);
	if (fd < 0)
		return -errno;
	rule.allowed_access = attr.fs & ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
					  LANDLOCK_ACCESS_FS_MAKE_SOCK);
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		ret = -errno;
	close(fd);
	return ret;
}

int copy_jail(enum jail_mode mode, int below, struct r3_err *err)
{
	struct jail jail;
	static const uint64_t value[JAIL_NR_VALUES];
	int ret;

	if (mode == JAIL_OFF)
		return 0;
	if (below < 0) {
		ret = jail_process(&jail, mode, err);
		if (ret)
			return ret;
		ret = jail_filter("unpack", jail.value);
	} else {
		wall_no_core_dumps();
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			return err_set(err, errno, "the host refuses no_new_privs: %s", strerror(errno));
		ret = landlock(below);
		if (ret && mode == JAIL_REQUIRE)
			return err_set(err, ret, "the host refuses Landlock: %s", strerror(-ret));
		ret = jail_filter("copy", value);
	}
	return ret ? err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp", strerror(-ret)) : 0;
}
