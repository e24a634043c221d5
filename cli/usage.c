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

/* The monitor's children are its spaces and their zygote. */
static void read_spaces(struct usage *u, pid_t monitor, uint64_t *ticks)
{
	char path[64];
	uint64_t own, children;
	cleanup_fclose FILE *f = NULL;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", monitor, monitor);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (read_times(path, &own, &children))
			continue;
		*ticks += own;
		u->spaces++;
	}
	if (u->spaces)
		u->spaces--;
}

int usage_read(struct usage *u, pid_t monitor)
{
	uint64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK), own, spaces;
	char path[64];
	int ret;

	*u = (struct usage){ 0 };
	if (monitor <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/stat", monitor);
	ret = read_times(path, &own, &spaces);
	if (ret)
		return ret;
	read_spaces(u, monitor, &spaces);
	u->monitor_ns = own * tick_ns;
	u->spaces_ns = spaces * tick_ns;
	return 0;
}
