/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of both families, as text, as bytes and as the socket calls have them. */
#ifndef R3_NAT_ADDR_H
#define R3_NAT_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_ADDR_TEXT	48		/* longest text, with its end */

struct net_addr {
	uint8_t family;			/* AF_INET, AF_INET6; AF_UNSPEC: none */
	uint8_t b[16];			/* network order; 4 of them for AF_INET, the rest 0 */
};

/* Addresses of the guest's network, all of one prefix for each family. */
struct virt_net {
	bool v4, v6;			/* whether there is one */
	uint8_t prefix4, prefix6;
	struct net_addr net4, guest4, gateway4, dns4, broadcast4;
	struct net_addr net6, guest6, gateway6, dns6;
};

static inline unsigned int net_addr_len(const struct net_addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

struct net_addr net_addr4(const void *bytes);
struct net_addr net_addr6(const void *bytes);
bool net_addr_same(const struct net_addr *a, const struct net_addr *b);
/* Whether the first @prefix bits are those of @net. */
bool net_addr_in(const struct net_addr *a, const struct net_addr *net, unsigned int prefix);
/* Whether all bits from @prefix on are 0. */
bool net_addr_is_net(const struct net_addr *net, unsigned int prefix);

/* Return: 0, or -EINVAL if the text is no address, strictly. */
int net_addr_parse(const char *text, struct net_addr *a);
/* ADDRESS/PREFIX; a lone address is one of all bits. */
int net_addr_parse_net(const char *text, struct net_addr *a, unsigned int *prefix);
/* Return: @text. */
const char *net_addr_text(const struct net_addr *a, char text[NET_ADDR_TEXT]);

/* Return: length, 0 if there is none. */
socklen_t net_addr_to_sock(const struct net_addr *a, uint16_t port, struct sockaddr_storage *ss);
/* Return: 0, or -EAFNOSUPPORT. */
int net_addr_from_sock(const void *sa, socklen_t len, struct net_addr *a, uint16_t *port);

/* Return: 0, or -EINVAL. @v4, @v6: ADDRESS/PREFIX or "none". */
int virt_net_set(struct virt_net *net, const char *v4, const char *v6);

#endif
