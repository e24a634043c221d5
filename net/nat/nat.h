/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NAT: the guest's frames to libslirp, past the policy, and back. */
#ifndef R3_NAT_NAT_H
#define R3_NAT_NAT_H

#include <slirp/libslirp.h>

#include "gate.h"
#include "link.h"
#include "resolver.h"

struct nat_config {
	struct virt_net net;
	struct policy *policy;
	unsigned int mtu;
	unsigned int connection_rate;	/* a second, 0: without bound */
};

struct nat_stats {
	uint64_t malformed;		/* frames that contradict themselves, or their virtio header */
	uint64_t ignored;		/* of protocols that are not carried; multicast */
	uint64_t refused;
};

/* libslirp, in an address space of its own making. One a process. */
int nat_start(const struct nat_config *config, struct r3_err *err);
void nat_resolver(struct resolver *resolver);
Slirp *nat_slirp(void);
/* For link_receive(). */
void nat_frame(const struct virtio_net_hdr_v1 *hdr, uint8_t *p, size_t len);
/* For those who make frames themselves. */
void nat_send(const uint8_t *p, size_t len);

/* After frames went to the guest: localack_run(). */
bool nat_acknowledge(bool congested);
/* Timers that are due. Return: ms until the next, -1: there is none. */
int nat_timers(void);
/* If there is no room for another connection: the datagram sockets that were idle longest go. */
void nat_make_room(void);
const struct nat_stats *nat_stats(void);

#endif
