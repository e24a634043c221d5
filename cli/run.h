/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests from words, for subcommands beside `run`. */
#ifndef R3_RUN_H
#define R3_RUN_H

#include "define.h"

/*
 * Starts a defined machine in the background. In the process that was called: its exit
 * status when the guest is ready or has failed; -errno with err set. In the guest's
 * process it returns, too, when the guest has ended.
 */
int run_start(const char *name, struct definition *def, struct r3_err *err);

/* Is this process the guest's? */
bool run_is_guest(void);

#endif
