/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_NETSWITCH_CAPTURE_H
#define R3_NETSWITCH_CAPTURE_H

#include "base/err.h"

/* Until the switch, the port or the reader is gone. @port: NULL for all; @file: "-" for stdout. */
int switch_capture(const char *name, const char *port, const char *file, struct r3_err *err);

#endif
