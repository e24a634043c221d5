// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Namespaces: no network device but an unused loopback, no file system but an
 * empty one, no System V objects of others, a host name that is nobody's.
 *
 * There is no pid namespace. In one the monitor would have to be its init,
 * which ignores the signals that end other processes and may not share its
 * children with the zygote; and messages about processes of a guest could not
 * name them as the host does. Other processes are behind the filter (signals to
 * the monitor's own threads and spaces only) and behind Landlock's scope.
 */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "base/mutation.h"
#include "base/util.h"
#include "jail/jail.h"
#include "jail/walls.h"

static const struct {
	enum jail_wall wall;
	int flag;
} spaces[] = {
	{ JAIL_MOUNT_NS, CLONE_NEWNS },
	{ JAIL_NET_NS, CLONE_NEWNET },
	{ JAIL_IPC_NS, CLONE_NEWIPC },
	{ JAIL_UTS_NS, CLONE_NEWUTS },
};

void jail_namespaces(struct jail_report *report)
{
	int all = CLONE_NEWUSER, ret;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spaces); i++)
		all |= spaces[i].flag;
	if (unshare(all)) {
		/* One by one: some hosts have limits for some kinds. */
		report->wall[JAIL_USER_NS] = unshare(CLONE_NEWUSER) ? -errno : 0;
		for (i = 0; i < ARRAY_SIZE(spaces); i++)
			report->wall[spaces[i].wall] = unshare(spaces[i].flag) ? -errno : 0;
	}
	ret = report->wall[JAIL_MOUNT_NS];
	report->wall[JAIL_ROOT] = ret || MUTATION_JAIL_ROOT ? ret : wall_empty_root();
}
