// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "base/util.h"

#define VDEV_STRIDE	4096

static uint32_t state_of(const struct slot *slot)
{
	return load_acquire(slot->state);
}

static void set_state(struct slot *slot, enum channel_slot_state state)
{
	store_release(slot->state, (uint32_t)state);
}

/* ---- the slot's thread ---- */

static void tell_driver(struct slot *slot, uint32_t flags)
{
	slot->plug++;
	write_once(slot->words->flags, flags);
	store_release(slot->words->plug, slot->plug);
	slot->bus->raise(slot->bus->opaque, slot->index);
}

static void take_name(struct slot *slot)
{
	size_t i;

	for (i = 0; i < sizeof(slot->name); i++)
		slot->name[i] = read_once(slot->words->name[i]);
}

static void begin(struct slot *slot)
{
	struct r3_err err;

	write_once(slot->dev->tid, (int)syscall(SYS_gettid));
	if (slot->dev->ops->open && slot->dev->ops->open(slot->dev, &err)) {
		log_warn("%s", err.msg);
		set_state(slot, CHANNEL_SLOT_GONE);
		return;
	}
	dev_plug(slot->dev, slot->page, slot->index, slot->bus, slot->kick_fd);
	/* First: the driver may answer before we are back. */
	set_state(slot, CHANNEL_SLOT_OFFERED);
	tell_driver(slot, 0);
}

static void leave(struct slot *slot, uint32_t how)
{
	write_once(slot->busy, false);
	slot->forced = how == CHANNEL_LEAVE_FORCED;
	/* It may not have looked yet at what an earlier number was about: it will see the last one only. */
	set_state(slot, CHANNEL_SLOT_LEAVING);
	tell_driver(slot, slot->forced ? R3_PLUG_FORCE : 0);
}

/* The driver's word is for its own good only: it is taken whatever it does with the queues. */
static void look(struct slot *slot)
{
	uint32_t how = atomic_xchg(slot->leave, 0), state;

	if (how == CHANNEL_LEAVE_FORCED && !(slot->plug & 1)) {
		/* It was asked before, and may stay no longer. */
		slot->plug++;
		leave(slot, how);
	} else if (how && slot->plug & 1) {
		leave(slot, how);
	}
	state = state_of(slot);
	if (load_acquire(slot->words->ack) == slot->plug) {
		if (state == CHANNEL_SLOT_OFFERED) {
			take_name(slot);
			set_state(slot, CHANNEL_SLOT_LIVE);
		} else if (state == CHANNEL_SLOT_LEAVING) {
			dev_unplug(slot->dev);
			set_state(slot, CHANNEL_SLOT_GONE);
		}
	} else if (state == CHANNEL_SLOT_LEAVING && !slot->forced && load_acquire(slot->words->busy) == slot->plug) {
		write_once(slot->busy, true);
		set_state(slot, CHANNEL_SLOT_OFFERED);
		tell_driver(slot, 0);
	}
}

static bool has_device(const struct slot *slot)
{
	uint32_t state = state_of(slot);

	return state == CHANNEL_SLOT_OFFERED || state == CHANNEL_SLOT_LIVE || state == CHANNEL_SLOT_LEAVING;
}

static void *slot_thread(void *arg)
{
	struct slot *slot = arg;
	char name[16];

	snprintf(name, sizeof(name), "slot-%u", slot->index);
	prctl(PR_SET_NAME, name);
	if (slot->bus->enter)
		slot->bus->enter(slot->bus->opaque, "slot", -1);
	while (!load_acquire(slot->stopping)) {
		if (state_of(slot) == CHANNEL_SLOT_STARTING)
			begin(slot);
		if (has_device(slot))
			look(slot);
		if (has_device(slot))
			dev_step(slot->dev, -1);
		else
			event_take(slot->kick_fd);
	}
	if (has_device(slot)) {
		slot->dev->drain_ms = slot->drain_ms;
		store_release(slot->dev->stopping, true);
		dev_finish(slot->dev);
	}
	return NULL;
}

/* ---- the main thread ---- */

static int start_one(struct slot *slot, struct r3_err *err)
{
	char what[24];
	int ret;

	slot->kick_fd = event_create();
	if (slot->kick_fd < 0)
		return err_set(err, slot->kick_fd, "no descriptor for a slot: %s; raise the limit of open files (ulimit -n)", strerror(-slot->kick_fd));
	slot->page->kick_fd = slot->kick_fd;
	slot->page->magic = R3_VDEV_MAGIC;
	snprintf(what, sizeof(what), "slot %u", slot->index);
	ret = thread_start(&slot->thread, slot_thread, slot, what, err);
	if (ret)
		return ret;
	slot->started = true;
	return 0;
}

int slots_start(struct slots *slots, unsigned int first, const struct guest_mem *mem, struct r3_boot *boot,
		const struct dev_bus *how, struct r3_err *err)
{
	unsigned int i;
	int ret;

	*slots = (struct slots){ .bus = *how };
	slots->bus.mem = mem;
	for (i = 0; i < CHANNEL_SLOTS && first + i < R3_VDEV_MAX; i++) {
		struct slot *slot = &slots->slot[i];

		slot->index = first + i;
		slot->page = (struct r3_vdev *)((char *)boot->vdevs + (uint64_t)slot->index * VDEV_STRIDE);
		slot->words = r3_plug_of(slot->page);
		slot->bus = &slots->bus;
		slot->fd = -1;
		slots->nr = i + 1;
		ret = start_one(slot, err);
		if (ret) {
			slots_stop(slots, 0);
			return ret;
		}
	}
	return 0;
}

static void empty(struct slot *slot)
{
	dev_destroy(slot->dev);
	slot->dev = NULL;
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
	memset(slot->name, 0, sizeof(slot->name));
	/* It was asked to go while it could not be used anyway. */
	store_release(slot->leave, 0);
	set_state(slot, CHANNEL_SLOT_FREE);
}

void slots_stop(struct slots *slots, int drain_ms)
{
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		struct slot *slot = &slots->slot[i];

		if (slot->started) {
			slot->drain_ms = drain_ms;
			if (slot->dev)
				store_release(slot->dev->stopping, true);
			store_release(slot->stopping, true);
			event_post(slot->kick_fd);
			pthread_join(slot->thread, NULL);
		}
		if (slot->dev)
			empty(slot);
		if (slot->kick_fd >= 0)
			close(slot->kick_fd);
	}
	slots->nr = 0;
}

int slots_find(struct slots *slots)
{
	unsigned int i;
	int found = -1;

	for (i = 0; i < slots->nr; i++) {
		struct slot *slot = &slots->slot[i];

		if (state_of(slot) == CHANNEL_SLOT_GONE)
			empty(slot);
		if (found < 0 && state_of(slot) == CHANNEL_SLOT_FREE)
			found = i;
	}
	return found;
}

void slots_plug(struct slots *slots, unsigned int nr, struct dev *dev, int fd)
{
	struct slot *slot = &slots->slot[nr];

	slot->dev = dev;
	slot->fd = fd;
	store_release(slot->leave, 0);
	write_once(slot->busy, false);
	set_state(slot, CHANNEL_SLOT_STARTING);
	event_post(slot->kick_fd);
}

int slots_unplug(struct slots *slots, unsigned int nr, bool force)
{
	struct slot *slot;

	if (nr >= slots->nr)
		return -ENOENT;
	slot = &slots->slot[nr];
	switch (state_of(slot)) {
	case CHANNEL_SLOT_FREE:
	case CHANNEL_SLOT_GONE:
		return -ENOENT;
	}
	write_once(slot->busy, false);
	store_release(slot->leave, (uint32_t)(force ? CHANNEL_LEAVE_FORCED : CHANNEL_LEAVE));
	event_post(slot->kick_fd);
	return 0;
}

void slots_describe(struct slots *slots, struct channel_slots *to)
{
	unsigned int i;

	slots_find(slots);
	to->nr = slots->nr;
	for (i = 0; i < slots->nr; i++) {
		const struct slot *slot = &slots->slot[i];

		to->slot[i].state = state_of(slot);
		/* Asked to go, which its thread has not seen yet. */
		if (load_acquire(slot->leave))
			to->slot[i].state = CHANNEL_SLOT_LEAVING;
		to->slot[i].busy = read_once(slot->busy);
		if (to->slot[i].state == CHANNEL_SLOT_LIVE)
			memcpy(to->slot[i].name, slot->name, sizeof(to->slot[i].name));
	}
}

const struct dev *slots_dev(const struct slots *slots, unsigned int nr)
{
	return nr < slots->nr ? slots->slot[nr].dev : NULL;
}
