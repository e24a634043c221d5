/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A software switch: one process, one thread, one epoll.
 *
 * Theory of operation: a connection begins as a client that sends JSON
 * (manage.c). One that joins becomes a port (port.c), and from then on its
 * messages are frames. A frame goes
 *
 *	socket -> frame_admit() -> tx cable -> forward() -> rx cable -> port's queue -> socket
 *
 * Frames are received into buffers of the switch (rx), many at a time, and sent
 * from there, so that on the way from a fast sender to a fast receiver they are
 * copied by the two system calls only. Who wants to hold a frame for longer calls
 * frame_keep(). Nothing is freed while events are handled: what has ended is
 * marked, and freed at the end of a round.
 */
#ifndef R3_SWITCH_H
#define R3_SWITCH_H

#include <endian.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "jail/jail.h"
#include "base/util.h"
#include "cable.h"
#include "fdb.h"
#include "frame.h"

#define PORTS_MAX	128
#define CLIENTS_MAX	32
#define CAPTURES_MAX	16
#define BATCH		32
#define BATCH_LONG	8		/* of frames so long that more would not stay in a CPU's cache */
#define NAME_SIZE	64
#define OUT_FRAMES_MAX	1024		/* power of 2 */
#define OUT_BYTES_MAX	(4 << 20)
#define OUT_FRAMES_SURE	16		/* of a port, whatever others have */
#define OUT_BYTES_ALL	(128 << 20)	/* of all ports */
#define MESSAGE_MAX	(192 * 1024)

enum source_kind { SOURCE_LISTENER, SOURCE_TIMER, SOURCE_CLIENT, SOURCE_PORT, SOURCE_CAPTURE, SOURCE_COMPANION };

/* What epoll says something about. */
struct source {
	enum source_kind kind;
	int fd;
	uint32_t events;
	bool dead;
};

struct port_stats {
	uint64_t in_frames, in_packets, in_bytes;	/* bytes and packets as on the wire */
	uint64_t out_frames, out_packets, out_bytes;
	uint64_t drop_in[DROP_NR], drop_out[DROP_NR];
};

struct port {
	struct source source;
	struct source companion;	/* an uplink's control connection; its end is the uplink's */
	struct sw *sw;
	unsigned int number;		/* from 1 */
	uint64_t serial;		/* no other port ever had it */
	char name[NAME_SIZE];
	bool is_uplink, is_tap, offload, has_mac, dirty;
	bool sends_long;		/* the last frames that came were */
	uint8_t mac[6];
	struct vlan_rule rule;
	struct fdb_port fdb;
	struct cable tx, rx;		/* from the member; to it */
	struct frame **out;
	unsigned int out_head, out_n;
	unsigned int out_kept;		/* of them, from the head: in no buffer for receiving */
	uint64_t out_bytes;
	int64_t joined;			/* seconds since 1970 */
	struct port_stats stats;
};

struct client {
	struct source source;
	bool asked;
	int64_t deadline;
};

struct capture;

struct sw {
	const char *name;
	unsigned int mtu;
	int pid, epoll, timer;
	struct source listener, timer_source;
	struct port *port[PORTS_MAX];
	unsigned int ports;		/* none is behind these */
	struct client *client[CLIENTS_MAX];
	struct capture *capture[CAPTURES_MAX];
	unsigned int captures;
	uint64_t serial;
	int64_t now;			/* CLOCK_MONOTONIC of this round */
	int64_t timer_at;
	bool ending, reap;
	uint64_t out_bytes;
	struct fdb fdb;
	struct cables cables;
	struct frame *rx[BATCH];
};

int64_t clock_ns(void);

/* epoll: what to wait for; 0 for nothing. */
int source_add(struct sw *sw, struct source *s, enum source_kind kind, int fd, uint32_t events);
void source_events(struct sw *sw, struct source *s, uint32_t events);
/* Others may have the descriptor too, so that closing it alone leaves it with epoll. */
void source_close(struct sw *sw, struct source *s);

/* ---- port.c ---- */

struct port *port_new(struct sw *sw, const char *name, int fd);
void port_free(struct port *p);
/* The member is gone. */
void port_end(struct port *p);
void port_readable(struct port *p);
/* Into the port's queue. */
void port_send(struct port *p, struct frame *f);
/* Sends what the member takes; what stays is the queue's own. */
void port_flush(struct port *p);
struct port *port_find(struct sw *sw, const char *name);

/* ---- forward.c ---- */

/* A frame has come out of a port's tx cable. */
void forward(struct port *from, struct frame *f);
/* For struct cables. */
void forward_cable(struct cable *cable, struct frame *f);
/* Sends what has been queued in this round. */
void forward_flush(struct sw *sw);

/* ---- manage.c ---- */

/* Return: whether the client became a port, and is no client any more. */
bool client_readable(struct sw *sw, struct client *c);

/* ---- capture.c ---- */

int capture_start(struct sw *sw, int fd, const struct port *port);
void capture_frame(struct sw *sw, const struct port *port, const struct frame *f, bool in);
void capture_event(struct capture *c, uint32_t events);
void capture_free(struct capture *c);
struct source *capture_source(struct capture *c);
/* A port ends: captures of it alone end as well. */
void capture_port_end(struct sw *sw, const struct port *port);

/* ---- jail.c ---- */

int jail_switch(enum jail_mode mode, struct r3_err *err);

#endif
