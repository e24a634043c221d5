// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "netopt.h"
#include "values.h"

#define MTU_MIN		68
#define MTU_MAX		65520
/* IPv6 does not work with less. */
#define MTU_IPV6	1280

#define KINDS	"nat, none, tap:NAME, passt, socket:PATH, switch:NAME or fd:N"

static const struct kind {
	const char *name;
	enum netopt_kind kind;
	bool may, must;			/* have a target after a colon */
	const char *what;		/* the target is */
} kinds[] = {
	{ "nat", NETOPT_NAT, false, false, NULL },
	{ "tap", NETOPT_TAP, true, true, "the name of a tap device, as tap:tap0" },
	{ "passt", NETOPT_PASST, true, false, "the path of passt's socket, as passt:/tmp/passt_1.socket" },
	{ "socket", NETOPT_SOCKET, true, true, "the path of a UNIX socket, as socket:/tmp/net.sock" },
	{ "switch", NETOPT_SWITCH, true, true, "the name of a switch, as switch:lan" },
	{ "fd", NETOPT_FD, true, true, "a descriptor's number, as fd:5" },
};

/* ---- words of a card ---- */

static int parse_mac(struct netopt_card *card, const char *value, struct r3_err *err)
{
	static const uint8_t none[6];
	const char *p = value;
	unsigned int i, byte;

	for (i = 0; i < 6; i++, p += 3) {
		if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]) || p[2] != (i < 5 ? ':' : 0))
			return err_set(err, EINVAL, "--net %s: mac=%s is no MAC address; give one like mac=52:54:00:12:34:56",
				       card->text, value);
		sscanf(p, "%2x", &byte);
		card->mac[i] = byte;
	}
	if (card->mac[0] & 1 || !memcmp(card->mac, none, sizeof(none)))
		return err_set(err, EINVAL, "--net %s: mac=%s is no address of one card; the first byte must be even, and not all may be 0",
			       card->text, value);
	card->with_mac = true;
	return 0;
}

static int parse_address(struct netopt_card *card, const char *key, const char *value, bool prefix, char *out, size_t size,
			 struct r3_err *err)
{
	const char *slash = strchr(value, '/'), *example = prefix ? "192.168.7.2/24" : "192.168.7.1";
	char text[46];
	uint8_t byte[16];
	int family = strchr(value, ':') ? AF_INET6 : AF_INET;
	unsigned long bits = 0;
	char *end = NULL;

	snprintf(text, sizeof(text), "%.*s", (int)(slash ? min_t(long, slash - value, 45) : 45), value);
	if (slash && isdigit((unsigned char)slash[1]))
		bits = strtoul(slash + 1, &end, 10);
	if (!slash != !prefix || inet_pton(family, text, byte) != 1 ||
	    (slash && (!end || *end || bits > (family == AF_INET ? 32 : 128))))
		return err_set(err, EINVAL, "--net %s: %s=%s is no address%s; give one like %s=%s", card->text, key, value,
			       prefix ? " with a prefix" : "", key, example);
	if (prefix)
		snprintf(out, size, "%s/%lu", text, bits);
	else
		snprintf(out, size, "%s", text);
	return 0;
}

static int parse_list(struct netopt_card *card, const char *key, const char *value, struct r3_err *err)
{
	int max, *nr, ret;

	if (!strcmp(key, "ip")) {
		max = NETOPT_MAX_ADDRESSES;
		nr = &card->nr_ip;
	} else if (!strcmp(key, "gw")) {
		max = NETOPT_MAX_ROUTERS;
		nr = &card->nr_gw;
	} else {
		max = NETOPT_MAX_SERVERS;
		nr = &card->nr_dns;
	}
	if (*nr == max)
		return err_set(err, E2BIG, "--net %s: %s= can be given at most %d times", card->text, key, max);
	if (!strcmp(key, "ip"))
		ret = parse_address(card, key, value, true, card->ip[*nr], sizeof(card->ip[0]), err);
	else if (!strcmp(key, "gw"))
		ret = parse_address(card, key, value, false, card->gw[*nr], sizeof(card->gw[0]), err);
	else
		ret = parse_address(card, key, value, false, card->dns[*nr], sizeof(card->dns[0]), err);
	if (!ret)
		++*nr;
	return ret;
}

static int parse_fd_word(struct netopt_card *card, const char *key, const char *value, struct r3_err *err)
{
	if (!strcmp(key, "format")) {
		card->with_format = true;
		card->format = !strcmp(value, "stream") ? VM_NET_STREAM : VM_NET_PACKETS;
		if (card->format == VM_NET_PACKETS && strcmp(value, "packets"))
			return err_set(err, EINVAL, "--net %s: format= is packets or stream", card->text);
		return 0;
	}
	card->offload = !strcmp(value, "on");
	if (!card->offload && strcmp(value, "off"))
		return err_set(err, EINVAL, "--net %s: offload= is on or off", card->text);
	return 0;
}

static int parse_mtu(struct netopt_card *card, const char *value, struct r3_err *err)
{
	char *end;
	unsigned long mtu = isdigit((unsigned char)*value) ? strtoul(value, &end, 10) : 0;

	if (!mtu || *end || mtu < MTU_MIN || mtu > MTU_MAX)
		return err_set(err, EINVAL, "--net %s: mtu=%s is not possible; give a number from %d to %d", card->text, value,
			       MTU_MIN, MTU_MAX);
	card->mtu = mtu;
	return 0;
}

static int unknown_word(const struct netopt_card *card, const char *word, struct r3_err *err)
{
	const char *more = card->kind == NETOPT_NAT ? "host, " : card->kind == NETOPT_FD ? "format=, offload=, " : "";

	return err_set(err, EINVAL, "--net %s: \"%s\" is none of %smac=, mtu=, ip=, gw= and dns=", card->text, word, more);
}

static int parse_word(struct netopt_card *card, char *word, struct r3_err *err)
{
	char whole[NETOPT_TEXT], *value;

	snprintf(whole, sizeof(whole), "%s", word);
	value = strchr(word, '=');
	if (value)
		*value++ = 0;
	if (value && !strcmp(word, "mac"))
		return parse_mac(card, value, err);
	if (value && !strcmp(word, "mtu"))
		return parse_mtu(card, value, err);
	if (value && (!strcmp(word, "ip") || !strcmp(word, "gw") || !strcmp(word, "dns")))
		return parse_list(card, word, value, err);
	if (value && card->kind == NETOPT_FD && (!strcmp(word, "format") || !strcmp(word, "offload")))
		return parse_fd_word(card, word, value, err);
	if (!value && card->kind == NETOPT_NAT && !strcmp(word, "host")) {
		card->host = true;
		return 0;
	}
	if (card->kind == NETOPT_SWITCH) {
		size_t len = strlen(card->port);

		snprintf(card->port + len, sizeof(card->port) - len, "%s%s", len ? "," : "", whole);
		return 0;
	}
	return unknown_word(card, whole, err);
}

/* ---- a card ---- */

static int parse_kind(struct netopt_card *card, char *word, struct r3_err *err)
{
	const struct kind *k = NULL;
	char *target = strchr(word, ':');
	size_t i;

	if (target)
		*target++ = 0;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, word))
			k = &kinds[i];
	if (!k)
		return err_set(err, EINVAL, "--net %s: there is no such back end; it is " KINDS, card->text);
	card->kind = k->kind;
	if (target && !k->may)
		return err_set(err, EINVAL, "--net %s: nothing may follow %s: but options after a comma, as nat,host", card->text, k->name);
	if ((k->must && !target) || (target && !*target))
		return err_set(err, EINVAL, "--net %s needs %s", card->text, k->what);
	if (target)
		snprintf(card->target, sizeof(card->target), "%s", target);
	return 0;
}

static int check_target(struct netopt_card *card, struct r3_err *err)
{
	const char *t = card->target;
	char *end;

	if (card->kind == NETOPT_TAP) {
		if (strlen(t) >= IFNAMSIZ || strpbrk(t, "/% \t\n") || !strcmp(t, ".") || !strcmp(t, ".."))
			return err_set(err, EINVAL, "--net %s: %s cannot be the name of a network device; it is up to %d characters without / and spaces",
				       card->text, t, IFNAMSIZ - 1);
	} else if (card->kind == NETOPT_FD) {
		unsigned long fd = isdigit((unsigned char)*t) ? strtoul(t, &end, 10) : 0;

		if (!fd || *end || fd < 3 || fd > 65535)
			return err_set(err, EINVAL, "--net %s: give a descriptor's number from 3 to 65535, as fd:5", card->text);
		card->fd = fd;
	}
	return 0;
}

int netopt_card(struct netopt *opt, const char *text, struct r3_err *err)
{
	struct netopt_card *card = &opt->card[opt->nr_cards];
	char words[NETOPT_TEXT], *rest = words, *word;
	int ret;

	opt->given = true;
	if (!strcmp(text, "none")) {
		opt->none = true;
		return 0;
	}
	if (opt->nr_cards == VM_MAX_NETS)
		return err_set(err, E2BIG, "--net can be given at most %d times", VM_MAX_NETS);
	if (strlen(text) >= sizeof(words))
		return err_set(err, EINVAL, "--net: the value is longer than %d characters", NETOPT_TEXT - 1);
	*card = (struct netopt_card){ .text = text, .fd = -1 };
	strcpy(words, text);
	ret = parse_kind(card, strsep(&rest, ","), err);
	if (!ret)
		ret = check_target(card, err);
	while (!ret && (word = strsep(&rest, ",")))
		ret = parse_word(card, word, err);
	if (!ret)
		opt->nr_cards++;
	return ret;
}

/* ---- ports ---- */

/* "80" or "8000-8010". */
static bool parse_range(const char *text, size_t len, unsigned int *first, unsigned int *nr)
{
	unsigned long a, b;
	char copy[16], *end;

	if (len >= sizeof(copy) || !isdigit((unsigned char)*text))
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	a = b = strtoul(copy, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		b = strtoul(end + 1, &end, 10);
	if (*end || a > 65535 || b > 65535 || b < a)
		return false;
	*first = a;
	*nr = b - a + 1;
	return true;
}

static int bad_ports(const char *text, const char *why, struct r3_err *err)
{
	return err_set(err, EINVAL, "--publish %s: %s; give [ADDR:]HOST:GUEST, as 8080:80, 127.0.0.1:8080:80 or 5353:53/udp", text, why);
}

static bool parse_publish_address(struct netopt_ports *ports, const char *text, size_t len)
{
	uint8_t byte[16];
	bool six = len > 2 && text[0] == '[' && text[len - 1] == ']';

	if (six) {
		text++;
		len -= 2;
	}
	if (len >= sizeof(ports->address))
		return false;
	memcpy(ports->address, text, len);
	ports->address[len] = 0;
	return inet_pton(six ? AF_INET6 : AF_INET, ports->address, byte) == 1;
}

int netopt_parse_ports(struct netopt_ports *ports, const char *text, struct r3_err *err)
{
	const char *end = text + strcspn(text, "/"), *colon, *host;
	unsigned int nr;

	*ports = (struct netopt_ports){ 0 };
	if (*end && strcmp(end, "/tcp") && strcmp(end, "/udp"))
		return bad_ports(text, "only /tcp or /udp may follow the ports", err);
	ports->udp = !strcmp(end, "/udp");
	colon = memrchr(text, ':', end - text);
	if (!colon)
		return bad_ports(text, "the guest's port is missing", err);
	if (!parse_range(colon + 1, end - colon - 1, &ports->guest, &ports->nr) || !ports->guest)
		return bad_ports(text, "the guest's port is no number from 1 to 65535, nor a range of such", err);
	host = memrchr(text, ':', colon - text);
	if (host && !parse_publish_address(ports, text, host - text))
		return bad_ports(text, "what is before the ports is no address (one of IPv6 is in brackets)", err);
	host = host ? host + 1 : text;
	if (!parse_range(host, colon - host, &ports->host, &nr))
		return bad_ports(text, "this host's port is no number from 0 to 65535, nor a range of such", err);
	if (nr != ports->nr || (nr > 1 && !ports->host))
		return bad_ports(text, "the ranges of ports differ in length", err);
	return 0;
}

static bool clash(const struct netopt_ports *a, const struct netopt_ports *b)
{
	return a->udp == b->udp && a->host && b->host && !strcmp(a->address, b->address) &&
	       a->host < b->host + b->nr && b->host < a->host + a->nr;
}

int netopt_publish(struct netopt *opt, const char *text, struct r3_err *err)
{
	struct netopt_ports ports, other;
	int ret = netopt_parse_ports(&ports, text, err), i;

	if (ret)
		return ret;
	if (opt->nr_publish == NETOPT_MAX_PUBLISH)
		return err_set(err, E2BIG, "--publish can be given at most %d times; a range is one", NETOPT_MAX_PUBLISH);
	for (i = 0; i < opt->nr_publish; i++)
		if (!netopt_parse_ports(&other, opt->publish[i], err) && clash(&ports, &other))
			return err_set(err, EINVAL, "--publish %s and --publish %s are for the same port of this host", opt->publish[i], text);
	opt->publish[opt->nr_publish++] = text;
	return 0;
}

int netopt_rate(struct netopt *opt, const char *text, struct r3_err *err)
{
	const char *comma = strchr(text, ',');
	char size[32];
	int ret = 0;

	if (!*text || (comma && (size_t)(comma - text) >= sizeof(size)) || (!comma && strlen(text) >= sizeof(size)))
		return err_set(err, EINVAL, "--net-rate %s: give bytes a second, as 10M, and connections a second after a comma, as 10M,100", text);
	snprintf(size, sizeof(size), "%.*s", (int)(comma ? comma - text : (long)strlen(text)), text);
	opt->rate = 0;
	opt->connections = 0;
	if (size[0])
		ret = parse_size(size, &opt->rate);
	if (ret || (size[0] && opt->rate < 1024))
		return err_set(err, EINVAL, "--net-rate %s: give bytes a second, as 10M, at least 1K", text);
	if (comma)
		return value_number("net-rate", comma + 1, 1, 1000000, &opt->connections, err);
	return 0;
}

/* ---- all together ---- */

struct netopt_card *netopt_find(struct netopt *opt, enum netopt_kind kind)
{
	int i;

	for (i = 0; i < opt->nr_cards; i++)
		if (opt->card[i].kind == kind)
			return &opt->card[i];
	return NULL;
}

static int check_cards(const struct netopt *opt, struct r3_err *err)
{
	const struct netopt_card *a, *b;
	int i, j, k;

	for (i = 0; i < opt->nr_cards; i++) {
		a = &opt->card[i];
		if (a->kind == NETOPT_NAT && a->mtu && a->mtu < MTU_IPV6)
			return err_set(err, EINVAL, "--net %s: mtu=%u is not possible behind the NAT, where there is IPv6; give at least %d",
				       a->text, a->mtu, MTU_IPV6);
		for (k = 0; k < a->nr_ip; k++)
			if (strchr(a->ip[k], ':') && a->mtu && a->mtu < MTU_IPV6)
				return err_set(err, EINVAL, "--net %s: IPv6 needs an MTU of at least %d", a->text, MTU_IPV6);
		for (j = 0; j < i; j++) {
			b = &opt->card[j];
			if (a->with_mac && b->with_mac && !memcmp(a->mac, b->mac, sizeof(a->mac)))
				return err_set(err, EINVAL, "--net %s and --net %s have the same MAC address; give each card its own", b->text, a->text);
			if (a->kind == NETOPT_FD && b->kind == NETOPT_FD && a->fd == b->fd)
				return err_set(err, EINVAL, "--net %s and --net %s are the same descriptor", b->text, a->text);
			if (a->kind == NETOPT_TAP && b->kind == NETOPT_TAP && !strcmp(a->target, b->target))
				return err_set(err, EINVAL, "--net %s and --net %s are the same device", b->text, a->text);
		}
	}
	return 0;
}

int netopt_finish(struct netopt *opt, struct r3_err *err)
{
	const char *what = opt->nr_publish ? "--publish" : opt->egress ? "--egress" : opt->log ? "--net-log" :
			   opt->rate || opt->connections ? "--net-rate" : NULL;
	bool nat;

	if (opt->none && opt->nr_cards)
		return err_set(err, EINVAL, "--net none and --net %s exclude each other", opt->card[0].text);
	if (!opt->given)
		opt->card[opt->nr_cards++] = (struct netopt_card){ .text = "nat", .fd = -1 };
	nat = netopt_find(opt, NETOPT_NAT);
	if (what && !nat && (strcmp(what, "--publish") || !netopt_find(opt, NETOPT_PASST) || netopt_find(opt, NETOPT_PASST)->target[0]))
		return err_set(err, EINVAL, "%s needs a card that goes through ring3's own NAT: add --net nat", what);
	if (!nat && (opt->egress || opt->log || opt->rate || opt->connections))
		return err_set(err, EINVAL, "%s needs a card that goes through ring3's own NAT: add --net nat",
			       opt->egress ? "--egress" : opt->log ? "--net-log" : "--net-rate");
	/* A rule for one way out is none if there is another. */
	if (opt->egress && strcmp(opt->egress, "all")) {
		int i;

		for (i = 0; i < opt->nr_cards; i++)
			if (opt->card[i].kind != NETOPT_NAT && opt->card[i].kind != NETOPT_SWITCH)
				return err_set(err, EINVAL, "--egress binds cards of --net nat only, and --net %s would be a way around it; leave one of them out",
					       opt->card[i].text);
	}
	/* Who wants something of the network does not want to go on without it. */
	opt->given |= what != NULL;
	return check_cards(opt, err);
}
