/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The zygote process and the spaces it makes, as the monitor sees them. */
#ifndef R3_ZYGOTE_H
#define R3_ZYGOTE_H

#include <stdbool.h>
#include <sys/types.h>

#include <ring3/boot.h>
#include <ring3/space.h>

#include "base/err.h"
#include "vcpu/deaths.h"

struct zygote {
	struct r3_zygote *page;		/* shared with zygote and guest kernel */
	struct r3_boot *boot;
	int page_fd;
	bool pin_signals;		/* spaces get a filter against signals to others */
	bool own_user_ns;		/* all processes in it are this guest's */
	uint64_t ram_size;
	int fail_fd;			/* eventfd: some space's state is R3_SPACE_FAILED */
	struct deaths deaths;
	pid_t pid;			/* 0 once it has ended */
};

/**
 * zygote_start() - execute the zygote
 * @z: page, page_fd, boot and pin_signals are set; ack_fd of every vCPU is
 *
 * Spaces become children of the calling thread's process and end with it.
 */
int zygote_start(struct zygote *z, struct r3_err *err);

/**
 * zygote_reap() - wait for all children that have ended, without blocking
 *
 * The guest kernel is told of every space. Return: 0, or -ECHILD if the zygote
 * itself has ended.
 */
int zygote_reap(struct zygote *z);

/* After fail_fd: tells the guest kernel of spaces that could not be made. */
void zygote_failed(struct zygote *z);

/* Has the zygote kill itself and every space, and reaps them. */
void zygote_end(struct zygote *z);

#endif
