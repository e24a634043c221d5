// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

#define TEXT_MAX	512

static bool parse_number(const char *text, unsigned long max, unsigned long *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*n = strtoul(text, &end, 10);
	return !*end && *n <= max;
}

static bool parse_mac(uint8_t *mac, const char *text)
{
	char more;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5], &more) == 6;
}

/* Changes text. */
static bool parse_address(struct net_address *a, char *text, bool with_prefix)
{
	char *slash = strchr(text, '/');
	unsigned long prefix = 0;

	if (!slash != !with_prefix)
		return false;
	if (slash)
		*slash++ = 0;
	a->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a->family, text, a->byte) != 1)
		return false;
	if (slash && !parse_number(slash, a->family == AF_INET ? 32 : 128, &prefix))
		return false;
	a->prefix = prefix;
	return true;
}

static bool parse_word(struct net_card *card, char *word)
{
	unsigned long n;

	if (!strncmp(word, "mtu=", 4)) {
		if (!parse_number(word + 4, 65535, &n))
			return false;
		card->mtu = n;
		return true;
	}
	if (!strncmp(word, "gw=", 3))
		return card->nr_routers < NET_MAX_ROUTERS && parse_address(&card->router[card->nr_routers++], word + 3, false);
	return card->nr_addresses < NET_MAX_ADDRESSES && parse_address(&card->address[card->nr_addresses++], word, true);
}

bool net_parse_card(struct net *net, const char *text)
{
	char words[TEXT_MAX], *rest = words, *word;
	struct net_card card = { 0 };

	if (net->nr_cards == NET_MAX_CARDS || strlen(text) >= sizeof(words))
		return false;
	strcpy(words, text);
	if (!parse_mac(card.mac, strsep(&rest, ",")))
		return false;
	while ((word = strsep(&rest, ",")))
		if (!parse_word(&card, word))
			return false;
	net->card[net->nr_cards++] = card;
	return true;
}

bool net_parse_servers(struct net *net, const char *text)
{
	struct net_address server[NET_MAX_SERVERS];
	char words[TEXT_MAX], *rest = words, *word;
	int n = 0;

	if (strlen(text) >= sizeof(words))
		return false;
	strcpy(words, text);
	while ((word = strsep(&rest, ",")))
		if (n == NET_MAX_SERVERS || !parse_address(&server[n++], word, false))
			return false;
	memcpy(net->server, server, sizeof(server));
	net->nr_servers = n;
	return true;
}

void net_text(const struct net_address *a, bool prefix, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(a->family, a->byte, address, sizeof(address));
	if (prefix)
		snprintf(text, size, "%s/%u", address, a->prefix);
	else
		snprintf(text, size, "%s", address);
}

/* The card of this address as the kernel names it, by what names and numbers it. */
static int find(const uint8_t *mac, char *name)
{
	struct if_nameindex *list = if_nameindex(), *i;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), index = -ENODEV;
	struct ifreq ifr = { 0 };

	for (i = list; fd >= 0 && i && i->if_index && index < 0; i++) {
		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", i->if_name);
		if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0 || memcmp(ifr.ifr_hwaddr.sa_data, mac, 6))
			continue;
		snprintf(name, NET_NAME_SIZE, "%s", i->if_name);
		index = i->if_index;
	}
	if (list)
		if_freenameindex(list);
	if (fd >= 0)
		close(fd);
	return index;
}

/*
 * The kernel tells of a carrier within a second, and until then commands see a card
 * that is up and down at once. To be asked for it makes it do that at once.
 */
static void settle(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq ifr = { .ifr_data = (char *)&value };

	if (fd < 0)
		return;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
}

static void set(const char *card, const char *what, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", card, what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	/* A kernel that does not have it has nothing to be told either. */
	if (write(fd, value, strlen(value)) < 0)
		errno = 0;
	close(fd);
}

/*
 * Tells the link whose the address is, as the kernel does for addresses that it
 * tries first: not every router asks.
 */
static void advertise(int index, const struct net_address *a)
{
	struct {
		struct nd_neighbor_advert na;
		struct nd_opt_hdr option;
		uint8_t mac[6];
	} m = {
		.na.nd_na_type = ND_NEIGHBOR_ADVERT,
		.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
		.option = { .nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 },
	};
	struct sockaddr_in6 from = { .sin6_family = AF_INET6 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = index };
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6), hops = 255;
	struct ifreq ifr = { 0 };

	if (fd < 0)
		return;
	memcpy(&from.sin6_addr, a->byte, 16);
	memcpy(&m.na.nd_na_target, a->byte, 16);
	inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
	if (if_indextoname(index, ifr.ifr_name) && !ioctl(fd, SIOCGIFHWADDR, &ifr) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) &&
	    !bind(fd, (struct sockaddr *)&from, sizeof(from))) {
		memcpy(m.mac, ifr.ifr_hwaddr.sa_data, sizeof(m.mac));
		sendto(fd, &m, sizeof(m), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	}
	close(fd);
}

static bool has_ipv6(const struct net_card *card)
{
	int i;

	for (i = 0; i < card->nr_addresses; i++)
		if (card->address[i].family == AF_INET6)
			return true;
	return false;
}

static int card_up(int fd, struct net_card *card, int nr, char *why, size_t size)
{
	char address[64], name[NET_NAME_SIZE];
	int index = find(card->mac, name), ret, i;

	if (index < 0) {
		snprintf(why, size, "the guest's kernel has no network card %d", nr);
		return index;
	}
	/* What was said is all: no second address by a router's word, and no wait for the first. */
	if (has_ipv6(card)) {
		set(name, "accept_ra", "0");
		set(name, "accept_dad", "0");
	}
	ret = netlink_link_up(fd, index, card->mtu);
	if (ret) {
		snprintf(why, size, "network card %s cannot be switched on", name);
		return ret;
	}
	settle(name);
	snprintf(card->name, sizeof(card->name), "%s", name);
	for (i = 0; i < card->nr_addresses; i++) {
		ret = netlink_add_address(fd, index, &card->address[i]);
		/* A kernel without IPv6. */
		if (ret == -EAFNOSUPPORT || ret == -EOPNOTSUPP)
			continue;
		if (ret) {
			net_text(&card->address[i], true, address, sizeof(address));
			snprintf(why, size, "network card %s cannot have the address %s", name, address);
			return ret;
		}
		if (card->address[i].family == AF_INET6)
			advertise(index, &card->address[i]);
	}
	for (i = 0; i < card->nr_routers; i++) {
		/* Of several cards the first one leads to the rest of the world. */
		ret = netlink_add_default(fd, index, &card->router[i], nr ? 1024 + nr : 0);
		if (ret == -EAFNOSUPPORT || ret == -EOPNOTSUPP)
			continue;
		if (ret) {
			net_text(&card->router[i], false, address, sizeof(address));
			snprintf(why, size, "network card %s cannot have the router %s", name, address);
			return ret;
		}
	}
	return 0;
}

int net_up(struct net *net, char *why, size_t size)
{
	int fd, i, ret, first = 0;
	char text[128];

	fd = netlink_open();
	if (fd < 0) {
		snprintf(why, size, "the guest's kernel has no rtnetlink");
		return fd;
	}
	for (i = 0; i < net->nr_cards; i++) {
		ret = card_up(fd, &net->card[i], i, text, sizeof(text));
		if (ret && !first) {
			snprintf(why, size, "%s", text);
			first = ret;
		}
	}
	close(fd);
	return first;
}
