/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of the cable between a member and the switch: rate, delay,
 * jitter, loss, duplicates, order.
 *
 * A frame is first lost, duplicated or held back; then it waits for its turn at
 * the cable's rate; then for the delay. Frames come out in the order in which they
 * went in, whatever the jitter; only "reorder" changes it: such a frame is
 * overtaken by the next one. What acts on single packets gets single packets:
 * GSO frames are segmented before.
 */
#ifndef R3_SWITCH_CABLE_H
#define R3_SWITCH_CABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "list.h"

#define CABLE_FRAMES_MAX	65536
#define CABLE_BYTES_MAX		(32 << 20)
#define CABLE_BYTES_ALL		(256 << 20)	/* of all cables */

struct cable_config {
	int64_t delay_ns, jitter_ns;
	double loss, duplicate, reorder;	/* 0 to 1 */
	double rate;				/* bytes a second, 0: no limit */
};

struct cable;

/* What all cables of a switch share. */
struct cables {
	struct list active;		/* those that hold frames */
	uint64_t bytes;
	uint64_t random[2];
	void (*deliver)(struct cable *cable, struct frame *f);	/* keeps f no longer than frame_keep() does */
};

struct waiting {
	struct frame *frame;
	int64_t sent;			/* when the cable's rate let it go */
	int64_t due;
};

struct cable {
	struct cables *all;
	bool to_member;
	struct list active;
	struct cable_config config;
	struct waiting *ring;
	unsigned int room, head, n;
	uint64_t bytes;
	int64_t rate_free;		/* the cable is busy until then */
	struct frame *held;
	int64_t held_until;
	uint64_t lost, duplicated, reordered, refused;
};

void cables_init(struct cables *all, uint64_t seed, void (*deliver)(struct cable *cable, struct frame *f));
void cable_init(struct cable *cable, struct cables *all);
/* Drops what it holds. */
void cable_close(struct cable *cable);

/* Also what is under way gets the new delay. */
void cable_configure(struct cable *cable, const struct cable_config *config, int64_t now);

/* A frame enters; delivered at once if nothing holds it up. */
void cable_put(struct cable *cable, struct frame *f, int64_t now);

/* Delivers what is due. Return: when the next frame is, INT64_MAX for never. */
int64_t cables_run(struct cables *all, int64_t now);

#endif
