/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come and go while a guest runs, from the side of `ring3 run`: what
 * monitor/vm/slots.h is in the monitor.
 *
 * Theory of operation: a file or socket is opened here, outside of the jail, and its descriptor goes
 * to the monitor with a request. Then the monitor is asked again and again, as long as
 * something is on its way, what has become of its slots: it says nothing by itself. Who
 * asked is answered when the guest has taken the device or let it go, or when its time is
 * up. A device that the guest does not take is withdrawn, and one that it does not let go
 * keeps its slot and its file, until it does.
 *
 * A guest that is started again gets its devices again.
 */
#ifndef R3_MACHINE_PLUG_H
#define R3_MACHINE_PLUG_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "loop.h"
#include "plugdev.h"
#include "vm/channel.h"

#define PLUG_NAME	24

struct machine;

enum plug_state {
	PLUG_NONE,
	PLUG_ASKED,			/* the monitor was, and has not answered */
	PLUG_COMING,			/* it is in a slot, and the guest has not taken it */
	PLUG_LIVE,
	PLUG_LEAVING,
	PLUG_LOST,			/* the monitor has ended */
};

struct plug {
	struct machine *m;
	enum plug_state state;
	char name[PLUG_NAME];		/* ours: "disk1" */
	char guest[R3_PLUG_NAME + 1];	/* the guest's: "vdb"; may be empty */
	unsigned int slot;
	struct plugdev dev;
	struct control_call *call;	/* who waits; NULL: nobody */
	int64_t patience_ms;		/* how long the guest may take */
	int64_t due;			/* when that ends, -1: nobody waits */
};

struct plugs {
	struct plug plug[CHANNEL_SLOTS];
	struct timer timer;
	bool asking;			/* the monitor, what has become of its slots */
	bool unknown;			/* there may be one that it attached although we gave up */
};

void plugs_init(struct machine *m);

/* Clients' requests. */
void plugs_attach(struct machine *m, struct json_object *req, struct control_call *call);
void plugs_detach(struct machine *m, struct json_object *req, struct control_call *call);

/* A monitor was started; one has ended; the machine ends. */
void plugs_start(struct machine *m);
void plugs_lost(struct machine *m);
void plugs_close(struct machine *m);

/* A child has ended, it may be one of a device's. */
void plugs_reap(struct machine *m);

/* For clients: an array of the devices. */
struct json_object *plugs_describe(const struct machine *m);

/* The name of what is in a slot, or NULL. */
const char *plugs_name(const struct machine *m, unsigned int slot);

#endif
