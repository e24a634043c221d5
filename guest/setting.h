/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of this kernel that the host has the agent change: wire/setting_wire.h. */
#ifndef R3_GUEST_SETTING_H
#define R3_GUEST_SETTING_H

#include <stdbool.h>
#include <sys/types.h>

#include "link.h"

/* One that takes its time; pid 0: none. */
struct setting {
	pid_t pid;
	uint16_t session;
};

/* Begins what is asked for. It is answered at once, or when its process has ended. */
void setting_begin(struct setting *s, struct link *link, uint16_t session, const uint8_t *payload, bool test);

/* A process ended with this waitpid() status. True: it was the setting's. */
bool setting_reaped(struct setting *s, struct link *link, pid_t pid, int status);

#endif
