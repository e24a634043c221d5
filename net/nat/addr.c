// SPDX-License-Identifier: GPL-2.0-or-later
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct net_addr net_addr4(const void *bytes)
{
	struct net_addr a = { .family = AF_INET };

	memcpy(a.b, bytes, 4);
	return a;
}

struct net_addr net_addr6(const void *bytes)
{
	struct net_addr a = { .family = AF_INET6 };

	memcpy(a.b, bytes, 16);
	return a;
}

bool net_addr_same(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family && !memcmp(a->b, b->b, net_addr_len(a));
}

bool net_addr_in(const struct net_addr *a, const struct net_addr *net, unsigned int prefix)
{
	unsigned int bytes = prefix / 8, bits = prefix % 8;

	if (a->family != net->family || memcmp(a->b, net->b, bytes))
		return false;
	return !bits || !((a->b[bytes] ^ net->b[bytes]) >> (8 - bits));
}

bool net_addr_is_net(const struct net_addr *net, unsigned int prefix)
{
	unsigned int i;

	for (i = prefix; i < net_addr_len(net) * 8; i++)
		if (net->b[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

int net_addr_parse(const char *text, struct net_addr *a)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, text, b) == 1)
		*a = net_addr4(b);
	else if (inet_pton(AF_INET6, text, b) == 1)
		*a = net_addr6(b);
	else
		return -EINVAL;
	return 0;
}

int net_addr_parse_net(const char *text, struct net_addr *a, unsigned int *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[NET_ADDR_TEXT], *end;
	unsigned long n;

	if (!slash) {
		if (net_addr_parse(text, a))
			return -EINVAL;
		*prefix = net_addr_len(a) * 8;
		return 0;
	}
	if ((size_t)(slash - text) >= sizeof(addr) || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	n = strtoul(slash + 1, &end, 10);
	if (*end || end - slash > 4 || net_addr_parse(addr, a) || n > net_addr_len(a) * 8)
		return -EINVAL;
	*prefix = n;
	return 0;
}

const char *net_addr_text(const struct net_addr *a, char text[NET_ADDR_TEXT])
{
	if (!inet_ntop(a->family, a->b, text, NET_ADDR_TEXT))
		snprintf(text, NET_ADDR_TEXT, "?");
	return text;
}

socklen_t net_addr_to_sock(const struct net_addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *sin6 = (void *)ss;
	struct sockaddr_in *sin = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = a->family;
	if (a->family == AF_INET) {
		memcpy(&sin->sin_addr, a->b, 4);
		sin->sin_port = htons(port);
		return sizeof(*sin);
	}
	if (a->family == AF_INET6) {
		memcpy(&sin6->sin6_addr, a->b, 16);
		sin6->sin6_port = htons(port);
		return sizeof(*sin6);
	}
	return 0;
}

int net_addr_from_sock(const void *sa, socklen_t len, struct net_addr *a, uint16_t *port)
{
	struct sockaddr_storage ss = { 0 };

	memcpy(&ss, sa, len < sizeof(ss) ? len : sizeof(ss));
	if (ss.ss_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in *sin = (void *)&ss;

		*a = net_addr4(&sin->sin_addr);
		*port = ntohs(sin->sin_port);
		return 0;
	}
	if (ss.ss_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 *sin6 = (void *)&ss;

		*a = net_addr6(&sin6->sin6_addr);
		*port = ntohs(sin6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

static struct net_addr with_host(const struct net_addr *net, unsigned int host)
{
	struct net_addr a = *net;

	a.b[net_addr_len(net) - 1] |= host;
	return a;
}

static int set4(struct virt_net *net, const char *text)
{
	unsigned int prefix, i;

	/* /28 has room for the highest host number that we give. */
	if (net_addr_parse_net(text, &net->net4, &prefix) || net->net4.family != AF_INET ||
	    prefix < 8 || prefix > 27 || !net_addr_is_net(&net->net4, prefix) || !net->net4.b[0] ||
	    net->net4.b[0] == 127 || net->net4.b[0] >= 224)
		return -EINVAL;
	net->v4 = true;
	net->prefix4 = prefix;
	net->gateway4 = with_host(&net->net4, 2);
	net->dns4 = with_host(&net->net4, 3);
	net->guest4 = with_host(&net->net4, 15);
	net->broadcast4 = net->net4;
	for (i = prefix; i < 32; i++)
		net->broadcast4.b[i / 8] |= 0x80 >> i % 8;
	return 0;
}

static int set6(struct virt_net *net, const char *text)
{
	unsigned int prefix;

	/* Guests make addresses of their own in a /64 only. */
	if (net_addr_parse_net(text, &net->net6, &prefix) || net->net6.family != AF_INET6 ||
	    prefix != 64 || !net_addr_is_net(&net->net6, prefix) ||
	    !(net->net6.b[0] >> 5 == 1 || (net->net6.b[0] & 0xfe) == 0xfc))
		return -EINVAL;
	net->v6 = true;
	net->prefix6 = prefix;
	net->gateway6 = with_host(&net->net6, 2);
	net->dns6 = with_host(&net->net6, 3);
	net->guest6 = with_host(&net->net6, 0x15);
	return 0;
}

int virt_net_set(struct virt_net *net, const char *v4, const char *v6)
{
	memset(net, 0, sizeof(*net));
	if (strcmp(v4, "none") && set4(net, v4))
		return -EINVAL;
	if (strcmp(v6, "none") && set6(net, v6))
		return -EINVAL;
	return net->v4 || net->v6 ? 0 : -EINVAL;
}
