// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * containerlab's topologies in their basic form: nodes of the kinds linux and bridge, and
 * links of two ends. A node's eth0 is its management network, here a NAT of its own,
 * unless network-mode is none; links begin with eth1.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "labclab.h"
#include "labread.h"

#define TEXT_KEY(fn, name, field) \
	static int fn(struct labread *r, struct ynode *v) { return labread_text(r, v, name, &r->m->field); }
TEXT_KEY(take_user, "user", user)
TEXT_KEY(take_entrypoint, "entrypoint", entrypoint)

static int take_image(struct labread *r, struct ynode *v)
{
	return labread_image(r, v, "image");
}

static int take_env(struct labread *r, struct ynode *v)
{
	return labread_pairs(r, v, "env", &r->m->env);
}

static int take_sysctls(struct labread *r, struct ynode *v)
{
	return labread_pairs(r, v, "sysctls", &r->m->sysctl);
}

static int take_exec(struct labread *r, struct ynode *v)
{
	return labread_scripts(r, v, "exec", &r->m->startup);
}

static int take_cmd(struct labread *r, struct ynode *v)
{
	r->m->command.nr = 0;
	return labread_command(r, v, "cmd", &r->m->command);
}

static int take_memory(struct labread *r, struct ynode *v)
{
	return labread_mem(r, v, "memory", &r->m->mem);
}

static int take_cpu(struct labread *r, struct ynode *v)
{
	return labread_cpus(r, v, "cpu", &r->m->cpus);
}

static int take_binds(struct labread *r, struct ynode *v)
{
	return labread_each(r, v, "binds", labread_volume);
}

static int take_ports(struct labread *r, struct ynode *v)
{
	return labread_each(r, v, "ports", labread_port);
}

static int take_kind(struct labread *r, struct ynode *v)
{
	if (v->kind != YAML_SCALAR || strcmp(v->text, "linux"))
		return labread_error(r, v, "kind: %.40s is not linux or bridge; ring3 runs nodes of these kinds only",
				     v->kind == YAML_SCALAR ? v->text : "what is here");
	return 0;
}

static int take_network_mode(struct labread *r, struct ynode *v)
{
	if (v->kind != YAML_SCALAR || strcmp(v->text, "none"))
		return labread_error(r, v, "network-mode: only none can be said: no management network");
	return 0;
}

static const struct labkey node_keys[] = {
	{ "kind", take_kind },
	{ "image", take_image },
	{ "env", take_env },
	{ "exec", take_exec },
	{ "cmd", take_cmd },
	{ "entrypoint", take_entrypoint },
	{ "binds", take_binds },
	{ "ports", take_ports },
	{ "sysctls", take_sysctls },
	{ "memory", take_memory },
	{ "cpu", take_cpu },
	{ "user", take_user },
	{ "network-mode", take_network_mode },
	{ "labels", NULL, NULL }, { "group", NULL, NULL }, { "image-pull-policy", NULL, NULL },
	{ "type", NULL, "it belongs to kinds other than linux" },
	{ "startup-config", NULL, "it belongs to kinds other than linux; use exec: or binds:" },
	{ "mgmt-ipv4", NULL, "the management network is a NAT of each node's own" },
	{ "mgmt-ipv6", NULL, "the management network is a NAT of each node's own" },
	{ NULL }
};

static const char *text_of(const struct ynode *map, const char *key)
{
	const struct ynode *v = map ? ynode_get(map, key) : NULL;

	return v && v->kind == YAML_SCALAR ? v->text : NULL;
}

/* ---- nodes ---- */

static int read_node(struct labread *r, struct ynode *topology, const struct ynode *key, struct ynode *node)
{
	struct ynode *defaults = ynode_get(topology, "defaults"), *kinds = ynode_get(topology, "kinds");
	const char *kind = text_of(node, "kind") ?: text_of(defaults, "kind"), *mode;
	struct ynode *of_kind = kinds && kind ? ynode_get(kinds, kind) : NULL;
	struct lab_card *card;
	int ret = 0;

	snprintf(r->where, sizeof(r->where), "nodes.%.60s", key->text);
	if (kind && !strcmp(kind, "bridge")) {
		ret = lab_add_network(r->lab, key->text, labread_at(key), r->err);
		return ret < 0 ? ret : 0;
	}
	r->m = lab_add_machine(r->lab, key->text, labread_at(key), r->err);
	if (!r->m)
		return r->err->code;
	if (defaults)
		ret = labread_map(r, defaults, node_keys);
	if (!ret && of_kind)
		ret = labread_map(r, of_kind, node_keys);
	if (!ret)
		ret = labread_map(r, node, node_keys);
	if (ret)
		return ret;
	mode = text_of(node, "network-mode") ?: text_of(of_kind, "network-mode") ?: text_of(defaults, "network-mode");
	if (mode)
		return 0;
	card = lab_add_card(r->lab, r->m, -1, labread_at(key), r->err);
	if (!card)
		return r->err->code;
	card->number = 0;
	return 0;
}

/* ---- links ---- */

struct end {
	char *node;
	int number;			/* of its interface */
	const struct ynode *at;
};

static int read_end(struct labread *r, const struct ynode *v, struct end *end)
{
	const char *node, *interface;
	char *copy = NULL, *stop;

	end->at = v;
	if (v->kind == YAML_MAP) {
		node = text_of(v, "node");
		interface = text_of(v, "interface");
	} else {
		copy = v->kind == YAML_SCALAR ? lab_text(r->lab, v->text, r->err) : NULL;
		if (v->kind == YAML_SCALAR && !copy)
			return r->err->code;
		node = copy ? strsep(&copy, ":") : NULL;
		interface = copy;
	}
	if (!node || !interface || !*node)
		return labread_error(r, v, "an end of a link is written NODE:INTERFACE");
	end->node = lab_text(r->lab, node, r->err);
	if (!end->node)
		return r->err->code;
	end->number = 0;
	if (lab_find_network(r->lab, node) >= 0 && !lab_find_machine(r->lab, node))
		return 0;
	if (strncmp(interface, "eth", 3) || !isdigit((unsigned char)interface[3]))
		return labread_error(r, v, "%.60s: a guest's interfaces are called eth0, eth1 and so on", interface);
	end->number = strtoul(interface + 3, &stop, 10);
	if (*stop || end->number < 0 || end->number >= LAB_MAX_CARDS)
		return labread_error(r, v, "%.60s: a guest has interfaces eth0 to eth%d", interface, LAB_MAX_CARDS - 1);
	return 0;
}

/* What a link is called: its ends, if no other is and it is not too long. */
static int name_link(struct labread *r, const struct end *a, const struct end *b, struct lab_at at)
{
	char name[128];
	unsigned int i;

	snprintf(name, sizeof(name), "%.60s-%.60s", a->node, b->node);
	if (strlen(a->node) + strlen(b->node) > 30 || lab_find_network(r->lab, name) >= 0)
		for (i = r->lab->nr_networks + 1; ; i++) {
			snprintf(name, sizeof(name), "link%u", i);
			if (lab_find_network(r->lab, name) < 0)
				break;
		}
	return lab_add_network(r->lab, name, at, r->err);
}

static int plug(struct labread *r, const struct end *end, int network)
{
	struct lab_machine *m = lab_find_machine(r->lab, end->node);
	struct lab_card *card;

	if (!m)
		return labread_error(r, end->at, "there is no node \"%.60s\"", end->node);
	card = lab_add_card(r->lab, m, network, labread_at(end->at), r->err);
	if (!card)
		return r->err->code;
	card->number = end->number;
	return 0;
}

static int read_link(struct labread *r, struct ynode *link)
{
	const struct ynode *ends = ynode_get(link, "endpoints");
	const char *type = text_of(link, "type"), *mtu = text_of(link, "mtu");
	struct end a, b;
	int na, nb, n, ret;
	unsigned int i;

	for (i = 0; link->kind == YAML_MAP && i < link->nr; i += 2)
		if (strcmp(link->child[i]->text, "endpoints") && strcmp(link->child[i]->text, "type") &&
		    strcmp(link->child[i]->text, "mtu") && strcmp(link->child[i]->text, "labels"))
			return labread_error(r, link->child[i], "there is no key \"%.60s\" here; a link has endpoints and mtu", link->child[i]->text);
	if (type && strcmp(type, "veth"))
		return labread_error(r, link, "links of type %.40s cannot be made; leave it out", type);
	if (!ends || ends->kind != YAML_LIST || ends->nr != 2)
		return labread_error(r, link, "a link is written endpoints: [NODE:INTERFACE, NODE:INTERFACE]");
	ret = read_end(r, ends->child[0], &a);
	if (!ret)
		ret = read_end(r, ends->child[1], &b);
	if (ret)
		return ret;
	na = lab_find_network(r->lab, a.node);
	nb = lab_find_network(r->lab, b.node);
	/* Links are networks, too; only a bridge is a node of that name. */
	if (lab_find_machine(r->lab, a.node))
		na = -1;
	if (lab_find_machine(r->lab, b.node))
		nb = -1;
	if (na >= 0 && nb >= 0)
		return labread_error(r, link, "a link between two bridges cannot be made; use one bridge");
	n = na >= 0 ? na : nb >= 0 ? nb : name_link(r, &a, &b, labread_at(link));
	if (n < 0)
		return n;
	if (mtu) {
		r->lab->network[n].mtu = strtoul(mtu, NULL, 10);
		if (r->lab->network[n].mtu < 68 || r->lab->network[n].mtu > 65520)
			return labread_error(r, link, "mtu: give a number from 68 to 65520");
	}
	ret = na >= 0 ? 0 : plug(r, &a, n);
	return ret || nb >= 0 ? ret : plug(r, &b, n);
}

/* ---- the file ---- */

static int take_later(struct labread *r, struct ynode *v)
{
	return 0;
}

static int take_name(struct labread *r, struct ynode *v)
{
	return labread_text(r, v, "name", &r->lab->name);
}

static const struct labkey file_keys[] = {
	{ "name", take_name },
	{ "topology", take_later },
	{ "prefix", NULL, NULL },
	{ "mgmt", NULL, "the management network is a NAT of each node's own" },
	{ NULL }
}, topology_keys[] = {
	{ "nodes", take_later },
	{ "links", take_later },
	{ "defaults", take_later },
	{ "kinds", take_later },
	{ NULL }
};

int labclab_read(struct lab *lab, struct ynode *root, struct r3_err *err)
{
	struct labread r = { .lab = lab, .err = err };
	struct ynode *topology = ynode_get(root, "topology"), *nodes, *links;
	unsigned int i;
	int ret = labread_map(&r, root, file_keys);

	snprintf(r.where, sizeof(r.where), "topology");
	if (!ret)
		ret = labread_map(&r, topology, topology_keys);
	if (ret)
		return ret;
	nodes = ynode_get(topology, "nodes");
	links = ynode_get(topology, "links");
	if (!nodes || nodes->kind != YAML_MAP)
		return labread_error(&r, topology, "nodes: is missing, which names the machines");
	for (i = 0; !ret && i < nodes->nr; i += 2)
		ret = read_node(&r, topology, nodes->child[i], nodes->child[i + 1]);
	snprintf(r.where, sizeof(r.where), "links");
	if (!ret && links && !ynode_is_null(links) && links->kind != YAML_LIST)
		ret = labread_error(&r, links, "a list is expected here");
	for (i = 0; !ret && links && links->kind == YAML_LIST && i < links->nr; i++)
		ret = links->child[i]->kind == YAML_MAP ? read_link(&r, links->child[i]) :
		      labread_error(&r, links->child[i], "a link is written endpoints: [NODE:INTERFACE, NODE:INTERFACE]");
	return ret;
}
