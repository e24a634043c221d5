/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest gets of busy CPUs beside others: nice values of all threads, and, where the host's
 * scheduler treats a session as one (autogroup), those of the sessions that are the guest's own.
 */
#ifndef R3_WEIGHT_H
#define R3_WEIGHT_H

#include <sys/types.h>

#include "base/err.h"

/* Of this process and all that it starts; 0: as it is. 0 or -errno. */
int weight_own(unsigned int weight, struct r3_err *err);

/* This process leads a new session, which has a nice value of its own: that of the process. */
void weight_take_session(void);

/* Of this process, of all that it has started, and of the @monitor's; 0: none runs. 0 or -errno. */
int weight_set(pid_t monitor, unsigned int weight, struct r3_err *err);

#endif
