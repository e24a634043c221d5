// SPDX-License-Identifier: GPL-2.0-or-later
#include "jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mutation.h"
#include "base/util.h"
#include "jail/walls.h"

#define HEAP_ROOM	(4UL << 20)
#define POLL_MAX	64	/* descriptors that any thread waits for at once */

static const struct {
	const char *name;
	const char *use;
} walls[JAIL_NR_WALLS] = {
	[JAIL_SECCOMP] = { "system call lists", "a list of host system calls for each kind of thread" },
	[JAIL_LANDLOCK_FILES] = { "Landlock for files", "no file is opened by its path" },
	[JAIL_LANDLOCK_NET] = { "Landlock for the network", "no TCP port is bound or connected to (Linux 6.7)" },
	[JAIL_LANDLOCK_SCOPE] = { "Landlock for signals", "no other process is signalled (Linux 6.12)" },
	[JAIL_USER_NS] = { "user namespace", "no rights of the user's over others" },
	[JAIL_MOUNT_NS] = { "mount namespace", "no mount of the host's is seen" },
	[JAIL_NET_NS] = { "network namespace", "no network of the host's is seen" },
	[JAIL_IPC_NS] = { "IPC namespace", "no System V objects of the host's" },
	[JAIL_UTS_NS] = { "UTS namespace", "not the host's name" },
	[JAIL_ROOT] = { "empty root", "a root directory with nothing in it" },
	[JAIL_CAPABILITIES] = { "no capabilities", "also none over its own namespaces" },
	[JAIL_NO_NEW_PRIVS] = { "no_new_privs", "no program gives it any" },
	[JAIL_NO_CORE] = { "no core dumps", "memory of a guest is in no file of the host's" },
};

const char *jail_wall_name(enum jail_wall wall)
{
	return walls[wall].name;
}

const char *jail_wall_use(enum jail_wall wall)
{
	return walls[wall].use;
}

static void process_walls(struct jail_report *report)
{
	int *wall = report->wall;

	wall[JAIL_NO_CORE] = MUTATION_JAIL_LIMITS ? 0 : wall_no_core_dumps();
	if (!MUTATION_JAIL_NAMESPACES)
		jail_namespaces(report);
	wall[JAIL_CAPABILITIES] = MUTATION_JAIL_CAPABILITIES ? 0 : wall_no_capabilities();
	wall[JAIL_NO_NEW_PRIVS] = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
	if (!MUTATION_JAIL_LANDLOCK)
		jail_landlock(report);
}

/* No thread in the jail asks the host for memory: all share one heap. */
static void one_heap(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

static void make_heap_room(void)
{
	void *p = malloc(HEAP_ROOM);

	/* The compiler must not see that nobody uses it. */
	__asm__ volatile("" : "+r" (p));
	free(p);
}

int jail_process(struct jail *jail, enum jail_mode mode, struct r3_err *err)
{
	char text[512];

	*jail = (struct jail){ .mode = mode };
	if (mode == JAIL_OFF)
		return 0;
	one_heap();
	process_walls(&jail->report);
	if (mode == JAIL_REQUIRE && jail_missing(&jail->report, true, text, sizeof(text)))
		return err_set(err, -EPERM, "--jail=require: %s", text);
	return 0;
}

int jail_enter(struct jail *jail, const char *kind, int socket)
{
	uint64_t value[JAIL_NR_VALUES];
	int ret;

	memcpy(value, jail->value, sizeof(value));
	value[JAIL_VALUE_SOCKET] = socket;
	ret = jail->mode == JAIL_OFF || MUTATION_JAIL_LISTS ? 0 : jail_filter(kind, value);
	if (ret)
		__atomic_store_n(&jail->failed, ret, __ATOMIC_RELAXED);
	__atomic_fetch_add(&jail->inside, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &jail->inside, FUTEX_WAKE, 1, NULL, NULL, 0);
	return ret;
}

int jail_wait(struct jail *jail, unsigned int n, struct r3_err *err)
{
	uint32_t inside;

	while ((inside = load_acquire(jail->inside)) < n)
		syscall(SYS_futex, &jail->inside, FUTEX_WAIT, inside, NULL, NULL, 0);
	if (jail->failed)
		return err_set(err, jail->failed, "the host refuses system call filters (%s), without which there is no jail: allow seccomp", strerror(-jail->failed));
	return 0;
}

/* hard: nobody raises it again; else "ring3 run" may, and not this process, whose lists have no way to. */
static void lower(int what, rlim_t max, bool hard)
{
	struct rlimit lim;

	if (getrlimit(what, &lim))
		return;
	if (hard && lim.rlim_max > max)
		lim.rlim_max = max;
	if (lim.rlim_cur > max)
		lim.rlim_cur = max;
	setrlimit(what, &lim);
}

void jail_limits(struct jail *jail, uint64_t file_max, unsigned int more_fds)
{
	int next;

	if (jail->mode == JAIL_OFF || MUTATION_JAIL_LIMITS)
		return;
	make_heap_room();
	lower(RLIMIT_FSIZE, file_max, !more_fds);
	/* Below it are as many free numbers as may be taken; and poll() wants no more than this many. */
	for (next = 0; more_fds; next++)
		more_fds -= fcntl(next, F_GETFD) < 0;
	lower(RLIMIT_NOFILE, next > POLL_MAX ? next : POLL_MAX, true);
}

static void append(char *text, size_t size, const char *add)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s", n ? ", " : "", add);
}

bool jail_missing(const struct jail_report *report, bool all, char *text, size_t size)
{
	const int *w = report->wall;
	char list[384] = "";
	int i;

	if (all) {
		for (i = 0; i < JAIL_NR_WALLS; i++)
			if (w[i])
				append(list, sizeof(list), walls[i].name);
	} else {
		if (w[JAIL_LANDLOCK_FILES] && w[JAIL_ROOT])
			append(list, sizeof(list), "files");
		if (w[JAIL_LANDLOCK_NET] && w[JAIL_NET_NS])
			append(list, sizeof(list), "the network");
	}
	if (!list[0])
		return false;
	if (all)
		snprintf(text, size, "this host refuses walls of the jail: %s; see \"ring3 doctor\"", list);
	else
		snprintf(text, size, "between a hostile guest kernel and %s there is only the list of system calls: this host has no other wall for the jail; see \"ring3 doctor\"", list);
	return true;
}

int jail_probe(struct jail_report *report)
{
	struct jail_report found = { { 0 } };
	uint64_t value[JAIL_NR_VALUES] = { 0 };
	int p[2], status, ret = -EIO;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		ret = -errno;
	} else if (!pid) {
		process_walls(&found);
		found.wall[JAIL_SECCOMP] = jail_filter("control", value);
		if (write(p[1], &found, sizeof(found)) < 0)
			_exit(1);
		_exit(0);
	}
	close(p[1]);
	if (pid > 0) {
		if (read(p[0], &found, sizeof(found)) == sizeof(found)) {
			*report = found;
			ret = 0;
		}
		waitpid(pid, &status, 0);
	}
	close(p[0]);
	return ret;
}
