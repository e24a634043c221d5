// SPDX-License-Identifier: GPL-2.0-or-later
/* vcpu/zygote: the group that is killed, and spaces that end faster than the guest looks. */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"
#include "vcpu/zygote.h"

#define BATCH	500

static struct r3_boot *boot;

static struct zygote *start(void)
{
	static struct zygote z;
	struct r3_err err;

	z = (struct zygote) { .boot = boot, .page_fd = memfd_create("page", 0) };
	if (z.page_fd < 0 || ftruncate(z.page_fd, sizeof(struct r3_zygote)))
		tap_bail("no page");
	z.page = mmap(NULL, sizeof(struct r3_zygote), PROT_READ | PROT_WRITE, MAP_SHARED, z.page_fd, 0);
	if (z.page == MAP_FAILED || zygote_start(&z, &err))
		tap_bail("%s", z.page == MAP_FAILED ? "no page" : err.msg);
	return &z;
}

/* A process with that number, in its own group; 0 if the host does not let us. */
static pid_t forced(pid_t want)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)&(pid_t) { want }, .set_tid_size = 1 };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	return pid < 0 ? 0 : pid;
}

/* Who gets the number of a zygote that was reaped is none of the guest's. */
static void test_group(void)
{
	struct zygote *z = start();
	pid_t pid = z->pid, victim;
	int tries;

	kill(pid, SIGKILL);
	for (tries = 0; tries < 5000 && zygote_reap(z) != -ECHILD; tries++)
		usleep(1000);
	victim = forced(pid);
	if (!victim) {
		tap_skip("host: numbers of processes cannot be chosen", "another group with the zygote's number lives");
		return;
	}
	while (getpgid(victim) != victim)
		usleep(100);
	zygote_end(z);
	usleep(10000);
	is(kill(victim, 0) || waitpid(victim, NULL, WNOHANG), 0, "another group with the zygote's number lives");
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

/* The zygote's own ends, whoever is in it. */
static void test_end(void)
{
	struct zygote *z = start();
	pid_t member = fork();

	if (!member) {
		setpgid(0, z->pid);
		for (;;)
			pause();
	}
	while (getpgid(member) != getpgid(z->pid))
		usleep(100);
	ok(getpgid(member) != getpgrp(), "the zygote has a group of its own");
	zygote_end(z);
	is(waitpid(-1, NULL, WNOHANG), -1, "at the end nobody is left");
}

/* However many end before the guest looks, there is room for all notices. */
static void test_notices(void)
{
	struct zygote *z = start();
	struct r3_zygote *page = z->page;
	unsigned int i, j, n = 6000, missing = 0, more = 0;

	page->limit = n;
	for (i = 0; i < n; i += j) {
		for (j = 0; j < BATCH && i + j < n; j++) {
			pid_t pid = fork();

			if (!pid)
				_exit(0);
			page->space[i + j].pid = pid;
			page->space[i + j].state = R3_SPACE_LIVE;
		}
		while (page->space[i].state == R3_SPACE_LIVE || page->space[i + j - 1].state == R3_SPACE_LIVE)
			zygote_reap(z);
	}
	for (i = 0; i < 1000; i++) {
		zygote_reap(z);
		usleep(100);
	}
	for (i = 0; i < R3_MAX_SPACES; i++) {
		bool told = page->dead[i / 64] & 1ULL << i % 64;

		missing += i < n && !told;
		more += i >= n && told;
	}
	is(missing, 0, "the guest is told of every space that ended");
	is(more, 0, "and of no other");
	zygote_end(z);
}

int main(void)
{
	boot = calloc(1, sizeof(*boot));
	boot->nr_cpus = 1;
	boot->ram_fd = memfd_create("ram", 0);
	boot->vcpu[0].ack_fd = event_create();
	test_end();
	test_group();
	test_notices();
	return tap_done();
}
