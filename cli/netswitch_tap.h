/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_NETSWITCH_TAP_H
#define R3_NETSWITCH_TAP_H

#include "base/err.h"

/* A tap device of the host with offload headers, made if the caller may: its descriptor. */
int switch_tap_open(const char *name, struct r3_err *err);

#endif
