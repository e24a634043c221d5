/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One more command in a guest that runs already: what `exec` and `cp` have in common. */
#ifndef R3_ATTACH_H
#define R3_ATTACH_H

#include "carry.h"
#include "session.h"

#define ATTACH_MAX_ENV	256

struct attach {
	struct session_spec spec;
	char *env[ATTACH_MAX_ENV + 2 + CARRY_MAX_ENV];
	int nr_env;
	struct loop loop;
	struct wire wire;
	struct session session;
	struct watch signal_watch;
	int signal_fd;
	bool done, lost, escaped;
};

/* Runs it to its end. Return: its status or that of `ring3 exec`, or -errno if it was not started. */
int attach_run(struct attach *x, const char *name, struct r3_err *err);

#endif
