// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Landlock: a domain without a single rule. Nothing can be opened by a path,
 * no TCP port bound or connected to, no process outside the domain signalled,
 * no abstract socket of one connected to. What is open stays usable.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/jail.h"

/* Newer than the oldest headers we build with: Linux 6.7 and 6.12. */
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP			(1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP			(1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET		(1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL				(1ULL << 1)
#endif

struct ruleset_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* Rights to files by the version that brought the last of them. */
static uint64_t file_rights(int version)
{
	static const unsigned char bits[] = { 0, 13, 14, 15, 15, 16 };

	return (1ULL << bits[version < 5 ? version : 5]) - 1;
}

void jail_landlock(struct jail_report *report)
{
	struct ruleset_attr attr = { 0 };
	int version, fd, ret = 0;
	size_t size = sizeof(attr.fs);

	version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1) {
		ret = version < 0 ? -errno : -ENOSYS;
		report->wall[JAIL_LANDLOCK_FILES] = ret;
		report->wall[JAIL_LANDLOCK_NET] = ret;
		report->wall[JAIL_LANDLOCK_SCOPE] = ret;
		return;
	}
	report->landlock = version;
	attr.fs = file_rights(version);
	if (version >= 4) {
		attr.net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (version >= 6) {
		attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
		size = sizeof(attr);
	}
	fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	report->wall[JAIL_LANDLOCK_FILES] = ret;
	report->wall[JAIL_LANDLOCK_NET] = attr.net ? ret : -EOPNOTSUPP;
	report->wall[JAIL_LANDLOCK_SCOPE] = attr.scoped ? ret : -EOPNOTSUPP;
}
