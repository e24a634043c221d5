/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that the back end itself sends to the guest, in answer to one of its own. */
#ifndef R3_NAT_REPLY_H
#define R3_NAT_REPLY_H

#include "frame.h"

/* Room that any of them needs, but for the data of reply_udp(). */
#define REPLY_MAX	1400

/* ICMP "communication administratively prohibited", from the address asked for. Return: length, 0: none is due. */
size_t reply_prohibited(uint8_t *out, const uint8_t *p, const struct frame *frame);
/* A TCP reset. */
size_t reply_reset(uint8_t *out, const uint8_t *p, const struct frame *frame);

/* Both ends of a datagram, and what a frame to the guest needs. */
struct reply_to {
	uint8_t guest_mac[6], our_mac[6];
	struct net_addr src, dst;	/* dst is the guest's */
	uint16_t sport, dport;
};

/* Whom an answer to this frame would go to. */
void reply_to(struct reply_to *to, const uint8_t *p, const struct frame *frame);
size_t reply_udp(uint8_t *out, const struct reply_to *to, const void *data, size_t len);
/* The echo reply to an echo request, of either family. */
size_t reply_echo(uint8_t *out, const struct reply_to *to, const uint8_t *echo, size_t len);
/* A TCP segment without data. */
size_t reply_tcp(uint8_t *out, const struct reply_to *to, uint32_t seq, uint32_t ack, uint8_t flags, uint16_t window);

#endif
