/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMPv6 echo, which libslirp does not carry: by ping sockets, as it does for IPv4. */
#ifndef R3_NAT_PING6_H
#define R3_NAT_PING6_H

#include <poll.h>

#include "frame.h"

#define PING6_SOCKETS	16

/* An echo request that the policy allows. Return: 0, or -errno. */
int ping6_send(const uint8_t *p, const struct frame *frame);
unsigned int ping6_pollfds(struct pollfd *fds);
void ping6_poll(const struct pollfd *fds, unsigned int n, void (*send)(const uint8_t *frame, size_t len));

#endif
