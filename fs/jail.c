// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. Walls, outermost first: namespaces, a root that has the folder and
 * the directory of this process's own descriptors only, Landlock on the folder, no
 * capabilities, no_new_privs, limits, and the lists of system calls, which are made of
 * jail.table by the monitor's own compiler. Each is tried by itself; only the lists must stand.
 *
 * Where a new root cannot be had, names are still single components (request.c, reopen.c),
 * but whoever has taken over the process is behind Landlock alone.
 */
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "../backend/walls.h"
#include "hide.h"
#include "jail/walls.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER	(1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE	(1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV	(1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	(1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL			(1ULL << 1)
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE	0x8000
#endif

#define READ_RIGHTS	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
			 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM | \
			 LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* ---- the root ---- */

/* What may not be done below the folder, submounts included. */
static int restrict_mounts(bool ro)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (ro ? MOUNT_ATTR_RDONLY : 0) };

	return syscall(SYS_mount_setattr, AT_FDCWD, "share", AT_RECURSIVE, &attr, sizeof(attr)) ? -errno : 0;
}

static int open_dir(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Return: 0 with the share's descriptors replaced by those of the new root. */
static int new_root(struct share *s, int folder)
{
	char from[40];
	int ret, root, proc;

	/* The working directory goes along into the new namespace of mounts; descriptors stay what they were. */
	if (fchdir(folder))
		return -errno;
	ret = wall_namespaces(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) ?: wall_map_self(s->own_uid, s->own_gid);
	if (ret)
		return ret;
	ret = open_dir(".");
	if (ret < 0)
		return ret;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", ret);
	ret = wall_mount_root(0, "size=16k,nr_inodes=8,mode=755");
	if (ret)
		return ret;
	if (mkdir("share", 0755) || mkdir("fd", 0755) || mount(from, "share", NULL, MS_BIND | MS_REC, NULL) ||
	    mount("/proc/self/fd", "fd", NULL, MS_BIND, NULL))
		return -errno;
	ret = restrict_mounts(s->ro) ?: (root = open_dir("share")) < 0 ? root : 0;
	if (ret)
		return ret;
	proc = open_dir("fd");
	ret = proc < 0 ? proc : wall_enter_root();
	close(atoi(strrchr(from, '/') + 1));
	/* It holds two empty directories that are mounted over. */
	if (!ret)
		mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (ret) {
		close(root);
		if (proc >= 0)
			close(proc);
		return ret;
	}
	close(s->root_fd);
	close(s->proc_fd);
	s->root_fd = root;
	s->proc_fd = proc;
	return 0;
}

/*
 * A user namespace that is half set up cannot be left again, and nothing can be made
 * in it: so a child tries first.
 */
static int root_is_possible(struct share *s, int folder)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-new_root(s, folder) & 0xff);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* ---- Landlock ---- */

static int landlock_version(void)
{
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? -errno : version;
}

struct rule {
	int ruleset;
	uint64_t rights;
};

static int allow(void *ctx, int fd)
{
	const struct rule *r = ctx;
	struct landlock_path_beneath_attr rule = { .allowed_access = r->rights, .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	/* What is for directories only is refused of a file. */
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
	return syscall(SYS_landlock_add_rule, r->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ? -errno : 0;
}

/* The folder; of a host's root what is shown, and names, as directories have to be opened. */
static int allow_all(const struct share *s, struct rule *r)
{
	struct rule names = { r->ruleset, LANDLOCK_ACCESS_FS_READ_DIR };

	return s->hide ? allow(&names, s->root_fd) ?: hide_grant(s->hide, s->root_fd, allow, r) : allow(r, s->root_fd);
}

static int landlock(const struct share *s)
{
	struct rule rule = { .rights = READ_RIGHTS | (s->ro ? 0 : WRITE_RIGHTS) };
	struct ruleset_attr attr = { .fs = (1ULL << 13) - 1 };
	int version = landlock_version(), fd, ret;

	if (version < 1)
		return version < 0 ? version : -ENOSYS;
	/* The first one refuses each rename into another directory. */
	if (version < 2 && !s->ro)
		return -EOPNOTSUPP;
	if (version >= 2)
		attr.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		attr.fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (version >= 5)
		attr.fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (version >= 6)
		attr.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	rule.rights &= attr.fs;
	fd = syscall(SYS_landlock_create_ruleset, &attr, version >= 6 ? sizeof(attr) : sizeof(attr.fs), 0);
	if (fd < 0)
		return -errno;
	rule.ruleset = fd;
	ret = allow_all(s, &rule);
	if (!ret && syscall(SYS_landlock_restrict_self, fd, 0))
		ret = -errno;
	close(fd);
	return ret;
}

/* ---- all ---- */

static int open_plain(struct share *s, int folder, struct r3_err *err)
{
	s->root_fd = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0)
		return err_set(err, -errno, "the shared folder cannot be opened: %s", strerror(errno));
	s->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_fd < 0)
		return err_set(err, -errno, "a shared folder needs /proc: %s", strerror(errno));
	return 0;
}

static int start_hiding(struct share *s, struct r3_err *err)
{
	int ret = s->hide ? hide_start(s->hide, s->root_fd) : 0;

	return ret ? err_set(err, ret, "what is to be hidden of this host cannot be found: %s", strerror(-ret)) : 0;
}

int fs_jail_process(enum jail_mode mode, struct share *s, int folder, const char **warning, struct r3_err *err)
{
	char missing[512] = "";
	int ret = open_plain(s, folder, err), root, lock;

	if (ret)
		return ret;
	if (mode != JAIL_OFF) {
		/* Of a host's root the owners are to be seen, which a user namespace would hide. */
		root = s->hide && landlock_version() > 0 ? -EOPNOTSUPP : root_is_possible(s, folder) ?: new_root(s, folder);
		s->no_ids = s->hide && !root;
		if (!s->hide)
			wall_want(root, "a root of its own", missing, sizeof(missing));
		ret = start_hiding(s, err);
		if (ret)
			return ret;
		wall_want(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs", missing, sizeof(missing));
		lock = landlock(s);
		wall_want(lock, "Landlock", missing, sizeof(missing));
		wall_want(wall_no_capabilities(), "no capabilities", missing, sizeof(missing));
		if (root && lock)
			*warning = "between the server of a shared folder, if a guest takes it over, and other files of yours there is only the list of system calls: this host has no other wall for its jail; see \"ring3 doctor\"";
		if (mode == JAIL_REQUIRE && *missing)
			return err_set(err, -EPERM, "--jail=require: the server of a shared folder has not all of its jail, as the host refuses %s", missing);
		wall_no_core_dumps();
		wall_limit(RLIMIT_MEMLOCK, 0);
		wall_limit(RLIMIT_MSGQUEUE, 0);
	}
	if (mode == JAIL_OFF && start_hiding(s, err))
		return -EIO;
	close(folder);
	return fchdir(s->proc_fd) ? err_set(err, -errno, "a shared folder needs /proc: %s", strerror(errno)) : 0;
}

static int filter(enum jail_mode mode, const char *kind)
{
	static const uint64_t value[JAIL_NR_VALUES];

	return mode == JAIL_OFF ? 0 : jail_filter(kind, value);
}

int fs_jail_worker(enum jail_mode mode, bool ro)
{
	return filter(mode, ro ? "reader" : "worker");
}

int fs_jail_main(enum jail_mode mode, struct r3_err *err)
{
	int ret = filter(mode, "front");

	return ret ? err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp", strerror(-ret)) : 0;
}
