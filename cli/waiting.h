/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the end of a guest is waited for from another process. */
#ifndef R3_WAITING_H
#define R3_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * waiting_for() - until the guest NAME has ended, or how it ended if it has
 * @timeout_ms: 0 or less: however long it takes
 * @killed: its process was, so the status is 122
 *
 * Return: its exit status, 0 to 255; -ETIMEDOUT: it runs on; or another negative errno.
 */
int waiting_for(const char *name, int64_t timeout_ms, bool *killed, struct r3_err *err);

#endif
