// SPDX-License-Identifier: GPL-2.0-or-later
/* Networks of a lab, and the cards by which machines are on them, in the words of compose files. */
#include "labnets.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "netswitch_opts.h"

#define DEFAULT_NETWORK	"default"
/* 10.88.0.0/24 and so on: networks with an uplink, if nothing is said. A machine's own NAT has 10.0.2.0/24. */
#define UPLINK_SUBNET	0x0a580000u

/* ---- networks ---- */

static struct lab_network *this_network(struct labread *r)
{
	return &r->lab->network[r->network];
}

static int take_subnet(struct labread *r, struct ynode *v)
{
	struct lab_network *net = this_network(r);
	char address[INET_ADDRSTRLEN], *end = NULL;
	struct in_addr in;
	unsigned long prefix;
	const char *slash = v->kind == YAML_SCALAR ? strchr(v->text, '/') : NULL;

	/* A network of IPv6 has its machines' own addresses only. */
	if (v->kind == YAML_SCALAR && strchr(v->text, ':'))
		return 0;
	prefix = slash ? strtoul(slash + 1, &end, 10) : 0;
	if (slash)
		snprintf(address, sizeof(address), "%.*s", (int)(slash - v->text), v->text);
	if (!slash || !end || end == slash + 1 || *end || prefix < 8 || prefix > 30 || inet_pton(AF_INET, address, &in) != 1)
		return labread_error(r, v, "subnet: give a network like 10.1.0.0/24, its prefix from 8 to 30");
	net->with_subnet = true;
	net->prefix = prefix;
	net->subnet = ntohl(in.s_addr) & ~(0xffffffffu >> prefix);
	return 0;
}

static int take_gateway(struct labread *r, struct ynode *v)
{
	return labread_text(r, v, "gateway", &this_network(r)->gateway);
}

static const struct labkey ipam_config_keys[] = {
	{ "subnet", take_subnet },
	{ "gateway", take_gateway },
	{ "ip_range", NULL, "addresses are given out from the subnet; say ipv4_address where it matters" },
	{ NULL }
};

static int take_ipam_config(struct labread *r, struct ynode *v)
{
	unsigned int i;
	int ret = 0;

	if (v->kind != YAML_LIST)
		return labread_error(r, v, "ipam.config: a list is expected here");
	for (i = 0; !ret && i < v->nr; i++)
		ret = labread_map(r, v->child[i], ipam_config_keys);
	return ret;
}

static const struct labkey ipam_keys[] = {
	{ "config", take_ipam_config },
	{ "driver", NULL, NULL },
	{ NULL }
};

static int take_ipam(struct labread *r, struct ynode *v)
{
	return labread_map(r, v, ipam_keys);
}

static int take_internal(struct labread *r, struct ynode *v)
{
	bool internal;
	int ret = labread_bool(r, v, "internal", &internal);

	this_network(r)->uplink = !ret && !internal;
	return ret;
}

static int take_uplink(struct labread *r, struct ynode *v)
{
	if (v->kind != YAML_SCALAR || (strcmp(v->text, "nat") && strcmp(v->text, "none")))
		return labread_error(r, v, "uplink: say nat or none");
	this_network(r)->uplink = !strcmp(v->text, "nat");
	return 0;
}

static int take_mtu(struct labread *r, struct ynode *v)
{
	char *end;
	unsigned long mtu = v->kind == YAML_SCALAR ? strtoul(v->text, &end, 10) : 0;

	if (v->kind != YAML_SCALAR || *end || mtu < 68 || mtu > 65520)
		return labread_error(r, v, "mtu: give a number from 68 to 65520");
	this_network(r)->mtu = mtu;
	return 0;
}

static int take_driver(struct labread *r, struct ynode *v)
{
	if (v->kind != YAML_SCALAR || strcmp(v->text, "bridge"))
		return labread_error(r, v, "driver: every network is a software switch; leave it out, or say bridge");
	return 0;
}

static const struct labkey network_keys[] = {
	{ "subnet", take_subnet },
	{ "gateway", take_gateway },
	{ "ipam", take_ipam },
	{ "internal", take_internal },
	{ "uplink", take_uplink },
	{ "mtu", take_mtu },
	{ "driver", take_driver },
	{ "labels", NULL, NULL },
	{ "external", NULL, "a lab has its own networks only" },
	{ "name", NULL, "a lab's networks are called LAB.NETWORK" },
	{ NULL }
};

int labnets_read(struct labread *r, struct ynode *map)
{
	unsigned int i;
	int ret = 0;

	if (ynode_is_null(map))
		return 0;
	if (map->kind != YAML_MAP)
		return labread_error(r, map, "networks: names and what they have are expected here");
	for (i = 0; !ret && i < map->nr; i += 2) {
		snprintf(r->where, sizeof(r->where), "networks.%.60s", map->child[i]->text);
		r->network = lab_add_network(r->lab, map->child[i]->text, labread_at(map->child[i]), r->err);
		if (r->network < 0)
			return r->network;
		if (!strcmp(map->child[i]->text, DEFAULT_NETWORK))
			this_network(r)->uplink = true;
		ret = labread_map(r, map->child[i + 1], network_keys);
	}
	r->where[0] = 0;
	return ret;
}

/* ---- a machine's cards ---- */

static int add_address(struct labread *r, const struct ynode *v, const char *text)
{
	const struct lab_network *net = &r->lab->network[r->card->network];
	char *with;

	if (r->card->ip.nr == 4)
		return labread_error(r, v, "a card has at most four addresses");
	if (strchr(text, '/'))
		return lab_add(r->lab, &r->card->ip, text, r->err);
	if (strchr(text, ':'))
		with = lab_textf(r->lab, r->err, "%s/64", text);
	else if (net->with_subnet)
		with = lab_textf(r->lab, r->err, "%s/%u", text, net->prefix);
	else
		return labread_error(r, v, "%.60s: say how long the network's prefix is, as %.60s/24, or give the network %s a subnet",
				     text, text, net->name);
	return with ? lab_add(r->lab, &r->card->ip, with, r->err) : r->err->code;
}

static int take_ip(struct labread *r, struct ynode *v)
{
	unsigned int i;
	int ret = 0;

	if (v->kind == YAML_SCALAR)
		return add_address(r, v, v->text);
	for (i = 0; !ret && v->kind == YAML_LIST && i < v->nr; i++)
		ret = v->child[i]->kind == YAML_SCALAR ? add_address(r, v->child[i], v->child[i]->text) :
		      labread_error(r, v->child[i], "an address is expected here");
	return v->kind == YAML_LIST ? ret : labread_error(r, v, "an address, or a list of addresses, is expected here");
}

static int take_mac(struct labread *r, struct ynode *v)
{
	return labread_text(r, v, "mac_address", &r->card->mac);
}

static int take_card_gateway(struct labread *r, struct ynode *v)
{
	return labread_text(r, v, "gateway", &r->card->gateway);
}

static const struct labkey card_keys[];

/* What is said of the cable, or of VLANs, goes to the switch as it is. */
static int take_cable(struct labread *r, struct ynode *v, const char *key)
{
	struct switch_port_options parsed;
	struct r3_err why;
	char *one;

	if (v->kind != YAML_SCALAR || strpbrk(v->text, ", \n"))
		return labread_error(r, v, "%s: one value is expected here", key);
	one = lab_textf(r->lab, r->err, "%s=%s", key, v->text);
	if (!one)
		return r->err->code;
	switch_options_init(&parsed);
	if (switch_parse_options("cable", one, &parsed, &why))
		return labread_error(r, v, "%s", why.msg);
	r->card->options = lab_textf(r->lab, r->err, "%s%s%s=%s", r->card->options ? r->card->options : "",
				     r->card->options ? "," : "", key, v->text);
	return r->card->options ? 0 : r->err->code;
}

#define CABLE(name) static int take_##name(struct labread *r, struct ynode *v) { return take_cable(r, v, #name); }
CABLE(delay)
CABLE(jitter)
CABLE(loss)
CABLE(duplicate)
CABLE(reorder)
CABLE(rate)
CABLE(vlan)
CABLE(trunk)

static const struct labkey card_keys[] = {
	{ "ipv4_address", take_ip },
	{ "ipv6_address", take_ip },
	{ "ip", take_ip },
	{ "mac_address", take_mac },
	{ "gateway", take_card_gateway },
	{ "delay", take_delay }, { "jitter", take_jitter }, { "loss", take_loss }, { "duplicate", take_duplicate },
	{ "reorder", take_reorder }, { "rate", take_rate }, { "vlan", take_vlan }, { "trunk", take_trunk },
	{ "aliases", NULL, "machines know each other by their own names only" },
	{ "priority", NULL, "cards are in the order in which networks are written" },
	{ NULL }
};

static int add_card(struct labread *r, const struct ynode *name, struct ynode *options)
{
	char where[sizeof(r->where)];
	int n, ret;

	if (name->kind != YAML_SCALAR)
		return labread_error(r, name, "networks: a network's name is expected here");
	n = lab_find_network(r->lab, name->text);
	if (n < 0 && !strcmp(name->text, DEFAULT_NETWORK)) {
		n = lab_add_network(r->lab, DEFAULT_NETWORK, labread_at(name), r->err);
		if (n >= 0)
			r->lab->network[n].uplink = true;
	} else if (n < 0) {
		return labread_error(r, name, "there is no network \"%.60s\"; name it in networks: of the file", name->text);
	}
	r->card = n < 0 ? NULL : lab_add_card(r->lab, r->m, n, labread_at(name), r->err);
	if (!r->card)
		return r->err->code;
	if (!options)
		return 0;
	memcpy(where, r->where, sizeof(where));
	snprintf(r->where + strlen(r->where), sizeof(r->where) - strlen(r->where), ".networks.%.60s", name->text);
	ret = labread_map(r, options, card_keys);
	memcpy(r->where, where, sizeof(where));
	return ret;
}

int labnets_cards(struct labread *r, struct ynode *v)
{
	unsigned int i;
	int ret = 0;

	if (v->kind == YAML_SCALAR)
		return ynode_is_null(v) ? 0 : add_card(r, v, NULL);
	for (i = 0; !ret && i < v->nr; i += v->kind == YAML_MAP ? 2 : 1)
		ret = add_card(r, v->child[i], v->kind == YAML_MAP ? v->child[i + 1] : NULL);
	return ret;
}

int labnets_default(struct labread *r, const struct ynode *machine)
{
	return add_card(r, &(struct ynode){ .kind = YAML_SCALAR, .line = machine->line, .column = machine->column,
					    .text = (char *)DEFAULT_NETWORK }, NULL);
}

void labnets_finish(struct lab *lab)
{
	unsigned int i;

	for (i = 0; i < lab->nr_networks; i++) {
		struct lab_network *net = &lab->network[i];

		if (!net->uplink || net->with_subnet)
			continue;
		net->with_subnet = true;
		/* Each its own, so that a machine on two of them knows which is which. */
		net->subnet = UPLINK_SUBNET + (i << 8);
		net->prefix = 24;
	}
}
