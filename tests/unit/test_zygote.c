// SPDX-License-Identifier: GPL-2.0-or-later
/* vcpu/zygote: the group that is killed, and spaces that end faster than the guest looks. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* After the zygote has been reaped its group's number must not become somebody else's. */
static void test_group(void)
{
	struct zygote *z = start();
	int tries;

	is(getpgid(z->pid), z->group, "the zygote is in its group");
	ok(z->group != getpgrp(), "which is not ours");
	kill(z->pid, SIGKILL);
	for (tries = 0; tries < 5000 && zygote_reap(z) != -ECHILD; tries++)
		usleep(1000);
	is(waitpid(z->group, NULL, WNOHANG), -1, "nobody waits for who holds the number, as the jail lets them");
	is(kill(-z->group, 0), 0, "the number is held when all others have been reaped");
	zygote_end(z);
	is(kill(-z->group, 0), 0, "and when all has ended");
}

/* What the guest would take out of the ring. */
static unsigned int take(struct r3_zygote *page, unsigned char *seen)
{
	unsigned int twice = 0;

	while (page->dead_tail != load_acquire(page->dead_head))
		twice += seen[page->dead[page->dead_tail++ % R3_ZYGOTE_RING]]++;
	return twice;
}

static void test_ring(void)
{
	static unsigned char seen[R3_MAX_SPACES];
	struct zygote *z = start();
	struct r3_zygote *page = z->page;
	unsigned int i, j, n = R3_ZYGOTE_RING + 1000, twice, missing = 0;

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
	ok(page->dead_head - page->dead_tail <= R3_ZYGOTE_RING, "no more is in the ring than it has places for");
	twice = take(page, seen);
	zygote_reap(z);
	twice += take(page, seen);
	for (i = 0; i < n; i++)
		missing += !seen[i];
	is(missing, 0, "the guest is told of every space that ended");
	is(twice, 0, "once");
	zygote_end(z);
}

int main(void)
{
	boot = calloc(1, sizeof(*boot));
	boot->nr_cpus = 1;
	boot->ram_fd = memfd_create("ram", 0);
	boot->vcpu[0].ack_fd = event_create();
	test_group();
	test_ring();
	return tap_done();
}
