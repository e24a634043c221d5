// SPDX-License-Identifier: GPL-2.0-or-later
#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define BACKENDS_MAX	4096

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

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? 0 : ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t process_ns(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? 0 : clock_ns(clock);
}

/* Of the thread that a process began as, a space's manager; other processes' threads have no clock for us. */
static uint64_t first_thread_ns(pid_t pid)
{
	unsigned long long ns = 0;
	cleanup_fclose FILE *f = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, pid);
	f = fopen(path, "re");
	return f && fscanf(f, "%llu", &ns) == 1 ? ns : 0;
}

struct list {
	pid_t *pid;
	unsigned int n, room;
};

static bool add(struct list *l, pid_t pid)
{
	pid_t *more;

	if (l->n == l->room) {
		more = realloc(l->pid, (l->room ? 2 * l->room : 64) * sizeof(*l->pid));
		if (!more)
			return false;
		l->pid = more;
		l->room = l->room ? 2 * l->room : 64;
	}
	l->pid[l->n++] = pid;
	return true;
}

/* What one thread has started. */
static void add_children(struct list *l, pid_t pid, pid_t thread)
{
	cleanup_fclose FILE *f = NULL;
	char path[64];
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, thread);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &child) == 1)
		if (!add(l, child))
			break;
}

pid_t *usage_children(pid_t parent, unsigned int *nr)
{
	struct list l = { 0 };

	add_children(&l, parent, parent);
	*nr = l.n;
	return l.pid;
}

static void add_threads_children(struct list *l, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0)
			add_children(l, pid, atoi(entry->d_name));
	if (dir)
		closedir(dir);
}

pid_t *usage_backends(pid_t run, pid_t monitor, unsigned int *nr)
{
	struct list l = { 0 };
	unsigned int i, kept = 0;

	add_children(&l, run, run);
	for (i = 0; i < l.n; i++)
		if (l.pid[i] != monitor)
			l.pid[kept++] = l.pid[i];
	l.n = kept;
	/* Those that are added meanwhile, too. One that has many only costs its own guest. */
	for (i = 0; i < l.n && l.n < BACKENDS_MAX; i++)
		add_threads_children(&l, l.pid[i]);
	*nr = l.n;
	return l.pid;
}

uint64_t usage_managers(pid_t monitor)
{
	unsigned int n = 0, i;
	pid_t *pids = usage_children(monitor, &n);
	uint64_t ns = 0;

	for (i = 1; i < n; i++)
		ns += first_thread_ns(pids[i]);
	free(pids);
	return ns;
}

pid_t usage_parent(pid_t pid)
{
	char path[64], text[1024], *p;
	int fd, parent = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

int usage_read(struct usage *u, pid_t monitor, pid_t run)
{
	uint64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK), own, ended;
	unsigned int n = 0, i;
	char path[64];
	pid_t *pids;
	int ret;

	*u = (struct usage){ 0 };
	if (monitor <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/stat", monitor);
	ret = read_times(path, &own, &ended);
	if (ret)
		return ret;
	u->monitor_ns = process_ns(monitor);
	u->spaces_ns = ended * tick_ns;
	pids = usage_children(monitor, &n);
	for (i = 0; i < n; i++) {
		u->spaces_ns += process_ns(pids[i]);
		/* The zygote is the eldest. */
		if (!i)
			u->zygote_ns = process_ns(pids[i]);
	}
	free(pids);
	u->spaces = n ? n - 1 : 0;
	u->processes = n;
	pids = usage_backends(run, monitor, &n);
	for (i = 0; i < n; i++)
		u->backends_ns += process_ns(pids[i]);
	free(pids);
	u->processes += n;
	u->own_ns = run == getpid() ? process_ns(run) : 0;
	return 0;
}
