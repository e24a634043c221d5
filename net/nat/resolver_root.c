// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "../../backend/walls.h"
#include "jail/walls.h"

#define LINKS_MOST	8

/* What resolving a name reads, on the hosts that we know. */
static const char *const readable[] = {
	"/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/run/systemd/resolve", "/run/resolvconf",
	"/run/NetworkManager", "/run/nscd", "/var/run/nscd", "/run/avahi-daemon", "/run/connman",
	"/run/netconfig",
};

static const char *const links[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf" };

/* Where a file is that is a link out of /etc. */
static bool target_of(const char *path, char target[PATH_MAX])
{
	char *slash;

	if (!realpath(path, target) || !(slash = strrchr(target, '/')) || slash == target)
		return false;
	*slash = '\0';
	return true;
}

int resolver_root_each(int (*visit)(const char *path, void *arg), void *arg)
{
	char target[PATH_MAX];
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(readable); i++)
		ret = visit(readable[i], arg);
	for (i = 0; !ret && i < ARRAY_SIZE(links); i++)
		ret = target_of(links[i], target) ? visit(target, arg) : 0;
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

int resolver_root(uid_t uid, gid_t gid)
{
	int ret = wall_map_self(uid, gid) ?: wall_mount_root(0, "size=64k,nr_inodes=256,mode=755");
	unsigned int i;

	for (i = 0; !ret && i < ARRAY_SIZE(readable); i++)
		ret = show(readable[i]);
	for (i = 0; !ret && i < ARRAY_SIZE(links); i++)
		ret = show_links(links[i]);
	return ret ?: wall_enter_root();
}
