/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a RUN frame of <ring3/agent.h> carries, and how a session's last frame is read: for all who speak the host's side. */
#ifndef R3_WIRE_RUNFRAME_H
#define R3_WIRE_RUNFRAME_H

#include <stddef.h>
#include <stdint.h>

#include <ring3/agent.h>

struct runframe {
	uint32_t flags;			/* R3_RUN_*; R3_RUN_SHELL is added if there is no argv */
	uint32_t uid, gid;		/* with R3_RUN_UID */
	struct r3_agent_winsize size;	/* with R3_RUN_PTY */
	const char *cwd;		/* NULL: home */
	char *const *argv;		/* NULL: the login shell */
	char *const *env;		/* NAME=VALUE; may be NULL */
};

/**
 * runframe_make() - the payload of a RUN frame
 * @payload: to be freed by the caller
 * @len: its bytes; set with -E2BIG, too
 * @words: of argv; set as @len
 *
 * Return: 0, -E2BIG: longer than a frame can be, or -ENOMEM.
 */
int runframe_make(const struct runframe *run, uint8_t **payload, size_t *len, unsigned int *words);

/* The exit status that an EXIT frame says, 0 to 255. */
int runframe_exit(const uint8_t *payload);

/* Of an ERROR frame of @len bytes: the exit status to use, and its words, terminated and cut to @size. */
int runframe_error(const uint8_t *payload, size_t len, char *text, size_t size);

#endif
