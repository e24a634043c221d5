/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What PID 1 asks of the kernel's network by rtnetlink(7), one request and answer at a time. */
#ifndef R3_GUEST_NETLINK_H
#define R3_GUEST_NETLINK_H

#include <stdint.h>

/* An address with its prefix, or of a router. */
struct net_address {
	int family;			/* AF_INET or AF_INET6 */
	uint8_t byte[16];
	uint8_t prefix;
};

/* A descriptor, or -errno. */
int netlink_open(void);

/* All return 0 or -errno. mtu 0: as it is. */
int netlink_link_up(int fd, int index, uint32_t mtu);
int netlink_add_address(int fd, int index, const struct net_address *a);
/* metric 0: the kernel's own. */
int netlink_add_default(int fd, int index, const struct net_address *router, uint32_t metric);

#endif
