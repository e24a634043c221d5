// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bytes.h"
#include "switch.h"

/* Flow control of one cable, which no switch passes on. */
static bool is_pause(const uint8_t *mac)
{
	return get32(mac) == 0x0180c200 && get16(mac + 4) == 0x0001;
}

/* The member that joined with this address. */
static struct port *owner(struct sw *sw, const uint8_t *mac)
{
	unsigned int i;

	for (i = 0; i < sw->ports; i++) {
		struct port *p = sw->port[i];

		if (p && !p->source.dead && p->has_mac && !memcmp(p->mac, mac, 6))
			return p;
	}
	return NULL;
}

/* The address is one behind an uplink, a router's for one: what no member may become. */
static bool is_uplinks(const struct port *from, const uint8_t *mac, uint16_t vlan)
{
	struct fdb_port *last = fdb_last(&from->sw->fdb, mac, vlan);

	return last && last != &from->fdb && !from->is_uplink && container_of(last, struct port, fdb)->is_uplink;
}

static void to_port(struct port *to, struct frame *f)
{
	if (to->sw->captures)
		capture_frame(to->sw, to, f, false);
	cable_put(&to->rx, f, to->sw->now);
}

static void flood(struct port *from, struct frame *f)
{
	struct sw *sw = from->sw;
	unsigned int i;

	for (i = 0; i < sw->ports; i++) {
		struct port *to = sw->port[i];

		if (to && to != from && !to->source.dead && vlan_allows(&to->rule, VLAN_ID(f->tci)))
			to_port(to, f);
	}
}

void forward(struct port *from, struct frame *f)
{
	struct sw *sw = from->sw;
	const uint8_t *to_mac = f->data, *from_mac = f->data + 6;
	uint16_t vlan = VLAN_ID(f->tci);
	struct fdb_port *learned;
	struct port *to;

	if (from->source.dead)
		return;
	to = owner(sw, from_mac);
	if (to ? to != from : is_uplinks(from, from_mac, vlan)) {
		from->stats.drop_in[DROP_SOURCE]++;
		return;
	}
	if (sw->captures)
		capture_frame(sw, from, f, true);
	if (!to)
		fdb_learn(&sw->fdb, &from->fdb, from_mac, vlan, sw->now);
	if (to_mac[0] & 1) {
		if (!is_pause(to_mac))
			flood(from, f);
		return;
	}
	to = owner(sw, to_mac);
	if (!to) {
		learned = fdb_find(&sw->fdb, to_mac, vlan, sw->now);
		if (!learned) {
			flood(from, f);
			return;
		}
		to = container_of(learned, struct port, fdb);
	}
	if (to != from && !to->source.dead && vlan_allows(&to->rule, vlan))
		to_port(to, f);
}

void forward_cable(struct cable *cable, struct frame *f)
{
	if (cable->to_member)
		port_send(container_of(cable, struct port, rx), f);
	else
		forward(container_of(cable, struct port, tx), f);
}

void forward_flush(struct sw *sw)
{
	unsigned int i;

	for (i = 0; i < sw->ports; i++)
		if (sw->port[i] && sw->port[i]->dirty)
			port_flush(sw->port[i]);
}
