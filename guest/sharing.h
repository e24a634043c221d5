/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared folders that come and go while the guest runs, as the host says: wire/share_wire.h. */
#ifndef R3_GUEST_SHARING_H
#define R3_GUEST_SHARING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link.h"

/* As many as a host has devices that come and go. */
#define SHARING_MAX	8

/* Each is mounted and unmounted by a process of its own: either may wait for the host's server. pid 0: free. */
struct sharing {
	struct {
		pid_t pid;
		uint16_t session;
	} job[SHARING_MAX];
};

/* Begins what is asked for, which is answered later. NULL, or what is wrong with the frame. */
const char *sharing_begin(struct sharing *s, struct link *link, uint16_t session, const uint8_t *payload, size_t len, bool test);

/* A process ended with this waitpid() status. True: it was one of these. */
bool sharing_reaped(struct sharing *s, struct link *link, pid_t pid, int status);

#endif
