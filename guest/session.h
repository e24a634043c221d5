/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One command that the host runs in the guest: its process, and its streams
 * with their credit. The stream towards the command is queued here, up to the
 * window; the streams from it are read only as the host granted.
 */
#ifndef R3_GUEST_SESSION_H
#define R3_GUEST_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#include "link.h"
#include "spawn.h"

#define SESSION_WINDOW	(256 * 1024)

struct stream_out {
	int fd;			/* -1: ended */
	uint16_t type;		/* R3_FRAME_STDOUT or _STDERR */
	uint32_t credit;
	size_t left;		/* once the command is gone: bytes still to send */
};

struct session {
	struct session *next;
	struct link *link;
	uint16_t id;
	bool with_uid;
	uid_t uid;		/* with_uid: whose it is; else the agent's own, root */
	char **strings;		/* of the request; the job's until it is done */
	struct spawn_job *job;	/* it is being started; NULL: it was */
	pid_t pid;
	bool pty;
	bool running;		/* its process was not reaped */
	bool ended;		/* EXIT or ERROR was sent, to be freed */
	int status;		/* of waitpid(), once not running */
	int slave;		/* of the pty, held so that its master never reports an end */

	int in_fd;		/* -1: closed */
	uint8_t *in_buf;
	uint32_t in_head;
	uint32_t in_queued;
	uint32_t in_credit;	/* what the host may still send */
	uint32_t in_owed;	/* consumed but not granted again yet */
	bool in_eof;

	struct stream_out out;
	struct stream_out err;
};

/*
 * Begins to start what a RUN frame asks for. host_window is what the host
 * granted for each stream. On failure the host has been told, and NULL is
 * returned.
 */
struct session *session_start(struct link *link, uint16_t id, uint32_t host_window,
			      const uint8_t *payload, size_t len);

/* A frame of this session. Returns NULL, or what was wrong with it. */
const char *session_frame(struct session *s, const struct r3_frame *frame, const uint8_t *payload);

/* The process ended with this waitpid() status. */
void session_reaped(struct session *s, int status);
/* It was stopped. One that does not run its program yet shall not be. */
void session_stopped(struct session *s);

/* Fills up to 3 entries; session_io() takes them back in the same order. */
int session_poll(struct session *s, struct pollfd *fds);
void session_io(struct session *s, const struct pollfd *fds, int nr);

/*
 * For one whose command is gone: goes on with what is left, which waits for
 * grants and for room on the link but for no descriptor.
 */
void session_drain(struct session *s);

/* Closes everything; hangs up on the process if it still runs. */
void session_free(struct session *s);

/* stdin.c */

/* Data, or with no length the end. Returns NULL, or what was wrong with it. */
const char *session_in_data(struct session *s, const uint8_t *data, size_t len);
/* Writes what is queued, as far as the command takes it. */
void session_in_flush(struct session *s);
/* No more input; tell: the host shall know that nobody reads it. */
void session_in_close(struct session *s, bool tell);

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#endif
