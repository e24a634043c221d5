// SPDX-License-Identifier: GPL-2.0-or-later
#include "setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setting_wire.h"

#define CPUS_MAX	64

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = errno;
	close(fd);
	return ret;
}

/* 0, or an errno. A CPU that there is not, and the first, have no such file. */
static int switch_cpu(unsigned int cpu, bool on)
{
	char path[64], now = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && (!on || !cpu) ? 0 : errno;
	if (read(fd, &now, 1) != 1)
		now = 0;
	close(fd);
	return now == (on ? '1' : '0') ? 0 : write_text(path, on ? "1" : "0");
}

static int switch_cpus(unsigned int n)
{
	unsigned int cpu;
	int ret, first = 0;

	for (cpu = 1; cpu < CPUS_MAX; cpu++) {
		ret = switch_cpu(cpu, cpu < n);
		if (!first)
			first = ret;
	}
	return first;
}

/* Beside those that there are before any command: the kernel's. */
static int bound_tasks(unsigned int more)
{
	static unsigned int before;
	char text[16];
	struct sysinfo si;

	if (!before && !sysinfo(&si))
		before = si.procs;
	snprintf(text, sizeof(text), "%u", more ? before + more : 32768);
	return write_text("/proc/sys/kernel/threads-max", text);
}

static void answer(struct link *link, uint16_t session, int error)
{
	const struct r3_agent_exit msg = { .status = error };

	link_send(link, R3_FRAME_EXIT, session, &msg, sizeof(msg));
}

void setting_begin(struct setting *s, struct link *link, uint16_t session, const uint8_t *payload, bool test)
{
	struct r3_agent_set set;

	memcpy(&set, payload, sizeof(set));
	if (test) {
		answer(link, session, 0);
	} else if (set.what == R3_SET_TASKS) {
		answer(link, session, bound_tasks(set.value));
	} else if (set.what != R3_SET_CPUS) {
		answer(link, session, EINVAL);
	} else if (s->pid) {
		answer(link, session, EBUSY);
	} else {
		/* The kernel waits for what runs there. */
		s->session = session;
		s->pid = fork();
		if (!s->pid)
			_exit(switch_cpus(set.value));
		if (s->pid < 0) {
			s->pid = 0;
			answer(link, session, EAGAIN);
		}
	}
}

bool setting_reaped(struct setting *s, struct link *link, pid_t pid, int status)
{
	if (!s->pid || pid != s->pid)
		return false;
	s->pid = 0;
	answer(link, s->session, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
	return true;
}
