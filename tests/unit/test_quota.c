// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bounds of a guest, and processes that make ring3 stop, count or end the wrong ones. In a namespace of
 * process numbers, where the test says which one comes next.
 */
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "quota.h"
#include "tap.h"
#include "usage.h"
#include "weight.h"

/* On a host that is busy with other things. */
#define WAIT_MS		20000

static struct loop loop;
static struct quota q;

/* ---- processes ---- */

static int64_t cpu_ns(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts) ? -1 : ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static char state_of(pid_t pid)
{
	char path[64], text[512] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	p = strrchr(text, ')');
	return p ? p[2] : 0;
}

static pid_t child(const char *how);

static void *fork_one(void *arg)
{
	child("burn");
	return NULL;
}

/* "burn" the CPU, or sleep, having started one that does, from the first thread or from another one. */
static void __attribute__((noreturn)) be(const char *how)
{
	volatile bool burns = !strcmp(how, "burn");
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (burns)
		;
	if (!strcmp(how, "fork"))
		child("burn");
	if (!strcmp(how, "thread"))
		pthread_create(&thread, NULL, fork_one, NULL);
	for (;;)
		pause();
}

static pid_t child(const char *how)
{
	pid_t pid = fork();

	if (!pid)
		be(how);
	if (pid < 0)
		tap_bail("fork: %s", strerror(errno));
	return pid;
}

struct guest {
	pid_t monitor, zygote, space;
};

/* A monitor that uses the CPU, or not; a zygote, and a space that is in the zygote's group, which it leads or not. */
static struct guest start(const char *how, bool leads)
{
	struct guest g;
	int p[2];

	if (pipe(p))
		tap_bail("pipe: %s", strerror(errno));
	g.monitor = fork();
	if (!g.monitor) {
		setsid();
		signal(SIGCHLD, SIG_IGN);
		g.zygote = child("sleep");
		if (leads)
			setpgid(g.zygote, g.zygote);
		g.space = child(how);
		setpgid(g.space, leads ? g.zygote : 0);
		g.monitor = getpid();
		if (write(p[1], &g, sizeof(g)) == sizeof(g))
			be(how);
		_exit(1);
	}
	if (g.monitor < 0 || read(p[0], &g, sizeof(g)) != sizeof(g))
		tap_bail("no monitor");
	close(p[0]);
	close(p[1]);
	return g;
}

static void end(struct guest *g)
{
	quota_end(&q);
	kill(g->monitor, SIGKILL);
	waitpid(g->monitor, NULL, 0);
	/* They are this process's now. */
	kill(g->space, SIGKILL);
	kill(g->zygote, SIGKILL);
	while (state_of(g->space) || state_of(g->zygote)) {
		waitpid(g->space, NULL, WNOHANG);
		waitpid(g->zygote, NULL, WNOHANG);
		usleep(1000);
	}
}

static void nothing(void *ctx)
{
}

/* Lets quota.c look; false as soon as @pid is stopped. */
static bool run(int ms, pid_t pid)
{
	int64_t until = loop_now() + ms;
	struct timer wake;
	bool went = true;

	loop_timer(&loop, &wake, nothing, NULL);
	while (loop_now() < until && went) {
		timer_set(&wake, 1);
		loop_step(&loop);
		went = !pid || state_of(pid) != 'T';
	}
	loop_untimer(&loop, &wake);
	return went;
}

static void begin(const struct guest *g, struct limits limits)
{
	loop = (struct loop){ 0 };
	quota_init(&q, &loop, &limits, 1);
	quota_begin(&q, g->monitor);
}

/* ---- who is stopped ---- */

static pid_t with_number(pid_t want)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&want, .set_tid_size = 1 };
	pid_t pid = -1;
	int tries;

	/* It is not free as soon as /proc does not have it any more. */
	for (tries = 0; pid < 0 && tries < 1000; tries++) {
		pid = syscall(SYS_clone3, &args, sizeof(args));
		if (pid < 0 && errno != EEXIST)
			break;
		if (pid < 0)
			usleep(1000);
	}
	if (!pid) {
		setsid();
		be("sleep");
	}
	return pid;
}

static void test_group(void)
{
	struct guest g = start("burn", true);
	pid_t other;

	begin(&g, (struct limits){ .cpu = 1 });
	ok(!run(WAIT_MS, g.space) && !run(WAIT_MS, g.monitor), "a guest that uses too much is stopped, its spaces too");
	/* Who has taken the monitor over ends the zygote; another one of the user's gets its number. */
	kill(g.space, SIGKILL);
	kill(g.zygote, SIGKILL);
	while (state_of(g.space) || state_of(g.zygote))
		usleep(1000);
	other = with_number(g.zygote);
	if (other != g.zygote) {
		tap_note("clone3: %s", strerror(errno));
		tap_skip("host: no process gets a number that it is to have", "a process that has the zygote's number now");
	} else {
		uint64_t stops = q.stops;
		int64_t until = loop_now() + WAIT_MS;
		bool went = true;

		/* What it owes is forgiven, so that it goes on, and is stopped again. */
		q.left = 1000000000;
		while (went && q.stops < stops + 2 && loop_now() < until) {
			went = run(20, other);
			if (q.stops == stops + 1)
				q.left = 1000000000;
		}
		ok(went, "a process that has the zygote's number now is not");
		ok(q.stops == stops + 2, "while the guest is");
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	end(&g);

	g = start("burn", true);
	begin(&g, (struct limits){ .cpu = 1 });
	run(50, 0);
	kill(g.zygote, SIGKILL);
	ok(!run(WAIT_MS, g.space), "without its zygote its spaces are stopped still");
	end(&g);

	g = start("burn", false);
	begin(&g, (struct limits){ .cpu = 1 });
	ok(!run(WAIT_MS, g.space), "and where there never was a group");
	end(&g);
}

/* ---- what is owed ---- */

static void test_debt(void)
{
	struct guest g = start("sleep", true);
	int64_t used;

	/* Looking at it costs this process time, which counts. */
	begin(&g, (struct limits){ .cpu = 30 });
	run(300, 0);
	ok(!q.stops, "one that does nothing is not stopped");
	/* Between two looks, and then a new start. */
	end(&g);
	g = start("burn", true);
	begin(&g, (struct limits){ .cpu = 1 });
	while (cpu_ns(g.monitor) < 400000000)
		usleep(1000);
	kill(g.monitor, SIGKILL);
	while (state_of(g.monitor) != 'Z')
		usleep(1000);
	quota_last(&q);
	end(&g);
	ok(q.left < -50000000, "what it used last is counted when it has ended: %lld", (long long)q.left);
	g = start("burn", true);
	q.stops = 0;
	quota_begin(&q, g.monitor);
	run(1000, 0);
	used = cpu_ns(g.monitor) + cpu_ns(g.space);
	ok(q.stops == 1 && q.stopped, "who starts anew pays what it owes: %llu stops, %lld ms", (unsigned long long)q.stops, (long long)used / 1000000);
	end(&g);
}

/* ---- who is counted ---- */

static void test_backends(void)
{
	struct guest g = start("sleep", true);
	struct usage before, u;
	pid_t first, second;
	int64_t until;

	usage_read(&before, g.monitor, getpid());
	is(before.processes, 2, "zygote and space");
	/* As the network's back end has a resolver. */
	first = child("fork");
	second = child("thread");
	until = loop_now() + WAIT_MS;
	do {
		usleep(10000);
		usage_read(&u, g.monitor, getpid());
	} while (u.backends_ns < 100000000 && loop_now() < until);
	ok(u.backends_ns >= 100000000, "what back ends have started uses time of the guest's: %llu ms", (unsigned long long)u.backends_ns / 1000000);
	is(u.processes, before.processes + 4, "and are its processes");
	begin(&g, (struct limits){ .cpu = 1 });
	ok(!run(WAIT_MS, g.monitor), "so the guest that keeps them busy is stopped");
	kill(first, SIGKILL);
	kill(second, SIGKILL);
	waitpid(first, NULL, 0);
	waitpid(second, NULL, 0);
	end(&g);
}

/* ---- weight ---- */

static int session_nice(pid_t pid)
{
	char path[64];
	int nice = -100;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/autogroup", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*s nice %d", &nice) != 1)
		nice = -100;
	if (f)
		fclose(f);
	return nice;
}

static void test_weight(void)
{
	struct guest g = start("sleep", true);
	struct limits l = { .weight = 10 };
	struct r3_err err = { 0 };
	pid_t backend = fork(), below = 0;
	unsigned int n, i;
	pid_t *all;

	if (!backend) {
		setsid();
		child("sleep");
		be("sleep");
	}
	while (!below) {
		all = usage_backends(getpid(), g.monitor, &n);
		for (i = 0; i < n; i++)
			below = usage_parent(all[i]) == backend ? all[i] : below;
		free(all);
	}
	begin(&g, (struct limits){ 0 });
	quota_end(&q);
	is(quota_set(&q, &l, g.monitor, &err), 0, "a guest that is held gets less weight: %s", err.msg);
	is(getpriority(PRIO_PROCESS, g.space), 10, "its spaces have it");
	is(getpriority(PRIO_PROCESS, below), 10, "and what its back ends have started");
	if (session_nice(g.monitor) == -100) {
		tap_skip("host: no autogroup", "its session, and those of back ends");
	} else {
		is(session_nice(g.monitor), 10, "its session, where the host shares by sessions");
		is(session_nice(backend), 10, "and those of back ends");
	}
	kill(backend, SIGKILL);
	waitpid(backend, NULL, 0);
	end(&g);
}

static int tests(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) {
		tap_skip("host: no /proc of its own", "bounds of a guest");
		return tap_done();
	}
	test_group();
	test_debt();
	test_backends();
	test_weight();
	return tap_done();
}

int main(void)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)) {
		tap_skip("host: no namespaces of process numbers", "bounds of a guest");
		return tap_done();
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		status = tests();
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
