/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server side of state.h, in `ring3 run`: the socket by which other ring3
 * commands reach a guest. It knows the guest's agent and console; what the guest
 * is and how it ends is asked of whoever opened it.
 */
#ifndef R3_CONTROL_H
#define R3_CONTROL_H

#include <json-c/json.h>

#include "agent_link.h"
#include "base/err.h"
#include "hvc.h"

#define GUEST_NAME_SIZE	64

struct control_ops {
	struct json_object *(*info)(void *ctx);
	void (*stop)(void *ctx, bool force);
	/* "start", "pause" or "resume": 0, or err says why not. */
	int (*order)(void *ctx, const char *op, struct r3_err *err);
};

struct control;

struct control_config {
	struct loop *loop;
	struct agent_link *agent;
	struct hvc *hvc;
	char *name;			/* of the guest, GUEST_NAME_SIZE bytes */
	char *const *env;		/* for every command, ends with NULL; may be NULL */
	bool any_name;			/* nobody asked for it: another will do if a guest has it */
	const struct control_ops *ops;
	void *ctx;
};

/* Reserves the guest's name and listens. NULL with err set if it cannot. */
struct control *control_open(const struct control_config *cfg, struct r3_err *err);
void control_close(struct control *c);

/* What the guest wrote to its console, and that it takes input again. */
void control_console(struct control *c, const char *data, size_t len);
void control_console_room(struct control *c);
/* The agent takes data again. */
void control_wake(struct control *c);
/* The guest restarts: no session survives. */
void control_reset(struct control *c);

#endif
