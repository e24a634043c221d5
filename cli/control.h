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
#define CONTROL_PROTOCOL 1		/* docs/control.md */

struct control;

/*
 * A request that waits for its answer: given back exactly once, now or later, by
 * control_done() or control_refuse(), whether or not its client is there still.
 */
struct control_call;

struct control_ops {
	/* False: there is no such operation, and the call stays the caller's. */
	bool (*request)(void *ctx, const char *op, struct json_object *req, struct control_call *call);
};

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
/* The guest has ended; those who wait for that are told its exit status. */
void control_close(struct control *c, int status);

/* Another name, with all that hangs on it, if nobody has it. */
int control_rename(struct control *c, const char *name, struct r3_err *err);

/* result: what the answer has besides "ok"; taken; may be NULL. */
void control_done(struct control_call *call, struct json_object *result);
void control_refuse(struct control_call *call, const char *why);
/* The ctx of whom the request is to. */
void *control_ctx(const struct control_call *call);

/* Those who listen for events are told of one; more: what it has besides its name; taken; may be NULL. */
void control_event(struct control *c, const char *event, struct json_object *more);

/* What the guest wrote to its console, and that it takes input again. */
void control_console(struct control *c, const char *data, size_t len);
void control_console_room(struct control *c);
/* The agent takes data again. */
void control_wake(struct control *c);
/* The guest restarts: no session survives. */
void control_reset(struct control *c);

#endif
