// SPDX-License-Identifier: GPL-2.0-or-later
#include "weight.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"
#include "guestlimits.h"
#include "usage.h"

#define TRIES		10

static bool nice_is(pid_t tid, int nice, int *error)
{
	if (!setpriority(PRIO_PROCESS, tid, nice) || errno == ESRCH)
		return true;
	*error = errno;
	return false;
}

static int nice_threads(pid_t pid, int nice)
{
	char path[64];
	struct dirent *entry;
	int error = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir && !nice_is(pid, nice, &error))
		return -error;
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0)
			nice_is(atoi(entry->d_name), nice, &error);
	if (dir)
		closedir(dir);
	return -error;
}

static int nice_session(pid_t leader, int nice)
{
	char path[64], text[16];
	int fd, ret = -EAGAIN, tries, n = snprintf(text, sizeof(text), "%d", nice);

	snprintf(path, sizeof(path), "/proc/%d/autogroup", leader);
	/* Ten times a second, of all users together, unless by root. */
	for (tries = 0; ret == -EAGAIN && tries < TRIES; tries++) {
		if (tries)
			usleep(20000);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? 0 : -errno;
		ret = write(fd, text, n) == n ? 0 : -errno;
		close(fd);
	}
	return ret;
}

/* What it does not lead is somebody else's, too: the user's terminal. */
static int nice_own_session(pid_t pid, int nice)
{
	return getsid(pid) == pid ? nice_session(pid, nice) : 0;
}

/* The session of a terminal is the user's. */
static int nice_this_session(int nice)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty < 0)
		return nice_own_session(getpid(), nice);
	close(tty);
	return 0;
}

static int nice_all(const pid_t *pids, unsigned int n, int nice)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; pids && i < n; i++)
		ret = nice_threads(pids[i], nice) ?: ret;
	return ret;
}

static int nice_guest(pid_t monitor, int nice)
{
	unsigned int n = 0;
	pid_t *backends = usage_backends(getpid(), monitor, &n), *spaces = NULL;
	int ret = nice_all(backends, n, nice);

	if (!ret && monitor) {
		ret = nice_threads(monitor, nice);
		spaces = usage_children(monitor, &n);
		ret = nice_all(spaces, n, nice) ?: ret;
	}
	free(backends);
	free(spaces);
	return ret;
}

static int nice_sessions(pid_t monitor, int nice)
{
	unsigned int n = 0, i;
	pid_t *backends = usage_backends(getpid(), monitor, &n);
	int ret = nice_this_session(nice);

	if (!ret && monitor)
		ret = nice_own_session(monitor, nice);
	for (i = 0; !ret && backends && i < n; i++)
		ret = nice_own_session(backends[i], nice);
	free(backends);
	return ret == -ESRCH ? 0 : ret;
}

static int refused(unsigned int weight, int e, struct r3_err *err)
{
	return err_set(err, e, "a weight of %u is more than this host lets you give: %s; root may, and whom ulimit -e allows it", weight,
		       e == EACCES || e == EPERM ? "nice values are only raised without that right" : "setpriority failed");
}

int weight_set(pid_t monitor, unsigned int weight, struct r3_err *err)
{
	int nice = limits_nice(weight), ret = nice_threads(getpid(), nice), i;

	/* What starts meanwhile has it from who starts it; twice, as that one may have been late. */
	for (i = 0; !ret && i < 2; i++)
		ret = nice_guest(monitor, nice);
	if (!ret && nice_sessions(monitor, nice))
		ret = -EPERM;
	return ret ? refused(weight, -ret, err) : 0;
}

int weight_own(unsigned int weight, struct r3_err *err)
{
	if (!weight)
		return 0;
	if (setpriority(PRIO_PROCESS, 0, limits_nice(weight)))
		return refused(weight, errno, err);
	/* Not worth an error: it is this process's alone. */
	nice_this_session(limits_nice(weight));
	return 0;
}

void weight_take_session(void)
{
	int nice = getpriority(PRIO_PROCESS, 0);

	if (nice)
		nice_session(getpid(), nice);
}
