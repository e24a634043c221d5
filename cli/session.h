/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command in the guest and the caller's stdin, stdout and stderr. `run`
 * and `exec` differ only in what the wire is connected to.
 */
#ifndef R3_SESSION_H
#define R3_SESSION_H

#include <stdbool.h>

#include "base/err.h"
#include "stdfd.h"
#include "term.h"
#include "wire.h"

#define SESSION_WINDOW	(256 * 1024)

struct session_spec {
	char **argv;		/* NULL: root's login shell */
	char **env;		/* NAME=VALUE, ends with NULL; may be NULL */
	const char *cwd;	/* NULL: home */
	bool with_uid;
	unsigned int uid, gid;
	bool tty;		/* a pty in the guest; see session_wants_tty() */
	const int *fd;		/* of stdin, stdout, stderr; NULL: 0, 1, 2 */
	/* Takes what the command writes, R3_FRAME_STDOUT or _STDERR, in place of those; may be NULL. */
	void (*sink)(void *ctx, uint16_t type, const uint8_t *data, size_t len);
};

/* Bytes from the guest that the caller's descriptor has not taken yet. */
struct session_out {
	struct session *session;
	struct stdfd io;
	struct watch watch;
	uint16_t type;
	uint8_t *buf;
	uint32_t head, queued;
	uint32_t granted;	/* what the guest may still send */
	uint32_t owed;
	bool eof;
	bool closed;		/* nobody reads it: data is dropped */
};

struct session {
	struct loop *loop;
	struct wire *wire;
	uint16_t id;
	bool tty;
	bool started;
	bool over;		/* the guest said how it ended */
	bool done;		/* and all output was written: on_done() was called */
	int status;
	char message[520];	/* why it could not be started */

	struct stdfd in;
	struct watch in_watch;
	bool in_closed;
	uint32_t in_credit;
	struct timer in_retry;
	struct term_escape escape;

	struct session_out out, err;
	void (*sink)(void *ctx, uint16_t type, const uint8_t *data, size_t len);

	void *ctx;
	void (*on_done)(void *ctx);
	void (*on_escape)(void *ctx);
};

/* A terminal in the guest is what a caller with a terminal on both sides expects. */
bool session_wants_tty(void);

/*
 * Asks for the command. window: what the agent's HELLO granted. The callbacks
 * and ctx are set by the caller before.
 */
int session_open(struct session *s, struct loop *loop, struct wire *wire, uint16_t id,
		 uint32_t window, const struct session_spec *spec, struct r3_err *err);

/* A frame of this session. NULL, or what is wrong with it. */
const char *session_frame(struct session *s, const struct r3_frame *frame, const uint8_t *payload);

void session_signal(struct session *s, int sig);
void session_resize(struct session *s);

/* Stops the command and this process, with the terminal as it was, until continued. */
void session_suspend(struct session *s);

/* The wire has room again, or the terminal may be ours again. */
void session_wake(struct session *s);

/* The guest is gone: writes what it has sent, waiting for the caller as stdfd_wait() does. */
void session_flush(struct session *s, int64_t until);

void session_close(struct session *s);

#endif
