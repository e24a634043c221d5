/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The jails of the two processes; docs/network.md says what each leaves. */
#ifndef R3_NAT_JAIL_H
#define R3_NAT_JAIL_H

#include <stdbool.h>

#include "base/err.h"
#include "jail/jail.h"

/**
 * nat_jail_net() - for the whole process, with one thread and nothing left to open
 * @warning: a sentence if only the list is between it and files, else NULL
 *
 * Fails if the filter is refused, or with JAIL_REQUIRE any wall.
 */
int nat_jail_net(enum jail_mode mode, const char **warning, struct r3_err *err);

/* The resolver's: files that name resolution reads, and sockets. @before the threads. */
int nat_jail_resolver(enum jail_mode mode, struct r3_err *err);

#endif
