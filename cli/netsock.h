/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets as what carries a card's frames: one that the caller passed, or one with a path. */
#ifndef R3_NETSOCK_H
#define R3_NETSOCK_H

#include "base/err.h"
#include "netopt.h"

/* A large frame and a queue of them. */
#define NETSOCK_BUFFER	(4 << 20)

/* --net fd:N. The descriptor becomes non-blocking. net is filled but for the MAC address. */
int netsock_take(const struct netopt_card *card, struct vm_net *net, struct r3_err *err);

/* --net socket:PATH and passt:PATH: connects to whoever speaks QEMU's stream protocol there. */
int netsock_connect(const struct netopt_card *card, struct vm_net *net, struct r3_err *err);

/* A pair for a back end: fds[0] is net's, which is filled, fds[1] is the other one's. */
int netsock_pair(const struct netopt_card *card, enum vm_net_format format, struct vm_net *net, int *other, struct r3_err *err);

#endif
