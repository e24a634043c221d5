// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be wrong between the parts of a lab, and what it leaves to be chosen. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "lab.h"

static int check_names(struct lab *lab, struct r3_err *err)
{
	unsigned int i, j;

	if (!lab_name_ok(lab->name))
		return lab_error(lab, (struct lab_at){ 0 }, err, "\"%s\" cannot be the name of a lab: that is up to %d letters, digits, dashes and underscores, the first a letter or digit",
				 lab->name, LAB_NAME_MAX);
	if (!lab->nr_machines)
		return lab_error(lab, (struct lab_at){ 0 }, err, "there is no machine in it");
	for (i = 0; i < lab->nr_machines; i++) {
		const struct lab_machine *m = &lab->machine[i];

		if (!lab_part_ok(m->name))
			return lab_error(lab, m->at, err, "\"%s\" cannot be the name of a machine: that is letters, digits, dots, dashes and underscores, the first a letter or digit",
					 m->name);
		if (strlen(lab->name) + 1 + strlen(m->name) > 63)
			return lab_error(lab, m->at, err, "the guest would be called %s.%s, which is longer than 63 characters; give the lab a shorter name with --name",
					 lab->name, m->name);
		for (j = 0; j < i; j++)
			if (!strcmp(lab->machine[j].name, m->name))
				return lab_error(lab, m->at, err, "there are two machines called %s", m->name);
	}
	for (i = 0; i < lab->nr_networks; i++) {
		const struct lab_network *net = &lab->network[i];

		if (!lab_part_ok(net->name))
			return lab_error(lab, net->at, err, "\"%s\" cannot be the name of a network: that is letters, digits, dots, dashes and underscores, the first a letter or digit",
					 net->name);
		if (strlen(lab->name) + 1 + strlen(net->name) > 63)
			return lab_error(lab, net->at, err, "the switch would be called %s.%s, which is longer than 63 characters; give the lab a shorter name with --name",
					 lab->name, net->name);
	}
	return 0;
}

/* ---- cards ---- */

static int by_number(const void *a, const void *b)
{
	const struct lab_card *x = a, *y = b;

	return x->number - y->number;
}

/* Cards are eth0, eth1... in the guest, as their order says. */
static int check_cards(struct lab *lab, struct lab_machine *m, struct r3_err *err)
{
	unsigned int i;
	int next = 0;

	for (i = 0; i < m->nr_cards; i++) {
		if (m->card[i].number < 0)
			m->card[i].number = next;
		if (m->card[i].number >= next)
			next = m->card[i].number + 1;
	}
	qsort(m->card, m->nr_cards, sizeof(m->card[0]), by_number);
	for (i = 0; i < m->nr_cards; i++) {
		if (i && m->card[i].number == m->card[i - 1].number)
			return lab_error(lab, m->card[i].at, err, "%s has two cards eth%d", m->name, m->card[i].number);
		if (m->card[i].number != (int)i)
			return lab_error(lab, m->card[i].at, err, "%s has a card eth%d, but no eth%u; number them from 0 on without gaps",
					 m->name, m->card[i].number, i);
	}
	return 0;
}

/* ---- addresses ---- */

static bool address_of(const char *text, uint32_t *address)
{
	char copy[INET_ADDRSTRLEN];
	struct in_addr in;

	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(text, "/"), text);
	if (inet_pton(AF_INET, copy, &in) != 1)
		return false;
	*address = ntohl(in.s_addr);
	return true;
}

static bool is_taken(const struct lab *lab, int network, uint32_t address)
{
	unsigned int i, j, k;
	uint32_t other;

	if (lab->network[network].gateway && address_of(lab->network[network].gateway, &other) && other == address)
		return true;
	for (i = 0; i < lab->nr_machines; i++) {
		const struct lab_machine *m = &lab->machine[i];

		for (j = 0; j < m->nr_cards; j++)
			for (k = 0; m->card[j].network == network && k < m->card[j].ip.nr; k++)
				if (address_of(m->card[j].ip.item[k], &other) && other == address)
					return true;
	}
	return false;
}

/* The first of a network's addresses that nobody has; .1 is left to a router, a NAT has more. */
static int choose_address(struct lab *lab, struct lab_card *card, uint32_t *next, struct r3_err *err)
{
	const struct lab_network *net = &lab->network[card->network];
	uint32_t last = net->subnet | (net->prefix < 32 ? 0xffffffffu >> net->prefix : 0);
	char text[32];
	struct in_addr in;

	for (; *next < last && is_taken(lab, card->network, *next); ++*next)
		;
	if (*next >= last)
		return lab_error(lab, card->at, err, "the network %s has no address left for another machine", net->name);
	in.s_addr = htonl((*next)++);
	snprintf(text, sizeof(text), "%s/%u", inet_ntoa(in), net->prefix);
	return lab_add(lab, &card->ip, text, err);
}

static int check_addresses(struct lab *lab, struct r3_err *err)
{
	uint32_t next[LAB_MAX_NETWORKS];
	unsigned int i, j, k, x, y;
	int ret = 0;

	for (i = 0; i < lab->nr_networks; i++)
		next[i] = lab->network[i].subnet + (lab->network[i].uplink ? 20 : 2);
	for (i = 0; i < lab->nr_machines; i++)
		for (j = 0; j < lab->machine[i].nr_cards; j++)
			for (k = 0; k < lab->machine[i].card[j].ip.nr; k++)
				for (x = 0; x <= i; x++)
					for (y = 0; y < (x < i ? lab->machine[x].nr_cards : j); y++) {
						const struct lab_card *a = &lab->machine[i].card[j], *b = &lab->machine[x].card[y];
						unsigned int z;

						for (z = 0; a->network == b->network && z < b->ip.nr; z++)
							if (!strcmp(a->ip.item[k], b->ip.item[z]))
								return lab_error(lab, a->at, err, "%s and %s have the same address %s in %s",
										 lab->machine[x].name, lab->machine[i].name, a->ip.item[k],
										 a->network < 0 ? "a network" : lab->network[a->network].name);
					}
	for (i = 0; !ret && i < lab->nr_machines; i++)
		for (j = 0; !ret && j < lab->machine[i].nr_cards; j++) {
			struct lab_card *card = &lab->machine[i].card[j];

			if (card->network >= 0 && !card->ip.nr && lab->network[card->network].with_subnet)
				ret = choose_address(lab, card, &next[card->network], err);
		}
	return ret;
}

/* ---- order ---- */

static int resolve_deps(struct lab *lab, struct lab_machine *m, struct r3_err *err)
{
	unsigned int i;

	for (i = 0; i < m->nr_deps; i++) {
		struct lab_dep *d = &m->dep[i];
		struct lab_machine *other = lab_find_machine(lab, d->name);

		if (!other)
			return lab_error(lab, d->at, err, "%s depends on %s, and there is no such machine", m->name, d->name);
		d->machine = other - lab->machine;
		if (other == m)
			return lab_error(lab, d->at, err, "%s depends on itself", m->name);
		if (d->healthy && !other->health.command.nr)
			return lab_error(lab, d->at, err, "%s waits for %s to be healthy, which has no healthcheck", m->name, d->name);
		if (d->completed && !other->command.nr)
			return lab_error(lab, d->at, err, "%s waits for the end of the command of %s, which has none", m->name, d->name);
		other->awaited |= d->completed;
	}
	return 0;
}

/* Takes out machines that depend on nothing that is left, until none is left, or a circle is. */
static int check_order(struct lab *lab, struct r3_err *err)
{
	bool out[LAB_MAX_MACHINES] = { false };
	unsigned int i, k, left = lab->nr_machines;
	bool moved = true;

	while (left && moved) {
		moved = false;
		for (i = 0; i < lab->nr_machines; i++) {
			const struct lab_machine *m = &lab->machine[i];
			bool waits = false;

			for (k = 0; k < m->nr_deps; k++)
				waits |= !out[m->dep[k].machine];
			if (out[i] || waits)
				continue;
			out[i] = true;
			moved = true;
			left--;
		}
	}
	for (i = 0; left && i < lab->nr_machines; i++)
		if (!out[i])
			return lab_error(lab, lab->machine[i].at, err, "%s waits for itself: machines depend on each other in a circle", lab->machine[i].name);
	return 0;
}

int lab_check(struct lab *lab, struct r3_err *err)
{
	unsigned int i;
	int ret = check_names(lab, err);

	for (i = 0; !ret && i < lab->nr_machines; i++)
		ret = check_cards(lab, &lab->machine[i], err);
	for (i = 0; !ret && i < lab->nr_machines; i++)
		ret = resolve_deps(lab, &lab->machine[i], err);
	if (!ret)
		ret = check_order(lab, err);
	return ret ? ret : check_addresses(lab, err);
}
