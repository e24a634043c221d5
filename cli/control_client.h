/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of control.h: what a client is, for control.c, which takes them on and
 * reads their requests, control_call.c, which answers, and control_stream.c, for those
 * whose connection is a command's or the console's from then on.
 */
#ifndef R3_CONTROL_CLIENT_H
#define R3_CONTROL_CLIENT_H

#include <json-c/json.h>

#include "control.h"

/*
 * How many sessions a user of the guest may have is the agent's business. All of
 * them leave room for those who ask something, or end the guest.
 */
#define MAX_SESSIONS	R3_AGENT_SESSIONS
#define MAX_CLIENTS	(MAX_SESSIONS + 16)
#define MAX_CALLS	256
#define LINE_MAX_IN	4096
#define CONSOLE_QUEUE	(BOOTLOG_SIZE + 65536)

enum kind { KIND_LINE, KIND_SESSION, KIND_CONSOLE, KIND_WAIT, KIND_EVENTS, KIND_DEAD };

struct client {
	struct client *next;
	uint64_t nr;			/* never used again, unlike its address */
	struct control *control;
	enum kind kind;
	int fd;				/* -1: the wire has it */
	struct watch watch;
	char line[LINE_MAX_IN];
	size_t len;
	struct wire wire;		/* KIND_SESSION */
	uint16_t id;
	bool asked, over;
	bool no_more;			/* it has closed its side and waits for answers */
	int calls;			/* that are open */
	char *out;			/* KIND_CONSOLE: CONSOLE_QUEUE bytes */
	size_t out_len;
};

struct control_call {
	struct control *control;
	uint64_t client;
	struct json_object *id;		/* the request's own; NULL: it had none */
};

struct control {
	struct control_config cfg;
	uint64_t last_nr;
	int calls;			/* that are open */
	int dir, lock, fd;
	struct watch watch;
	struct timer reap;
	struct client *clients;
	int nr_clients, nr_sessions;
};

/* control.c. Killed clients are freed later: whoever calls may still be using them. */
void client_kill(struct client *cl);
/* o is taken. A client that does not take it at once is none any more. */
void client_reply(struct client *cl, struct json_object *o);
/* Of one that does not speak the protocol, or cannot have what it asked for as its last. */
void client_refuse(struct client *cl, const char *why);
struct json_object *client_answer(bool ok);
struct json_object *client_refusal(const char *why);

/* control_call.c */
void client_begin_call(struct client *cl, const char *op, struct json_object *req);

/* control_stream.c */
void client_begin_session(struct client *cl);
void client_begin_console(struct client *cl);
void client_console_ready(struct client *cl, short revents);
void client_console_flush(struct client *cl);

#endif
