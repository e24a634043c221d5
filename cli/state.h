/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where running guests are found: in $XDG_RUNTIME_DIR/ring3 or /tmp/ring3-UID,
 * which is the user's alone, each has a lock for as long as it lives, on
 * NAME.lock, by which the name is its own, and a socket NAME.sock. The
 * protocol: the client sends one line of JSON, {"op": "info"}, "exec",
 * "console", "stop", "pause", "resume", or "start" if it waits for a debugger; the guest's `ring3 run` answers with one line, "ok"
 * true or false with an "error". After "exec" both speak frames of
 * <ring3/agent.h>; after "console" both sides' bytes are the console's.
 */
#ifndef R3_STATE_H
#define R3_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/err.h"

#define STATE_LINE_MAX	262144
/* Of a request without its end, as docs/control.md has it. */
#define STATE_REQUEST_MAX 4094

/* The directory's descriptor, made if need be and asked for. */
int state_dir(bool create, struct r3_err *err);

/*
 * Makes the name ours until state_release() or the end of this process: the
 * descriptor of its lock, or -EEXIST if a guest of this name runs. Removes what
 * dead guests left behind.
 */
int state_reserve(int dir, const char *name, struct r3_err *err);
void state_release(int dir, const char *name, int lock);

/* A listening socket for a name that is ours. */
int state_listen(int dir, const char *name, struct r3_err *err);

/* The socket of one name becomes that of another; both are ours. */
int state_move(int dir, const char *from, const char *to, struct r3_err *err);

/* Connected to the guest called NAME. Removes what a dead one left behind. */
int state_connect(int dir, const char *name, struct r3_err *err);

/* Names of all guests that answer; the caller frees list and names. */
int state_list(int dir, char ***names, struct r3_err *err);

/*
 * Asks and waits for the answer. *reply is filled if it is "ok", to be given
 * back with json_object_put().
 */
int state_request(int fd, struct json_object *request, struct json_object **reply, struct r3_err *err);

/* The same of a request that takes long. */
int state_request_within(int fd, struct json_object *request, int64_t ms, struct json_object **reply, struct r3_err *err);

/* One more line of answer, at most ms later; -EAGAIN: not by then, -ECONNRESET: the guest has ended. */
int state_answer(int fd, int64_t ms, struct json_object **reply, struct r3_err *err);

/*
 * The same of any line, as it is: line has STATE_LINE_MAX bytes, of which *len are there, and may be more when it
 * is not 0 that is returned. ms of 0 or less: however long it takes.
 */
int state_line(int fd, int64_t ms, char *line, size_t *len, struct r3_err *err);

/* state_dir and state_connect in one. */
int state_open(const char *name, struct r3_err *err);

/* The same of a request whose answer has nothing but "ok"; takes the request. */
int state_tell(const char *name, struct json_object *request, struct r3_err *err);

/* state_dir, state_connect and state_request in one: connected and answered. */
int state_ask(const char *name, struct json_object *request, struct json_object **reply,
	      struct r3_err *err);

#endif
