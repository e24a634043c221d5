/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPU threads: host threads that run the guest kernel. */
#ifndef R3_VCPU_H
#define R3_VCPU_H

#include <pthread.h>

#include <ring3/boot.h>

#include "base/err.h"

struct vcpus {
	struct r3_boot *boot;
	const struct r3_image_header *image;
	unsigned int nr;
	pthread_t thread[R3_MAX_CPUS];
	void *sigstack[R3_MAX_CPUS];
	void (*enter)(void *opaque);	/* the jail, by each thread */
	void *opaque;
	uint32_t gate;			/* futex: 1 when guest code may run */
};

/**
 * vcpus_start() - create the vCPU threads
 *
 * boot->vcpu[] is filled but for host_cpu, where the thread stays if that is
 * not -1. Returns when all threads exist and have called enter().
 */
int vcpus_start(struct vcpus *v, struct r3_err *err);

/* Lets vCPU 0 enter the image; the others wait until the guest kernel starts them. */
void vcpus_run(struct vcpus *v);

/*
 * Posts an interrupt, R3_PEND_*, to a vCPU. From any thread. Whom the signal is
 * for does not come from the boot block, which the guest can write.
 */
void vcpu_post(struct r3_boot *boot, unsigned int cpu, uint32_t bits);

#endif
