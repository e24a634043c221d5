/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_VSOCK_JAIL_H
#define R3_VSOCK_JAIL_H

#include "base/err.h"
#include "jail/jail.h"

/* How many descriptors there may be from now on. */
unsigned int vsock_files(void);

/* What stays are the descriptors that it has. 0, or -errno with err set. */
int vsock_jail(enum jail_mode mode, struct r3_err *err);

#endif
