/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP windows beyond 64 KB towards the guest, by local acknowledgements and
 * local retransmissions (RFC 3135, sections 3.1.3 and 3.1.4).
 */
#ifndef R3_NAT_LOCALACK_H
#define R3_NAT_LOCALACK_H

#include "frame.h"

#define LOCALACK_FLOWS		1024
#define LOCALACK_FLOW_MOST	(1 << 20)	/* bytes of a connection that the guest has not acknowledged */
#define LOCALACK_MOST		(16 << 20)	/* of all */

/* Where frames go. */
struct localack_ops {
	void (*to_guest)(const uint8_t *p, size_t len);
	void (*to_slirp)(const uint8_t *p, size_t len);
};

void localack_start(const struct localack_ops *ops);
/* A frame of libslirp's goes to the guest, with a window scale option if it is the first of a connection. */
void localack_to_guest(const uint8_t *p, size_t len);
/*
 * A TCP frame of the guest, before libslirp sees it: it is told less or more than
 * the guest has acknowledged. @p is changed. Return: false, libslirp need not see it.
 */
bool localack_from_guest(uint8_t *p, const struct frame *f, int64_t now_ms);
/*
 * Acknowledges to libslirp what has been sent to the guest; libslirp sends more
 * while it is told. @congested: only what the guest has. Return: whether there may be more.
 */
bool localack_run(bool congested, int64_t now_ms);
/* Sends again what is overdue. Return: ms until something may be, -1: nothing. */
int localack_timers(int64_t now_ms);

#endif
