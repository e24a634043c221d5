// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. Walls, outermost first: namespaces (not the network's),
 * an empty root for the NAT process, Landlock, no capabilities, no_new_privs,
 * limits, and the system call list, which is made of jail.table by the monitor's
 * own compiler (monitor/jail/filter.c). Each is tried by itself; only the list
 * must stand.
 */
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "../../backend/walls.h"
#include "jail/jail.h"
#include "jail/walls.h"
#include "resolver_root.h"

#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	(1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL			(1ULL << 1)
#endif

#define MEMORY		(1UL << 30)	/* address space: 1024 connections with full buffers, four times */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

static void limits(void)
{
	wall_no_core_dumps();
	wall_limit(RLIMIT_MEMLOCK, 0);
	wall_limit(RLIMIT_MSGQUEUE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	wall_limit(RLIMIT_AS, MEMORY);
#endif
}

static int allow_reading(const char *path, void *ruleset)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	int ret;

	if (rule.parent_fd < 0)
		return 0;
	ret = syscall(SYS_landlock_add_rule, *(int *)ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return ret ? -errno : 0;
}

static int landlock(bool files)
{
	static const unsigned char bits[] = { 0, 13, 14, 15, 15, 16 };
	struct ruleset_attr attr = { 0 };
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int fd, ret = 0;

	if (version < 1)
		return version < 0 ? -errno : -ENOSYS;
	attr.fs = (1ULL << bits[version < 5 ? version : 5]) - 1;
	if (version >= 6)
		attr.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	fd = syscall(SYS_landlock_create_ruleset, &attr, version >= 6 ? sizeof(attr) : sizeof(attr.fs), 0);
	if (fd < 0)
		return -errno;
	if (files)
		ret = resolver_root_each(allow_reading, &fd);
	if (!ret && syscall(SYS_landlock_restrict_self, fd, 0))
		ret = -errno;
	close(fd);
	return ret;
}

static int finish(enum jail_mode mode, const char *kind, const char *missing, struct r3_err *err)
{
	static const uint64_t value[JAIL_NR_VALUES];
	int ret;

	if (mode == JAIL_REQUIRE && *missing)
		return err_set(err, -EPERM, "--jail=require: this host refuses walls of the network back end's jail: %s", missing);
	limits();
	ret = jail_filter(kind, value);
	if (ret)
		return err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp", strerror(-ret));
	return 0;
}

int nat_jail_net(enum jail_mode mode, const char **warning, struct r3_err *err)
{
	char missing[512] = "";
	int ret, lock;

	*warning = NULL;
	if (mode == JAIL_OFF)
		return 0;
	ret = wall_namespaces(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
	wall_want(ret, "namespaces", missing, sizeof(missing));
	if (!ret) {
		ret = wall_empty_root();
		wall_want(ret, "empty root", missing, sizeof(missing));
	}
	wall_want(wall_no_capabilities(), "no capabilities", missing, sizeof(missing));
	wall_want(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs", missing, sizeof(missing));
	lock = landlock(false);
	wall_want(lock, "Landlock", missing, sizeof(missing));
	if (ret && lock)
		*warning = "between the network back end, if a guest takes it over, and files there is only the list of system calls: this host has no other wall for its jail; see \"ring3 doctor\"";
	return finish(mode, "nat", missing, err);
}

int nat_jail_resolver(enum jail_mode mode, struct r3_err *err)
{
	char missing[512] = "";
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ret;

	if (mode == JAIL_OFF)
		return 0;
	ret = wall_namespaces(CLONE_NEWNS | CLONE_NEWIPC);
	wall_want(ret, "namespaces", missing, sizeof(missing));
	if (!ret) {
		ret = resolver_root(uid, gid);
		wall_want(ret, "a root of its own", missing, sizeof(missing));
	}
	wall_want(wall_no_capabilities(), "no capabilities", missing, sizeof(missing));
	wall_want(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs", missing, sizeof(missing));
	wall_want(landlock(true), "Landlock", missing, sizeof(missing));
	/* Landlock does not keep it from connecting to sockets that have a path. */
	return finish(mode, ret ? "resolver_in_host" : "resolver", missing, err);
}
