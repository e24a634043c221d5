/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --vhost-user: a device that somebody's own back end serves, which listens on a UNIX socket. */
#ifndef R3_VHOSTOPT_H
#define R3_VHOSTOPT_H

#include "base/err.h"
#include "vhosts.h"

/*
 * "fs:SOCKET,tag=NAME[,queues=N]" or "blk:SOCKET[,ro][,queues=N]". Nothing is connected yet. 0, or
 * -errno with err set.
 */
int vhostopt_add(struct vhosts *v, const char *text, struct r3_err *err);

#endif
