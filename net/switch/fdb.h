/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which port an address is behind, by VLAN, as learned from frames. A port has
 * at most its share of the table: with more addresses it forgets the one it has
 * not used for longest, and never one of another port.
 */
#ifndef R3_SWITCH_FDB_H
#define R3_SWITCH_FDB_H

#include <stdint.h>

#include "list.h"

#define FDB_SHARE	512		/* addresses of one port */
#define FDB_AGE_NS	(300 * 1000000000LL)
#define FDB_BUCKETS	4096

struct fdb_port {
	struct list entries;		/* the one used last comes last */
	unsigned int n;
};

struct fdb_entry {
	struct fdb_entry *next;		/* of its bucket */
	struct list by_port;
	struct fdb_port *port;
	uint64_t key;
	int64_t used;
};

struct fdb {
	struct fdb_entry *bucket[FDB_BUCKETS];
	uint64_t secret;		/* so that nobody can choose addresses of one bucket */
};

void fdb_port_init(struct fdb_port *port);
/* Forgets all of a port's addresses. */
void fdb_forget(struct fdb *fdb, struct fdb_port *port);

/* @mac was the source of a frame from @port. */
void fdb_learn(struct fdb *fdb, struct fdb_port *port, const uint8_t *mac, uint16_t vlan, int64_t now);
/* NULL: not known. */
struct fdb_port *fdb_find(const struct fdb *fdb, const uint8_t *mac, uint16_t vlan, int64_t now);
/* Where it was last, however long ago. */
struct fdb_port *fdb_last(const struct fdb *fdb, const uint8_t *mac, uint16_t vlan);

#endif
