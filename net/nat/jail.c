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
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "jail/jail.h"

#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	(1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL			(1ULL << 1)
#endif

#define LINKS_MOST	8
#define MEMORY		(1UL << 30)	/* address space: 1024 connections with full buffers, four times */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* What resolving a name reads, on the hosts that we know. */
static const char *const readable[] = {
	"/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/run/systemd/resolve", "/run/resolvconf",
	"/run/NetworkManager", "/run/nscd", "/var/run/nscd", "/run/avahi-daemon", "/run/connman",
	"/run/netconfig",
};

static const char *const links[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf" };

static int lower(int what, rlim_t max)
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

static void limits(void)
{
	/* 1 and not 0: see monitor/jail/jail.c. */
	lower(RLIMIT_CORE, 1);
	lower(RLIMIT_MEMLOCK, 0);
	lower(RLIMIT_MSGQUEUE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	lower(RLIMIT_AS, MEMORY);
#endif
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int cap, ret = 0;

	for (cap = 0; !ret; cap++)
		ret = prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

static int enter_root(void)
{
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return -errno;
	return 0;
}

/*
 * Over the root, and into it. Root whom the host refuses a user namespace shares
 * its mounts with the host, which would have this one on its own / too.
 */
static int mount_root(unsigned long flags, const char *options)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("ring3", "/", "tmpfs", flags | MS_NOSUID | MS_NODEV | MS_NOEXEC, options) || chdir("/.."))
		return -errno;
	return 0;
}

static int empty_root(void)
{
	return mount_root(MS_RDONLY, "size=4k,nr_inodes=2,mode=555") ?: enter_root();
}

/* One by one if need be: some hosts have limits for some kinds. */
static int namespaces(int kinds)
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

/* A directory of the host's, and links on the way to it, in the root to be, which is the working directory. */
static int show(const char *path)
{
	char own[PATH_MAX + 1], link[PATH_MAX], *p;
	struct stat st, there;
	ssize_t n;

	if (snprintf(own, sizeof(own), ".%s", path) >= (int)sizeof(own))
		return -ENAMETOOLONG;
	for (p = strchr(own + 2, '/');; p = strchr(p + 1, '/')) {
		if (p)
			*p = '\0';
		if (lstat(own + 1, &st))
			return 0;
		if (S_ISLNK(st.st_mode)) {
			n = readlink(own + 1, link, sizeof(link) - 1);
			link[n > 0 ? n : 0] = '\0';
			if (symlink(link, own) && errno != EEXIST)
				return -errno;
			return realpath(path, link) ? show(link) : 0;
		}
		if (mkdir(own, 0755) && errno != EEXIST)
			return -errno;
		if (!p)
			break;
		*p = '/';
	}
	if (!stat(own, &there) && there.st_dev == st.st_dev && there.st_ino == st.st_ino)
		return 0;
	return mount(own + 1, own, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

/* Of a file that may be a link, and that one to another: the directories that the links lead to. */
static int show_links(const char *path)
{
	char at[PATH_MAX], link[PATH_MAX], dir[PATH_MAX];
	int ret = 0, depth;
	ssize_t n;

	snprintf(at, sizeof(at), "%s", path);
	for (depth = 0; !ret && depth < LINKS_MOST; depth++) {
		n = readlink(at, link, sizeof(link) - 1);
		if (n <= 0)
			return 0;
		link[n] = '\0';
		snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(at, '/') - at), at);
		if (snprintf(at, sizeof(at), "%s%s%s", link[0] == '/' ? "" : dir, link[0] == '/' ? "" : "/", link) >= (int)sizeof(at))
			return -ENAMETOOLONG;
		snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(at, '/') - at), at);
		if (dir[0])
			ret = show(dir);
	}
	return ret;
}

/* Where a file is that is a link out of /etc. */
static bool target_of(const char *path, char target[PATH_MAX])
{
	char *slash;

	if (!realpath(path, target) || !(slash = strrchr(target, '/')) || slash == target)
		return false;
	*slash = '\0';
	return true;
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

/* Who is nobody in a namespace can make no directory in it. */
static int map_self(uid_t uid, gid_t gid)
{
	char users[40], groups[40];

	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	return write_file("/proc/self/setgroups", "deny") ?: write_file("/proc/self/gid_map", groups) ?:
	       write_file("/proc/self/uid_map", users);
}

/*
 * Nothing but what it reads: Landlock does not keep it from connecting to
 * sockets that have a path, such as those of other guests or of a service manager.
 */
static int small_root(uid_t uid, gid_t gid)
{
	int ret = map_self(uid, gid) ?: mount_root(0, "size=64k,nr_inodes=256,mode=755");
	unsigned int i;

	for (i = 0; !ret && i < ARRAY_SIZE(readable); i++)
		ret = show(readable[i]);
	for (i = 0; !ret && i < ARRAY_SIZE(links); i++)
		ret = show_links(links[i]);
	return ret ?: enter_root();
}

static int allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	int ret;

	if (rule.parent_fd < 0)
		return 0;
	ret = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return ret ? -errno : 0;
}

static int landlock(bool files)
{
	static const unsigned char bits[] = { 0, 13, 14, 15, 15, 16 };
	struct ruleset_attr attr = { 0 };
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	char target[PATH_MAX];
	int fd, ret = 0;
	unsigned int i;

	if (version < 1)
		return version < 0 ? -errno : -ENOSYS;
	attr.fs = (1ULL << bits[version < 5 ? version : 5]) - 1;
	if (version >= 6)
		attr.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	fd = syscall(SYS_landlock_create_ruleset, &attr, version >= 6 ? sizeof(attr) : sizeof(attr.fs), 0);
	if (fd < 0)
		return -errno;
	for (i = 0; files && !ret && i < ARRAY_SIZE(readable); i++)
		ret = allow_reading(fd, readable[i]);
	for (i = 0; files && !ret && i < ARRAY_SIZE(links); i++)
		ret = target_of(links[i], target) ? allow_reading(fd, target) : 0;
	if (!ret && syscall(SYS_landlock_restrict_self, fd, 0))
		ret = -errno;
	close(fd);
	return ret;
}

static void want(int ret, const char *what, char *missing, size_t size)
{
	size_t n = strlen(missing);

	if (ret)
		snprintf(missing + n, size - n, "%s%s (%s)", n ? ", " : "", what, strerror(-ret));
}

static int finish(enum nat_jail mode, const char *kind, const char *missing, struct r3_err *err)
{
	static const uint64_t value[JAIL_NR_VALUES];
	int ret;

	if (mode == NAT_JAIL_REQUIRE && *missing)
		return err_set(err, -EPERM, "--jail=require: this host refuses walls of the network back end's jail: %s", missing);
	limits();
	ret = jail_filter(kind, value);
	if (ret)
		return err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp", strerror(-ret));
	return 0;
}

int nat_jail_net(enum nat_jail mode, const char **warning, struct r3_err *err)
{
	char missing[512] = "";
	int ret, lock;

	*warning = NULL;
	if (mode == NAT_JAIL_OFF)
		return 0;
	ret = namespaces(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
	want(ret, "namespaces", missing, sizeof(missing));
	if (!ret) {
		ret = empty_root();
		want(ret, "empty root", missing, sizeof(missing));
	}
	want(drop_capabilities(), "no capabilities", missing, sizeof(missing));
	want(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs", missing, sizeof(missing));
	lock = landlock(false);
	want(lock, "Landlock", missing, sizeof(missing));
	if (ret && lock)
		*warning = "between the network back end, if a guest takes it over, and files there is only the list of system calls: this host has no other wall for its jail; see \"ring3 doctor\"";
	return finish(mode, "nat", missing, err);
}

int nat_jail_resolver(enum nat_jail mode, struct r3_err *err)
{
	char missing[512] = "";
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ret;

	if (mode == NAT_JAIL_OFF)
		return 0;
	ret = namespaces(CLONE_NEWNS | CLONE_NEWIPC);
	want(ret, "namespaces", missing, sizeof(missing));
	if (!ret)
		want(small_root(uid, gid), "a root of its own", missing, sizeof(missing));
	want(drop_capabilities(), "no capabilities", missing, sizeof(missing));
	want(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs", missing, sizeof(missing));
	want(landlock(true), "Landlock", missing, sizeof(missing));
	return finish(mode, "resolver", missing, err);
}
