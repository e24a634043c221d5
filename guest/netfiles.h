/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs of the root read of the network: name servers, the host's own
 * name, and the same for systemd's network services.
 */
#ifndef R3_GUEST_NETFILES_H
#define R3_GUEST_NETFILES_H

#include <stdbool.h>

#include "net.h"

struct netfiles {
	const struct net *net;
	const char *hostname;		/* "": the root's own */
	bool kept;			/* what is written to the root stays on its disk */
	bool readonly;			/* the root cannot be written */
	bool init;			/* the root's own init comes next */
};

/*
 * On a root that is thrown away the files are ring3's. One that is kept gets name
 * servers only if it names none, and over files of one that is read-only others
 * are mounted. 0, or -errno of what could not be written, with its path in why.
 */
int netfiles_write(const struct netfiles *files, char *why, size_t size);

/* A file with its directories, replaced if it is there. 0 or -errno. */
int netfiles_put(const char *path, const char *text, size_t len, unsigned int mode);

#endif
