// SPDX-License-Identifier: GPL-2.0-or-later
#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

/* utime, stime, cutime and cstime of /proc/PID/stat, in ticks. */
static int read_times(const char *path, uint64_t *own, uint64_t *children)
{
	unsigned long long utime, stime, cutime, cstime;
	char text[1024], *p;
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return -ESRCH;
	text[n] = 0;
	/* The name is in parentheses and may have some itself. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &utime, &stime, &cutime, &cstime) != 4)
		return -EPROTO;
	*own = utime + stime;
	*children = cutime + cstime;
	return 0;
}

/* Of the children that a process has now, but one. Return: how many. */
static unsigned int read_children(pid_t parent, pid_t but, uint64_t *ticks)
{
	unsigned int n = 0;
	char path[64];
	uint64_t own, children;
	cleanup_fclose FILE *f = NULL;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (pid == but || read_times(path, &own, &children))
			continue;
		*ticks += own + (but ? children : 0);
		n++;
	}
	return n;
}

int usage_read(struct usage *u, pid_t monitor, pid_t run)
{
	uint64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK), own, spaces, backends = 0;
	char path[64];
	unsigned int n;
	int ret;

	*u = (struct usage){ 0 };
	if (monitor <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/stat", monitor);
	ret = read_times(path, &own, &spaces);
	if (ret)
		return ret;
	/* The monitor's children are its spaces and their zygote. */
	n = read_children(monitor, 0, &spaces);
	u->spaces = n ? n - 1 : 0;
	read_children(run, monitor, &backends);
	u->backends_ns = backends * tick_ns;
	u->monitor_ns = own * tick_ns;
	u->spaces_ns = spaces * tick_ns;
	return 0;
}
