/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may speak with the server: who knows the token, under a name that is ours, from a page
 * that is ours. Nothing of it is trusted before all three are so.
 */
#ifndef R3_WEB_CHECK_H
#define R3_WEB_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define CHECK_TOKEN	32		/* letters of a token: 128 bits */
#define CHECK_MAX_NAMES	8

struct check {
	char token[CHECK_TOKEN + 1];
	const char *names[CHECK_MAX_NAMES + 1];	/* as a Host header may have them, without the port; ends with NULL */
};

/* A token that nobody can guess. 0 or -errno. */
int check_make_token(struct check *c);

/* What follows "/TOKEN/" in a path, or NULL. Takes as long whatever of the token is wrong. */
const char *check_path(const struct check *c, const char *path);

/* DNS rebinding: a page of another name, whose address has become ours, has its own name here. */
bool check_host(const struct check *c, const char *host);

/* A page of another origin than the one that it asks: host is what check_host() has allowed. */
bool check_origin(const char *origin, const char *host);

#endif
