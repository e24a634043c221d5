/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: every socket call of libslirp that could reach anybody passes here.
 *
 * The frame filter (nat.c) looks at what the guest sends, this at the address
 * that the host's kernel is about to be given. So a packet that filter and
 * libslirp understand differently is refused all the same.
 */
#ifndef R3_NAT_GATE_H
#define R3_NAT_GATE_H

#include "frame.h"
#include "policy.h"

struct gate_config {
	struct policy *policy;
	const struct virt_net *net;
	unsigned int max;		/* sockets of connections at once */
	int (*dns)(void);		/* takes a connection to the resolver's TCP port: its other end, or -errno */
};

/* From here on. Fails if libslirp's calls do not lead here. */
int gate_start(const struct gate_config *config, struct r3_err *err);

/* The frame that libslirp is given, NULL when it has returned. */
void gate_frame(const struct frame *frame);

/* The next sockets are listeners for a guest's port; 0: no more. */
void gate_publishing(uint16_t guest_port);
/* Port of the last one, as bound. Return: 0, or -errno. */
int gate_bound_port(uint16_t *port);

/* Whether a datagram from a published port answers somebody. */
bool gate_answers(uint16_t guest_port, const struct net_addr *dst, uint16_t port);

/* Whether there is anything to read for libslirp; what strangers sent is dropped. */
bool gate_readable(int fd);

/* Sockets of connections that are open. */
unsigned int gate_open(void);
bool gate_full(void);
/* Milliseconds that those eighth of datagram sockets have been idle at least that were so longest; 0: there are none. */
uint64_t gate_idle(void);

#endif
