/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts fragments of IPv4 packets together. libslirp 4.7 can do that too, but a guest
 * that sends overlapping ones has it write over memory that is not its own.
 */
#ifndef R3_NAT_FRAGMENTS_H
#define R3_NAT_FRAGMENTS_H

#include "frame.h"

#define FRAGMENTS_PACKETS	16	/* at once; then the oldest goes */
#define FRAGMENTS_MS		10000	/* until all of a packet must be here */

/**
 * fragments_add() - a frame for which frame_parse() says that it is a fragment
 *
 * A packet of which two fragments overlap, or whose lengths contradict each
 * other, is dropped (RFC 5722 for IPv6; honest senders make none).
 *
 * Return: the frame with the whole packet and its length in @len, until the
 * next call; or NULL.
 */
uint8_t *fragments_add(const uint8_t *p, const struct frame *frame, uint64_t now_ms, size_t *len);

#endif
