/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose process is at the other end of a TCP connection on this host. */
#ifndef R3_PEER_H
#define R3_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/* False: it is on another host, or it is not known. */
bool peer_user(int socket, uid_t *uid);

#endif
