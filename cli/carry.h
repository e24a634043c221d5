/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of this host that a guest needs to reach what the host reaches: proxies
 * of the environment, and how apt reaches its mirrors. A proxy that is this host
 * itself is out of a guest's reach, and left out with a message.
 */
#ifndef R3_CARRY_H
#define R3_CARRY_H

#include <stdbool.h>
#include <stddef.h>

#define CARRY_MAX_ENV	12
#define CARRY_APT_MAX	3500

struct carry {
	char *env[CARRY_MAX_ENV + 1];	/* NAME=VALUE, ends with NULL */
	int nr_env;
	char apt[CARRY_APT_MAX];	/* lines of an apt.conf; empty: none */
	size_t apt_len;
};

/* gateway: by which address a guest reaches this host's loopback; NULL: it does not. */
void carry_collect(struct carry *carry, const char *gateway);

/*
 * Puts variables before those of env, but for what env has itself. env has room for
 * CARRY_MAX_ENV more, and ends with NULL.
 */
void carry_add(char **env, int *nr, char *const *carried);

#endif
