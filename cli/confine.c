// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "confine.h"

/* What any program reads to get going. */
static const char *const system_dirs[] = {
	"/usr", "/lib", "/lib64", "/lib32", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
};
static const char *const system_files[] = { "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random" };

#define READ_FILE	LANDLOCK_ACCESS_FS_READ_FILE
#define READ_TREE	(READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
#define WRITE_FILE	(READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* Newer than the oldest headers we build with: Linux 6.2, 6.7, 6.10 and 6.12. */
#define FS_TRUNCATE	(1ULL << 14)
#define FS_IOCTL_DEV	(1ULL << 15)
#define NET_TCP		3ULL
#define SCOPES		3ULL

struct ruleset_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

void confine_init(struct confine *c)
{
	c->nr = 0;
}

static int add(struct confine *c, int fd, bool write)
{
	if (c->nr == CONFINE_MAX) {
		close(fd);
		return -E2BIG;
	}
	c->file[c->nr].fd = fd;
	c->file[c->nr++].write = write;
	return 0;
}

int confine_allow(struct confine *c, const char *path, bool write, struct r3_err *err)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	return add(c, fd, write) ? err_set(err, E2BIG, "%s: a guest's disk is made of %d files at most", path, CONFINE_MAX) : 0;
}

int confine_allow_fd(struct confine *c, int fd, bool write, struct r3_err *err)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return err_set(err, errno, "no descriptor for a disk: %s", strerror(errno));
	return add(c, copy, write) ? err_set(err, E2BIG, "a guest's disk is made of %d files at most", CONFINE_MAX) : 0;
}

void confine_free(struct confine *c)
{
	while (c->nr)
		close(c->file[--c->nr].fd);
}

/* ---- in the child ---- */

static void rule(int set, int fd, uint64_t rights, uint64_t known)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = rights & known, .parent_fd = fd };

	syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

static void rule_path(int set, const char *path, uint64_t rights, uint64_t known)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && !S_ISDIR(st.st_mode))
		rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
	rule(set, fd, rights, known);
	close(fd);
}

bool confine_has_files(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static void landlock(const struct confine *c, const char *program)
{
	/* Rights to files by the version that brought the last of them. */
	static const unsigned char bits[] = { 0, 13, 14, 15, 15, 16 };
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION), set, i;
	struct ruleset_attr attr = { 0 };
	size_t size = sizeof(attr.fs), j;

	if (version < 1)
		return;
	attr.fs = (1ULL << bits[version < 5 ? version : 5]) - 1;
	if (version >= 4) {
		attr.net = NET_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (version >= 6) {
		attr.scoped = SCOPES;
		size = sizeof(attr);
	}
	set = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (set < 0)
		return;
	for (j = 0; j < ARRAY_SIZE(system_dirs); j++)
		rule_path(set, system_dirs[j], READ_TREE, attr.fs);
	rule_path(set, program, READ_TREE, attr.fs);
	for (j = 0; j < ARRAY_SIZE(system_files); j++)
		rule_path(set, system_files[j], WRITE_FILE, attr.fs);
	for (i = 0; i < c->nr; i++)
		rule(set, c->file[i].fd, c->file[i].write ? WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV : READ_FILE | FS_IOCTL_DEV,
		     attr.fs);
	syscall(SYS_landlock_restrict_self, set, 0);
	close(set);
}

/* Root may open what others own; nothing else of root's is needed. */
static void fewer_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	const uint32_t keep = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
	int cap;

	if (syscall(SYS_capget, &head, data) || !data[0].permitted)
		return;
	for (cap = 0; cap <= CAP_LAST_CAP || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap >= 32 || !(keep >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[0].inheritable = data[1].permitted = data[1].effective = data[1].inheritable = 0;
	syscall(SYS_capset, &head, data);
}

void confine_apply(const struct confine *c, const char *program)
{
	const struct rlimit none = { 0, 0 };

	/* Its own network, with nothing in it; a plain user needs a user namespace for that. */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC))
		unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC);
	setrlimit(RLIMIT_CORE, &none);
	fewer_capabilities();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	landlock(c, program);
}
