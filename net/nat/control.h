/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent: JSON messages on a SEQPACKET socket; docs/network.md has them all. */
#ifndef R3_NAT_CONTROL_H
#define R3_NAT_CONTROL_H

#include <stdbool.h>

#include "addr.h"

void control_open(int fd);
void control_ready(const struct virt_net *net, unsigned int mtu, bool offload);
/* "error" or "warning". */
void control_say(const char *event, const char *message);
/* A request. Return: 0, or -EPIPE when the parent is gone. */
int control_input(void);

#endif
