/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control channel: how `ring3 run` has something done by a monitor whose jail is
 * closed. One SOCK_SEQPACKET socket between the two. A request is one message of a
 * size that its operation fixes, with as many descriptors as the operation takes; each has
 * exactly one answer, which is never larger than the operation's, and never has a descriptor.
 *
 * The main thread serves it, between its other events: an operation does what it has
 * to do at once and does not wait for the guest.
 *
 * Neither side believes the other more than it has to. The monitor is under foreign
 * control for all that `ring3 run` knows (cli/channel.h); and what the monitor gets is
 * checked, as it costs nothing, although who sends it could do anything.
 */
#ifndef R3_CHANNEL_H
#define R3_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ring3/layout.h>
#include <ring3/plug.h>
#include <ring3/vdev.h>

#define CHANNEL_REQUEST_MAX	256
#define CHANNEL_FDS_MAX		7
#define CHANNEL_ANSWER_MAX	8192

/* What is asked for. Numbers are never used for something else; table and sizes in vm/ops.c. */
enum channel_op_nr {
	CHANNEL_PING = 1,
	CHANNEL_STATS = 2,
	CHANNEL_SLOTS_SHOW = 3,		/* what has become of devices that come and go */
	CHANNEL_ATTACH_DISK = 4,	/* with the image's descriptor */
	CHANNEL_DETACH = 5,
	CHANNEL_ATTACH_NET = 6,		/* with the frames' descriptor, not blocking */
	CHANNEL_ATTACH_VHOST = 7,	/* with what enum channel_vhost_fd has */
	CHANNEL_MEMORY = 20,		/* the guest is asked to do with less, or may have all again */
};

struct channel_request {
	uint32_t size;			/* of all of the message */
	uint32_t op;
	uint64_t id;			/* the answer has the same */
};

struct channel_answer {
	uint32_t size;			/* of all of the message: with status other than 0 this head */
	int32_t status;			/* 0, or -errno */
	uint64_t id;
};

/* ---- CHANNEL_STATS ---- */

/* Of one device; bytes and units as its kind has them, see docs/machines.md. */
struct channel_dev {
	char kind[8];
	uint64_t cpu_ns;		/* its thread's */
	uint64_t kicks;			/* by which the driver woke it */
	uint64_t interrupts;
	uint64_t in, out;		/* requests or frames, to the guest and from it */
	uint64_t in_bytes, out_bytes;
	uint64_t dropped;		/* or failed */
};

struct channel_stats {
	uint64_t mem;			/* bytes of guest RAM */
	uint64_t mem_back;		/* of which the guest has given back what it was asked for */
	uint32_t nr_cpus, nr_devs;
	uint64_t main_ns;		/* the main thread's processor time */
	uint64_t cpu_ns[R3_MAX_CPUS];	/* the vCPU threads': the guest kernel, and waiting for user code */
	struct channel_dev dev[R3_VDEV_MAX];	/* slots are the last ones; kind empty: there is no device */
	uint32_t nr_slots;
};

/* ---- devices that come and go: vm/slots.h ---- */

#define CHANNEL_SLOTS	8

enum channel_slot_state {
	CHANNEL_SLOT_FREE,
	CHANNEL_SLOT_STARTING,		/* or it is FREE again soon: the device cannot be used */
	CHANNEL_SLOT_OFFERED,		/* the guest was told */
	CHANNEL_SLOT_LIVE,		/* and has taken it */
	CHANNEL_SLOT_LEAVING,		/* and was told that it goes */
	CHANNEL_SLOT_GONE,
};

struct channel_slots {
	uint32_t nr;
	struct {
		uint32_t state;		/* enum channel_slot_state */
		uint32_t busy;		/* it was to go, and the guest uses it */
		char name[R3_PLUG_NAME];	/* what the guest calls it; may be empty, or not terminated */
	} slot[CHANNEL_SLOTS];
};

/* A raw image; what is checked of files was checked by whoever opened it. */
struct channel_disk {
	uint64_t size;			/* bytes */
	uint64_t rate, iops;		/* 0: without bound */
	char serial[20];
	uint32_t readonly;
};

/* A network card: as struct vm_net. */
struct channel_net {
	uint32_t nr;			/* for messages */
	uint32_t stream, offload;
	uint16_t mtu;
	uint8_t mac[6];
};

/*
 * A device that another process serves by vhost-user. The monitor does not speak to that
 * process: what it says goes to `ring3 run`, which passes it on, with the descriptors that
 * belong to it, and passes back the bytes that are answered (dev/vhost_link.h).
 */
#define CHANNEL_VHOST_QUEUES	4

enum channel_vhost_fd {
	CHANNEL_VHOST_LINK,		/* stream socket to ring3 run, not blocking */
	CHANNEL_VHOST_CALL,		/* eventfd, not blocking */
	CHANNEL_VHOST_INFLIGHT,		/* of a shared folder: sealed memory, to be read once the back end is dead */
	CHANNEL_VHOST_KICK,		/* eventfds, not blocking; in place of INFLIGHT without it */
};

struct channel_vhost {
	uint32_t fs;			/* a shared folder; else a disk */
	uint32_t queues;		/* for requests, at most; a shared folder has a kick more */
	uint32_t readonly;		/* a disk: its back end has to say so, too */
	char tag[40];			/* of a shared folder; terminated */
	char name[128];			/* for messages; terminated */
};

/* How many of its descriptors are kicks, and all of them. */
static inline unsigned int channel_vhost_kicks(const struct channel_vhost *v)
{
	return v->queues + !!v->fs;
}

static inline unsigned int channel_vhost_fds(const struct channel_vhost *v)
{
	return CHANNEL_VHOST_INFLIGHT + !!v->fs + channel_vhost_kicks(v);
}

/* Answer of all that attach. */
struct channel_attached {
	uint32_t slot;
};

enum channel_leave {
	CHANNEL_LEAVE = 1,
	CHANNEL_LEAVE_FORCED = 2,	/* whether it is in use or not */
};

struct channel_detach {
	uint32_t slot;
	uint32_t how;			/* enum channel_leave */
};

/* ---- CHANNEL_MEMORY ---- */

struct channel_memory {
	uint64_t back;			/* bytes that the guest is to give back, of all that it has */
};

/* ---- the monitor's side ---- */

/**
 * struct channel_op - one operation
 * @request: bytes behind the request's head
 * @answer: bytes behind the answer's head
 * @min_fds, @max_fds: descriptors that come with it, the operation's from then on
 * @run: 0 with @answer filled, which was zeroed, or -errno
 */
struct channel_op {
	uint32_t request, answer;
	uint8_t min_fds, max_fds;
	int (*run)(void *ctx, const void *request, void *answer, const int *fd, unsigned int nr_fds);
};

/**
 * channel_serve() - take one request and answer it
 * @fd: the socket
 * @ops: by their numbers; without @run: there is none
 *
 * Return: false when the other side is gone.
 */
bool channel_serve(int fd, const struct channel_op *ops, size_t nr_ops, void *ctx);

#endif
