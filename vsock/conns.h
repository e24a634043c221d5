/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections between a guest's vsock and UNIX sockets of the host.
 *
 * Theory of operation
 *
 *   host's program ──"CONNECT 80\n"──► PATH ──accept──┐            ┌── REQUEST, RW, ... ──► guest
 *   host's program ◄──connect── `ring3 run` ◄──asks── conns ◄──────┴── a message a packet, packets
 *                    to PATH_80
 *
 * A connection is a descriptor of the host and a pair of ports. Nothing is queued that
 * has no bound: what the guest is owed is a bit of its connection (OWE_*), of which a
 * packet is made when the guest takes one; data of the host stays in its socket until the guest
 * has room for it; data of the guest is written to the socket at once, and what
 * does not fit is no more than it was granted (BUF_ALLOC). Answers to packets of no
 * connection are counted, and with too many of them the guest is not listened to.
 *
 * The guest is hostile. So is who connects to PATH, as far as that costs nothing.
 */
#ifndef R3_VSOCK_CONNS_H
#define R3_VSOCK_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dev/vsock.h"

#define BUF_ALLOC	(256u << 10)	/* of the guest's data, for each connection */
#define CONNS_MAX	1024
#define RESETS_MAX	64		/* that the guest is owed for packets of no connection */
#define HELLO_MAX	32		/* "CONNECT 4294967295\n" */
#define HOST_CID	2u
/* Ports of the host's own that call the guest: as Firecracker and cloud-hypervisor have them. */
#define HOST_PORT_FIRST	(1u << 30)

enum conn_state {
	CONN_HELLO,			/* the host's program has not said which port */
	CONN_ASKED,			/* the guest was asked, and has not answered */
	CONN_DIALLING,			/* the host was asked for by the guest */
	CONN_OPEN,
	CONN_FLUSHING,			/* the guest is done; the rest is on its way to the host's program */
};

enum {
	OWE_REQUEST	= 1 << 0,
	OWE_RESPONSE	= 1 << 1,
	OWE_CREDIT	= 1 << 2,
	OWE_ASK_CREDIT	= 1 << 3,
	OWE_SHUTDOWN	= 1 << 4,
};

struct conn {
	struct conn *next;		/* of its bucket */
	struct conn *ready_next, *ready_prev;
	bool ready;			/* it is in the list of those that may have a packet */
	enum conn_state state;
	int fd;				/* -1: none yet */
	unsigned int slot, generation;	/* by which events know it */
	uint32_t dial;			/* the request's number */
	uint32_t guest_port, host_port;

	/* To the guest. */
	uint32_t peer_alloc, peer_forwarded, sent;
	unsigned int owe;
	bool readable;			/* the socket may have data */
	bool host_eof;			/* it will have no more */
	bool guest_deaf;		/* the guest takes no more */
	bool asked_credit;
	unsigned int told;		/* VIRTIO_VSOCK_SHUTDOWN_* */

	/* From the guest. */
	uint32_t got, forwarded, said;	/* said: the last "forwarded" that it was told */
	bool writable;
	bool host_deaf;			/* the host's program takes no more */
	bool guest_eof;			/* the guest has no more */
	bool eof_passed;
	uint8_t *buf;			/* BUF_ALLOC, or NULL if nothing waits */
	uint32_t buf_off, buf_len;
};

/* A packet of no connection, that the guest sent. */
struct refused {
	uint32_t guest_port, host_port;
	uint64_t cid;			/* to whom */
};

struct packet {
	struct virtio_vsock_hdr hdr;
	uint8_t data[VSOCK_PAYLOAD_MAX + 1];
};

struct conns {
	int packets;			/* to the device */
	int control;			/* to `ring3 run` */
	int listener;			/* PATH; -1: none */
	int epoll;
	uint64_t cid;
	unsigned int max, nr;
	struct conn *slot[CONNS_MAX];
	struct conn *bucket[CONNS_MAX];
	struct conn *first, *last;	/* of those that may have a packet */
	uint32_t next_port, next_dial;
	unsigned int generation;
	struct refused reset[CONNS_MAX + RESETS_MAX + 1];
	unsigned int reset_first, nr_resets;
	unsigned int starts;		/* of the guest's driver, that are not answered */
	bool blocked;			/* the device takes no packet just now */
	bool listening, hearing;	/* what epoll waits for */
	size_t out_len;			/* of a packet that was made and not taken */
	struct packet in, out;
};

/* Descriptors are non-blocking and stay the caller's. 0 or -errno. */
int conns_open(struct conns *v, int packets, int control, int listener, uint64_t cid, unsigned int max);

/* Waits up to @ms for events, and does a bounded amount of work. 0, or -EPIPE: one of both sides is gone. */
int conns_step(struct conns *v, int ms);

void conns_close(struct conns *v);

/* ---- inside ---- */

struct conn *conn_new(struct conns *v, enum conn_state state, int fd);
void conn_name(struct conns *v, struct conn *c, uint32_t guest_port, uint32_t host_port);
struct conn *conn_find(const struct conns *v, uint32_t guest_port, uint32_t host_port);
/* Ends it at once, and all that it holds. */
void conn_free(struct conns *v, struct conn *c);
/* The same, and the guest is told if it knows of it. */
void conn_reset(struct conns *v, struct conn *c);
/* The guest knows it no more; what it had written still goes to the host. May free it. */
void conn_forget(struct conns *v, struct conn *c);
/* The guest is owed something, or may be. */
void conn_owe(struct conns *v, struct conn *c, unsigned int what);
/* Watches its descriptor. 0 or -errno. */
int conn_watch(struct conns *v, struct conn *c);
/* What the guest sent to this one has no connection. */
void conns_refuse(struct conns *v, uint32_t guest_port, uint32_t host_port, uint64_t cid);

/* guest.c: packets. */
void guest_packet(struct conns *v, size_t len);
void guest_gone(struct conns *v);
/* Fills v->out. Return: bytes, or 0 if there is nothing to say. */
size_t guest_next(struct conns *v);

/* host.c: descriptors of the host's programs. */
void host_accept(struct conns *v);
void host_events(struct conns *v, struct conn *c, uint32_t events);
void host_dialled(struct conns *v, const struct vsock_dialled *answer, int fd);
/* Data of the guest. Return: 0 or -errno, the connection has to end. */
int host_write(struct conns *v, struct conn *c, const uint8_t *data, uint32_t len);
/* Up to @max bytes for the guest. Return: bytes, 0 if there are none now. */
size_t host_read(struct conns *v, struct conn *c, void *data, size_t max);
void host_opened(struct conns *v, struct conn *c);
/* After anything that may have been the last. May free it. */
void host_settle(struct conns *v, struct conn *c);
void host_dial(struct conns *v, struct conn *c);

#endif
