// SPDX-License-Identifier: GPL-2.0-or-later
#include "hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/util.h"

#define STOP_WAIT_MS	2000

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

/* The zygote and all spaces are children of the monitor, in a group that is not its own. */
pid_t hold_group(pid_t monitor)
{
	pid_t pid, parent, group, found = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	char state;

	while (dir && !found && (entry = readdir(dir))) {
		pid = atoi(entry->d_name);
		if (pid > 1 && stat_of(pid, &state, &parent, &group) && parent == monitor && group > 1 &&
		    group != monitor && group != getpgrp())
			found = group;
	}
	if (dir)
		closedir(dir);
	return found;
}

int hold_session_nice(pid_t monitor, int nice)
{
	char path[64], text[16];
	int fd, ret = -EAGAIN, tries, n = snprintf(text, sizeof(text), "%d", nice);

	snprintf(path, sizeof(path), "/proc/%d/autogroup", monitor);
	/* Ten times a second, of all users together, unless by root. */
	for (tries = 0; ret == -EAGAIN && tries < 10; tries++) {
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

void hold_init(struct hold *h, const struct vmem *mem)
{
	struct r3_image_header header;

	*h = (struct hold){ .mem = mem };
	if (!vmem_read(mem, R3_IMAGE_BASE, &header, sizeof(header)) && header.magic == R3_BOOT_MAGIC && !(header.held & 7))
		h->word = header.held;
	h->group = hold_group(mem->monitor);
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
	/* It may have been replaced: a group of which no process is left is nobody's to signal. */
	if (!h->group)
		h->group = hold_group(h->mem->monitor);
	if (h->group)
		kill(-h->group, SIGSTOP);
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
	if (h->group)
		kill(-h->group, SIGCONT);
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
