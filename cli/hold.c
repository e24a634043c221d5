// SPDX-License-Identifier: GPL-2.0-or-later
#include "hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/util.h"
#include "usage.h"

#define STOP_WAIT_MS	2000
/* PIDFD_SIGNAL_PROCESS_GROUP of Linux 6.9. */
#define SIGNAL_GROUP	(1u << 2)

static int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read_full(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0 ? 0 : -1;
}

/* Of process @pid: its state, its parent, its group. */
static bool stat_of(pid_t pid, char *state, pid_t *parent, pid_t *group)
{
	char path[64], text[512], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_file(path, text, sizeof(text)))
		return false;
	/* The name before may have anything in it. */
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %c %d %d", state, parent, group) == 3;
}

/* ---- the group of the spaces ---- */

static bool is_there(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return !poll(&pfd, 1, 0);
}

/* The zygote: a child that leads a group of its own. A pidfd, or -1. */
static int open_leader(pid_t monitor)
{
	unsigned int n = 0, i;
	pid_t *pids = usage_children(monitor, &n), parent, group;
	int fd = -1;
	char state;

	for (i = 0; i < n && fd < 0; i++) {
		fd = syscall(SYS_pidfd_open, pids[i], 0);
		/* Looked at while the descriptor keeps it from being another one that nobody knows of. */
		if (fd >= 0 && !(stat_of(pids[i], &state, &parent, &group) && parent == monitor && group == pids[i] && is_there(fd))) {
			close(fd);
			fd = -1;
		}
	}
	free(pids);
	return fd;
}

void hold_group_init(struct hold_group *g, pid_t monitor)
{
	*g = (struct hold_group){ .monitor = monitor, .leader = -1 };
}

/* Hosts before 6.9 do not signal a group by a descriptor. */
static void signal_each(pid_t monitor, int sig)
{
	unsigned int n = 0, i;
	pid_t *pids = usage_children(monitor, &n);

	for (i = 0; i < n; i++) {
		int fd = syscall(SYS_pidfd_open, pids[i], 0);

		if (fd >= 0 && usage_parent(pids[i]) == monitor)
			syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
		if (fd >= 0)
			close(fd);
	}
	free(pids);
}

void hold_group_signal(struct hold_group *g, int sig)
{
	if (g->leader < 0)
		g->leader = open_leader(g->monitor);
	if (g->leader < 0 || syscall(SYS_pidfd_send_signal, g->leader, sig, NULL, SIGNAL_GROUP))
		signal_each(g->monitor, sig);
}

void hold_group_close(struct hold_group *g)
{
	if (g->leader >= 0)
		close(g->leader);
	g->leader = -1;
}

void hold_init(struct hold *h, const struct vmem *mem)
{
	struct r3_image_header header;

	*h = (struct hold){ .mem = mem };
	if (!vmem_read(mem, R3_IMAGE_BASE, &header, sizeof(header)) && header.magic == R3_BOOT_MAGIC && !(header.held & 7))
		h->word = header.held;
	hold_group_init(&h->group, mem->monitor);
}

void hold_close(struct hold *h)
{
	hold_group_close(&h->group);
}

/* As the guest's clock, kernel/time.c. */
static uint64_t now(const struct hold *h)
{
	struct timespec ts;

	if (h->mem->tsc)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A thread that the host is in the middle of something with stops a little later. */
static void wait_stopped(pid_t pid)
{
	pid_t parent, group;
	char state;
	int i;

	for (i = 0; i < STOP_WAIT_MS && stat_of(pid, &state, &parent, &group) && state != 'T' && state != 'Z'; i++)
		usleep(1000);
}

void hold_begin(struct hold *h, bool whole)
{
	hold_group_signal(&h->group, SIGSTOP);
	h->whole = whole;
	if (whole) {
		kill(h->mem->monitor, SIGSTOP);
		wait_stopped(h->mem->monitor);
	}
	h->since = now(h);
}

void hold_end(struct hold *h)
{
	uint64_t held;

	if (h->since && h->word && !vmem_read(h->mem, h->word, &held, sizeof(held))) {
		held += now(h) - h->since;
		vmem_write(h->mem, h->word, &held, sizeof(held));
	}
	h->since = 0;
	hold_group_signal(&h->group, SIGCONT);
	if (h->whole)
		kill(h->mem->monitor, SIGCONT);
}

bool hold_is_traced(pid_t pid)
{
	char path[320], text[4096], *p;
	struct dirent *entry;
	bool traced = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && !traced && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		if (read_file(path, text, sizeof(text)))
			continue;
		p = strstr(text, "\nTracerPid:");
		traced = p && atoi(p + 11) > 0;
	}
	if (dir)
		closedir(dir);
	return traced;
}
