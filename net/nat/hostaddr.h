/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is an address one of the host's own, now? Asked by sockets, as the jail has no netlink. */
#ifndef R3_NAT_HOSTADDR_H
#define R3_NAT_HOSTADDR_H

#include "addr.h"

/* Before the first question: what this host's answers are worth. */
void hostaddr_start(void);
/* For policy_set_local(). An answer is kept for a second. */
bool hostaddr_local(void *arg, const struct net_addr *addr);

#endif
