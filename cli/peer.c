// SPDX-License-Identifier: GPL-2.0-or-later
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* IPv4 as IPv6 has it: one end may use the one and the other the other. */
struct end {
	struct in6_addr addr;
	in_port_t port;
};

static struct in6_addr mapped(uint32_t addr)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&a.s6_addr[12], &addr, 4);
	return a;
}

static struct end end_of(const struct sockaddr_storage *s)
{
	const struct sockaddr_in *s4 = (const void *)s;
	const struct sockaddr_in6 *s6 = (const void *)s;

	return s->ss_family == AF_INET ? (struct end){ mapped(s4->sin_addr.s_addr), s4->sin_port } :
	       (struct end){ s6->sin6_addr, s6->sin6_port };
}

static bool same(const struct end *a, const struct end *b)
{
	return a->port == b->port && !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

/* As /proc/net/tcp and tcp6 have it: words in the host's order. */
static bool read_end(const char *text, bool v6, struct end *end)
{
	uint32_t word[4];
	unsigned int port;

	if (v6 ? sscanf(text, "%8x%8x%8x%8x:%x", &word[0], &word[1], &word[2], &word[3], &port) != 5 :
	    sscanf(text, "%8x:%x", &word[0], &port) != 2)
		return false;
	if (v6)
		memcpy(&end->addr, word, sizeof(end->addr));
	else
		end->addr = mapped(word[0]);
	end->port = htons(port);
	return true;
}

/* A socket that its process has closed has no inode, and on older hosts (as Debian 12's) user 0. */
static bool find(const char *file, bool v6, const struct end *us, const struct end *them, uid_t *uid)
{
	char line[512], local[64], remote[64];
	struct end a, b;
	unsigned long inode;
	bool found = false;
	FILE *f = fopen(file, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %63s %63s %*s %*s %*s %*s %u %*s %lu", local, remote, uid, &inode) == 4 && inode &&
			read_end(local, v6, &a) && read_end(remote, v6, &b) && same(&a, them) && same(&b, us);
	if (f)
		fclose(f);
	return found;
}

static bool is_ours(const struct end *end)
{
	struct sockaddr_in s4 = { .sin_family = AF_INET };
	struct sockaddr_in6 s6 = { .sin6_family = AF_INET6, .sin6_addr = end->addr };
	bool v4 = IN6_IS_ADDR_V4MAPPED(&end->addr), ours;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(&s4.sin_addr, &end->addr.s6_addr[12], 4);
	/* What is not told must not be welcome: a link-local address, say, needs an interface. */
	ours = fd < 0 || !bind(fd, v4 ? (void *)&s4 : (void *)&s6, v4 ? sizeof(s4) : sizeof(s6)) || errno != EADDRNOTAVAIL;
	if (fd >= 0)
		close(fd);
	return ours;
}

enum peer peer_of(int socket, uid_t *uid)
{
	struct sockaddr_storage us_at, them_at;
	socklen_t len = sizeof(us_at), len2 = sizeof(them_at);
	struct end us, them;

	if (getsockname(socket, (struct sockaddr *)&us_at, &len) || getpeername(socket, (struct sockaddr *)&them_at, &len2))
		return PEER_UNKNOWN;
	us = end_of(&us_at);
	them = end_of(&them_at);
	if (find("/proc/net/tcp", false, &us, &them, uid) || find("/proc/net/tcp6", true, &us, &them, uid))
		return PEER_USER;
	return is_ours(&them) ? PEER_UNKNOWN : PEER_ELSEWHERE;
}
