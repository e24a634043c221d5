/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose process is at the other end of a TCP connection. */
#ifndef R3_PEER_H
#define R3_PEER_H

#include <sys/types.h>

enum peer {
	PEER_USER,		/* of this host: *uid says whose */
	PEER_ELSEWHERE,		/* of another host */
	PEER_UNKNOWN,		/* of this host, but nobody's any more: who has closed it is not told */
};

enum peer peer_of(int socket, uid_t *uid);

#endif
