/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come and go while a guest runs, from the side of `ring3 run`: what
 * monitor/vm/slots.h is in the monitor.
 *
 * Theory of operation: a file, socket or back end is opened or started here, outside of the jail, and
 * descriptors go to the monitor with a request. Then the monitor is asked again and again, as long as
 * something is on its way, what has become of its slots: it says nothing by itself. Who
 * asked is answered when the guest has taken the device or let it go, or when its time is
 * up. A device that the guest does not take is withdrawn, and one that it does not let go
 * keeps its slot and its file, until it does. A shared folder is mounted by the guest's agent when
 * it is there, and unmounted before it goes.
 *
 * A back end ends after the guest has let its device go, and only then the device is over.
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
	PLUG_MOUNTING,			/* it has, and its agent was asked to mount it */
	PLUG_LIVE,
	PLUG_UNMOUNTING,		/* the agent was asked to unmount it */
	PLUG_LEAVING,
	PLUG_FAILING,			/* it is in no slot any more, as its back end is of no use: it may say why */
	PLUG_ENDING,			/* the guest has let it go, its back end has not ended */
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
	int64_t failing;		/* of PLUG_FAILING: until when */
	/* of a shared folder */
	bool mounted;
	bool forced;			/* it goes, whoever uses it */
	uint16_t session;		/* of the agent, that is at it; 0: none */
};

struct plugs {
	struct plug plug[CHANNEL_SLOTS];
	struct timer timer;
	bool asking;			/* the monitor, what has become of its slots */
	bool unknown;			/* there may be one that it attached although we gave up */
};

void plugs_init(struct machine *m);

/* Clients' requests: machine_plug_ops.c. */
void plugs_attach(struct machine *m, struct json_object *req, struct control_call *call);
void plugs_detach(struct machine *m, struct json_object *req, struct control_call *call);

/* A monitor was started; one has ended; the machine ends. */
void plugs_start(struct machine *m);
void plugs_lost(struct machine *m);
void plugs_close(struct machine *m, bool force);

/* The agent works: what was there before the guest started anew is mounted. */
void plugs_agent_ready(struct machine *m);

/* A child has ended, it may be one of a device's. */
void plugs_reap(struct machine *m);

/* For clients: an array of the devices. */
struct json_object *plugs_describe(const struct machine *m);

/* The name of what is in a slot, or NULL. */
const char *plugs_name(const struct machine *m, unsigned int slot);

/* ---- between machine_plug.c, machine_plug_ops.c and machine_share.c ---- */

struct plug *plug_find(struct machine *m, const char *name);

/* Asks the monitor for it; who waits is told if that cannot be. */
void plug_give(struct plug *p);

/* The guest has it, and all that belongs to it is done. */
void plug_live(struct plug *p);

/* The guest is told to let it go. */
void plug_leave(struct plug *p, bool force);

/* Nothing of it is in the guest: its back end ends, and then it is forgotten. */
void plug_end(struct plug *p);

/* Whoever waits is told why not; if nobody does, it is a message. */
void __attribute__((format(printf, 2, 3))) plug_refuse(struct plug *p, const char *fmt, ...);

/* What is on its way is looked at soon. */
void plugs_look(struct machine *m);

/* machine_share.c: the agent mounts it, or takes it off and has it leave. */
void plug_mount(struct plug *p);
void plug_unmount(struct plug *p);
/* It is not waited for any more. */
void plug_forget_agent(struct plug *p);

#endif
