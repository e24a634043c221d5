// SPDX-License-Identifier: GPL-2.0-or-later
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool same_end(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	return a->ss_family == AF_INET ? a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr :
	       a6->sin6_port == b6->sin6_port && !memcmp(&a6->sin6_addr, &b6->sin6_addr, 16);
}

/* An address as /proc/net/tcp and tcp6 have it: words in the host's order. */
static bool read_end(const char *text, int family, struct sockaddr_storage *end)
{
	uint32_t word[4];
	unsigned int port;
	int n;

	*end = (struct sockaddr_storage){ .ss_family = family };
	n = family == AF_INET ? sscanf(text, "%8x:%x", &word[0], &port) :
	    sscanf(text, "%8x%8x%8x%8x:%x", &word[0], &word[1], &word[2], &word[3], &port);
	if (n != (family == AF_INET ? 2 : 5))
		return false;
	/* The port is at the same place in both. */
	((struct sockaddr_in *)end)->sin_port = htons(port);
	if (family == AF_INET)
		((struct sockaddr_in *)end)->sin_addr.s_addr = word[0];
	else
		memcpy(&((struct sockaddr_in6 *)end)->sin6_addr, word, 16);
	return true;
}

bool peer_user(int client, uid_t *uid)
{
	struct sockaddr_storage us, them, a, b;
	socklen_t len = sizeof(us), len2 = sizeof(them);
	char line[512], local[64], remote[64];
	bool found = false;
	FILE *f;

	if (getsockname(client, (struct sockaddr *)&us, &len) || getpeername(client, (struct sockaddr *)&them, &len2))
		return false;
	f = fopen(us.ss_family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %63s %63s %*s %*s %*s %*s %u", local, remote, uid) == 3 &&
			read_end(local, us.ss_family, &a) && read_end(remote, us.ss_family, &b) &&
			same_end(&a, &them) && same_end(&b, &us);
	if (f)
		fclose(f);
	return found;
}
