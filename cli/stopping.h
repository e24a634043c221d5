/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a running guest is stopped from another process. */
#ifndef R3_STOPPING_H
#define R3_STOPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Asks it, waits for so long, then makes it. 0 when it has ended; -ENOENT: it does not run. */
int stopping_one(const char *name, int64_t timeout_ms, bool force, struct r3_err *err);

#endif
