/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which proxies of this host a guest can use. */
#ifndef R3_PROXY_H
#define R3_PROXY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The same proxy as the guest is to know it. False if it is this host itself, which
 * the guest does not reach; that was said. what: whose setting it is. gateway: by
 * which address the guest reaches this host's loopback, or NULL.
 */
bool proxy_for_guest(const char *what, const char *url, const char *gateway, char *out, size_t size);

#endif
