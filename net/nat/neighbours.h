/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's IPv6 addresses, made known to libslirp before it needs them: 4.7
 * ends by a segmentation fault when it has a packet for one that it must
 * solicit first. Its table has 16 entries, so a guest may use fewer at a time.
 */
#ifndef R3_NAT_NEIGHBOURS_H
#define R3_NAT_NEIGHBOURS_H

#include "addr.h"

#define NEIGHBOURS		14
#define NEIGHBOUR_IDLE_S	3600	/* then its place may be another's */

/**
 * neighbours_see() - a packet from @src, at @mac
 * @announce: gives libslirp a frame
 *
 * Return: false if there are too many addresses.
 */
bool neighbours_see(const struct net_addr *src, const uint8_t *mac, uint64_t now,
		    void (*announce)(const uint8_t *p, size_t len));

#endif
