/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a back end has taken from a queue and not handed back, in memory that outlives
 * it: vhost-user's "inflight" region for split queues (QEMU's docs/interop/vhost-user.rst
 * defines it). Who serves a queue notes each chain; who comes after it knows by
 * the region and the used index which chains the driver still waits for.
 *
 * Both sides share the region, and neither believes it: a head is looked at only below the
 * queue's size, and what is false in it is false for the guest that the writer serves.
 */
#ifndef R3_INFLIGHT_H
#define R3_INFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define INFLIGHT_VERSION	1

struct inflight {
	uint64_t features;
	uint16_t version;
	uint16_t nr;			/* entries behind it */
	uint16_t last_head;		/* the one that is being handed back */
	uint16_t used_idx;		/* after the last that was */
	struct {
		uint8_t taken;
		uint8_t padding[5];
		uint16_t next;
		uint64_t counter;
	} chain[];			/* by head */
};

/* Bytes of one queue; queues follow each other. */
static inline size_t inflight_size(unsigned int queue_size)
{
	size_t size = sizeof(struct inflight) + queue_size * sizeof(((struct inflight *)0)->chain[0]);

	return (size + 63) & ~(size_t)63;
}

static inline void inflight_take(struct inflight *f, uint16_t head)
{
	store_release(f->chain[head].taken, 1);
}

/*
 * Around the chain's way to the used ring. Whoever dies between the two has the used index
 * ahead of the region's: then the last head was handed back.
 */
static inline void inflight_returns(struct inflight *f, uint16_t head)
{
	write_once(f->last_head, head);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void inflight_returned(struct inflight *f, uint16_t head, uint16_t used_idx)
{
	store_release(f->chain[head].taken, 0);
	store_release(f->used_idx, used_idx);
}

#endif
