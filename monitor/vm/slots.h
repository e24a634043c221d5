/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots: places for devices that come and go while the guest runs.
 *
 * Each has its page, its eventfd and its thread from the start, made before the jail is
 * closed; the thread is parked until there is a device. The main thread makes devices and
 * frees them, the slot's thread runs them and speaks with the driver.
 *
 *	FREE -> STARTING	main: a device was made
 *	     -> OFFERED		thread: the driver was told
 *	     -> LIVE		thread: the driver has taken it
 *	     -> LEAVING		thread: it was asked for, and the driver was told
 *	     -> GONE		thread: the driver has let go; nothing of the guest is touched any more.
 *				Also from STARTING, if the device cannot be used
 *	     -> FREE		main: device and descriptor are no more
 *
 * A driver that never answers keeps its slot, and nothing else. abi/ring3/plug.h has what
 * is said to it.
 */
#ifndef R3_SLOTS_H
#define R3_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include <ring3/boot.h>
#include <ring3/plug.h>

#include "base/err.h"
#include "dev/dev.h"
#include "vm/channel.h"

#define SLOT_FDS	CHANNEL_FDS_MAX	/* descriptors that come with a device, at most */

struct slot {
	unsigned int index;		/* of its page */
	struct r3_vdev *page;
	struct r3_plug *words;		/* in the page */
	const struct dev_bus *bus;
	int kick_fd;
	pthread_t thread;
	bool started;
	bool stopping;			/* atomic */
	int drain_ms;			/* read once stopping is set */
	uint32_t state;			/* enum channel_slot_state; atomic: who may change the rest */
	int fd;				/* to be closed with the device, -1: it has its own */
	struct dev *dev;		/* the main thread's in FREE and GONE, else the slot's */
	uint32_t leave;			/* atomic: enum channel_leave, or 0 */
	uint32_t plug;			/* the last number that the driver was told */
	bool forced;			/* by that number */
	bool busy;			/* atomic: the driver did not let it go */
	char name[R3_PLUG_NAME];	/* what the guest calls it; hostile; written before LIVE */
};

struct slots {
	struct dev_bus bus;
	unsigned int nr;
	struct slot slot[CHANNEL_SLOTS];
};

/**
 * slots_start() - make the slots and their threads
 * @first: number of the first one's page: behind all other devices
 * @how: as of devs_start()
 */
int slots_start(struct slots *slots, unsigned int first, const struct guest_mem *mem, struct r3_boot *boot,
		const struct dev_bus *how, struct r3_err *err);

/* The guest has ended: as devs_stop(). */
void slots_stop(struct slots *slots, int drain_ms);

/* All below from the main thread. */

/* One that is free, after those that have become so were emptied; -1: none. */
int slots_find(struct slots *slots);

/* A device for a free slot, which takes it and a descriptor that the device does not close, or -1. */
void slots_plug(struct slots *slots, unsigned int nr, struct dev *dev, int fd);

/* 0, or -ENOENT: there is none that could go. force: also if it is in use. */
int slots_unplug(struct slots *slots, unsigned int nr, bool force);

void slots_describe(struct slots *slots, struct channel_slots *to);

/* A device that is there, for statistics; NULL: none. Stays until the next call of one of the above. */
const struct dev *slots_dev(const struct slots *slots, unsigned int nr);

#endif
