// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "netcard.h"

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	/* FNV-1a */
	for (; len; len--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

int netcard_mac(struct netcard *card, const char *name, struct r3_err *err)
{
	struct utsname uts = { 0 };
	uid_t uid = getuid();
	uint64_t h = 0xcbf29ce484222325;

	if (card->opt->with_mac) {
		memcpy(card->mac, card->opt->mac, sizeof(card->mac));
		return 0;
	}
	if (name) {
		/* The same each time, so that a DHCP server gives it the same address. */
		uname(&uts);
		h = hash(h, name, strlen(name) + 1);
		h = hash(h, uts.nodename, strlen(uts.nodename) + 1);
		h = hash(h, &uid, sizeof(uid));
		h = hash(h, &card->index, sizeof(card->index));
		memcpy(card->mac, &h, sizeof(card->mac));
	} else if (getrandom(card->mac, sizeof(card->mac), 0) != sizeof(card->mac)) {
		return err_set(err, EIO, "the host has no random bytes for a MAC address");
	}
	/* Locally administered, of one card. */
	card->mac[0] = (card->mac[0] | 2) & ~1;
	return 0;
}

static void mac_text(const uint8_t *mac, char *text, size_t size)
{
	snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void netcard_word(const struct netcard *card, FILE *f)
{
	const struct netcard_addresses *a = &card->addresses;
	char mac[20];
	int i;

	mac_text(card->mac, mac, sizeof(mac));
	fprintf(f, "ring3.net=%s", mac);
	for (i = 0; i < a->nr_ip; i++)
		fprintf(f, ",%s", a->ip[i]);
	for (i = 0; i < a->nr_gw; i++)
		fprintf(f, ",gw=%s", a->gw[i]);
}

static struct json_object *list(int nr, const char *text, size_t stride)
{
	struct json_object *o = json_object_new_array();
	int i;

	for (i = 0; i < nr; i++)
		json_object_array_add(o, json_object_new_string(text + i * stride));
	return o;
}

struct json_object *netcard_info(const struct netcard *card)
{
	static const char *const states[] = { "starting", "up", "down" };
	const struct netcard_addresses *a = &card->addresses;
	struct json_object *o = json_object_new_object();
	char mac[20];

	mac_text(card->mac, mac, sizeof(mac));
	json_object_object_add(o, "net", json_object_new_string(card->opt->text));
	json_object_object_add(o, "mac", json_object_new_string(mac));
	if (card->mtu)
		json_object_object_add(o, "mtu", json_object_new_int(card->mtu));
	json_object_object_add(o, "link", json_object_new_string(states[card->state]));
	json_object_object_add(o, "addresses", list(a->nr_ip, a->ip[0], sizeof(a->ip[0])));
	json_object_object_add(o, "routers", list(a->nr_gw, a->gw[0], sizeof(a->gw[0])));
	json_object_object_add(o, "dns", list(a->nr_dns, a->dns[0], sizeof(a->dns[0])));
	if (card->backend.name)
		json_object_object_add(o, "backend", json_object_new_int(card->backend.pid));
	if (card->publish)
		json_object_object_add(o, "publish", json_object_get(card->publish));
	return o;
}
