// SPDX-License-Identifier: GPL-2.0-or-later
#include "fdb.h"

#include <stdlib.h>

#include "base/util.h"
#include "bytes.h"

static uint64_t key_of(const uint8_t *mac, uint16_t vlan)
{
	return (uint64_t)vlan << 48 | (uint64_t)get16(mac) << 32 | get32(mac + 2);
}

static unsigned int bucket_of(const struct fdb *fdb, uint64_t key)
{
	uint64_t h = (key ^ fdb->secret) * 0x9e3779b97f4a7c15ULL;

	h ^= h >> 32;
	h = (h + fdb->secret) * 0xd6e8feb86659fd93ULL;
	return h >> 52;
}

void fdb_port_init(struct fdb_port *port)
{
	list_init(&port->entries);
	port->n = 0;
}

static struct fdb_entry *lookup(const struct fdb *fdb, uint64_t key)
{
	struct fdb_entry *e = fdb->bucket[bucket_of(fdb, key)];

	while (e && e->key != key)
		e = e->next;
	return e;
}

static void unlink_entry(struct fdb *fdb, struct fdb_entry *e)
{
	struct fdb_entry **p = &fdb->bucket[bucket_of(fdb, e->key)];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	list_remove(&e->by_port);
	e->port->n--;
}

void fdb_forget(struct fdb *fdb, struct fdb_port *port)
{
	while (!list_empty(&port->entries)) {
		struct fdb_entry *e = container_of(port->entries.next, struct fdb_entry, by_port);

		unlink_entry(fdb, e);
		free(e);
	}
}

static struct fdb_entry *new_entry(struct fdb *fdb, struct fdb_port *port, uint64_t key)
{
	struct fdb_entry *e;
	unsigned int b = bucket_of(fdb, key);

	if (port->n >= FDB_SHARE) {
		e = container_of(port->entries.next, struct fdb_entry, by_port);
		unlink_entry(fdb, e);
	} else {
		e = malloc(sizeof(*e));
		if (!e)
			return NULL;
	}
	e->key = key;
	e->next = fdb->bucket[b];
	fdb->bucket[b] = e;
	return e;
}

void fdb_learn(struct fdb *fdb, struct fdb_port *port, const uint8_t *mac, uint16_t vlan, int64_t now)
{
	uint64_t key = key_of(mac, vlan);
	struct fdb_entry *e = lookup(fdb, key);

	/* It has moved: the entry counts for its new port, which may have to forget another. */
	if (e && e->port != port) {
		unlink_entry(fdb, e);
		free(e);
		e = NULL;
	}
	if (!e) {
		e = new_entry(fdb, port, key);
		if (!e)
			return;
		e->port = port;
		port->n++;
	} else {
		list_remove(&e->by_port);
	}
	list_append(&port->entries, &e->by_port);
	e->used = now;
}

struct fdb_port *fdb_find(const struct fdb *fdb, const uint8_t *mac, uint16_t vlan, int64_t now)
{
	const struct fdb_entry *e = lookup(fdb, key_of(mac, vlan));

	return e && now - e->used < FDB_AGE_NS ? e->port : NULL;
}

struct fdb_port *fdb_last(const struct fdb *fdb, const uint8_t *mac, uint16_t vlan)
{
	const struct fdb_entry *e = lookup(fdb, key_of(mac, vlan));

	return e ? e->port : NULL;
}
