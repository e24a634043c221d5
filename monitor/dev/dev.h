/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every virtio device shares: the core owns feature bits, the status
 * machine, reset, the configuration space, the queues and the thread. A device
 * is one const struct dev_ops and what its queues mean.
 *
 * The table of devices of one guest is in vm/devs.h.
 *
 * Threads: each device has one, with all signals blocked. All dev_ops but
 * destroy are called from it. What else may be called while it runs says so.
 */
#ifndef R3_DEV_H
#define R3_DEV_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ring3/vdev.h>

#include "base/err.h"
#include "mem/mem.h"
#include "virtq/virtq.h"

#define DEV_MAX_POLL	16

struct dev;

/**
 * struct dev_ops - one kind of device
 * @name: for thread names and messages: "blk"
 * @id: virtio device id, VIRTIO_ID_*
 * @open: of a device that comes while the guest runs: by its thread, before the driver knows
 *	of it. May wait. 0, or -errno with @err set. Optional
 * @kick: the driver may have added chains to queue @q, which is live; take
 *	them all, or some and dev_again()
 * @live: the driver is there, and queues that it has set up have a size. Of a device
 *	whose queues others serve. Optional
 * @quiesce: of such a device: when this returns nobody touches the queues any more.
 *	Also called when it was not live. Optional
 * @reset: forget what came from the driver; queues are gone already. Optional
 * @pollfds: write up to @max descriptors to wait for. Optional
 * @polled: what poll() said of them, same order
 * @ready: would poll() say something of them now? For dev_adaptive_poll(). Optional
 * @poked: dev_poke() was called. Optional
 * @drained: no guest data is on its way to the host. Optional
 * @destroy: free what create made; also frees @dev's memory
 */
struct dev_ops {
	const char *name;
	uint32_t id;
	int (*open)(struct dev *dev, struct r3_err *err);
	void (*kick)(struct dev *dev, unsigned int q);
	void (*live)(struct dev *dev);
	void (*quiesce)(struct dev *dev);
	void (*reset)(struct dev *dev);
	int (*pollfds)(struct dev *dev, struct pollfd *pfd, int max);
	void (*polled)(struct dev *dev, const struct pollfd *pfd, int n);
	bool (*ready)(struct dev *dev);
	void (*poked)(struct dev *dev);
	bool (*drained)(struct dev *dev);
	void (*destroy)(struct dev *dev);
};

/**
 * struct dev_bus - what a device is attached to
 * @mem: guest RAM
 * @raise: interrupt of device @index; called from device threads
 * @enter: called first by the thread of a device, with its kind and the one socket that
 *	it has, or -1: the jail. Optional
 */
struct dev_bus {
	const struct guest_mem *mem;
	void (*raise)(void *opaque, unsigned int index);
	void (*enter)(void *opaque, const char *kind, int socket);
	void *opaque;
};

/* What dev_adaptive_poll() has learnt; all in ns. */
struct dev_poll {
	int64_t limit;			/* of one poll; 0: sleep at once */
	int64_t since;			/* there is nothing to do; 0: there is */
	int64_t paused_until;
};

/*
 * What has come of it so far. Written by its thread, read by any. "in" is to the
 * guest: reads of a disk, frames and bytes received.
 */
struct dev_stats {
	uint64_t kicks, interrupts;
	uint64_t in, out;
	uint64_t in_bytes, out_bytes;
	uint64_t dropped;		/* or failed */
};

/* Embedded first in every device. Fields belong to the core. */
struct dev {
	const struct dev_ops *ops;
	struct r3_vdev *page;		/* shared with the guest: never trusted */
	struct dev_bus bus;
	unsigned int index;
	uint64_t features;		/* offered */
	uint64_t acked;			/* accepted, valid while live */
	uint32_t status;		/* last seen from the driver */
	bool live;			/* DRIVER_OK, and not broken */
	bool broken;			/* DEVICE_NEEDS_RESET until reset */
	unsigned int nr_queues;
	struct virtq vq[R3_VDEV_QUEUES];
	uint16_t queue_size[R3_VDEV_QUEUES];
	uint8_t config[R3_VDEV_CONFIG];
	unsigned int config_len;
	int kick_fd;
	int queue_kick[R3_VDEV_QUEUES];	/* of queues that others serve, else -1; before dev_attach() */
	int socket;			/* -1; set before dev_start(): what the thread may send messages on */
	uint64_t again;			/* queues to look at without a kick */
	uint64_t later;			/* the same, in later_ms */
	int later_ms;
	struct dev_poll poll;
	struct dev_stats stats;
	int tid;			/* its thread's number; atomic */
	bool stopping;			/* atomic */
	bool poke;			/* atomic */
	int drain_ms;			/* read once stopping is set */
	bool started;
	pthread_t thread;
};

/* Devices. Each returns 0 and sets *dev, or -errno and err. */

struct image;
/* A second, reads and writes together; 0: without bound. */
struct dev_blk_limits {
	uint64_t bytes, requests;
};

/**
 * dev_blk_create() - a virtio-blk disk
 * @img: the disk's content; the device's from here on, closed by dev_destroy()
 * @serial: 20 bytes, as VIRTIO_BLK_T_GET_ID returns them
 */
int dev_blk_create(struct image *img, const char serial[20], const struct dev_blk_limits *limits, struct dev **dev,
		   struct r3_err *err);

/* A port of a console. Port 0 is hvc0. */
struct dev_port {
	int fd;			/* socket, pty or pipe; made non-blocking; not closed */
	const char *name;	/* /dev/virtio-ports/NAME; empty or NULL for port 0 */
};

/**
 * dev_console_create() - a virtio-console with several ports
 *
 * Nothing is dropped: a host side that does not read stops the guest's writer,
 * a guest that does not read leaves the data in the host's descriptor. The
 * guest closing a port shuts the socket down for writing once all is written;
 * end of file on the descriptor tells the guest that the port was closed.
 */
int dev_console_create(const struct dev_port *port, unsigned int nr,
		       struct dev **dev, struct r3_err *err);

/* Window size of a console port (hvc). From any thread. */
void dev_console_resize(struct dev *dev, unsigned int port, unsigned int cols,
			unsigned int rows);

int dev_rng_create(struct dev **dev, struct r3_err *err);

/**
 * struct dev_net - a network card
 * @fd: frames, non-blocking; not closed
 * @nr: its number, for messages
 * @stream: frames come behind their length, without a header; else one message
 *	is a struct virtio_net_hdr_v1 and a frame
 * @offload: headers on @fd may ask for checksums and segmentation, both ways
 * @mtu: 0: the driver is not told
 */
struct dev_net {
	int fd;
	unsigned int nr;
	bool stream;
	bool offload;
	uint8_t mac[6];
	uint16_t mtu;
};

/**
 * dev_net_create() - a virtio-net card over a descriptor
 *
 * A descriptor that takes no more stops the guest's transmit queue, a guest
 * without receive buffers leaves the frames in the descriptor. When the other
 * side is gone the link is down, for good.
 */
int dev_net_create(const struct dev_net *cfg, struct dev **dev, struct r3_err *err);

/**
 * dev_balloon_create() - memory that the guest is asked to give back
 * @bytes: how much, from its start
 */
int dev_balloon_create(uint64_t bytes, struct dev **dev, struct r3_err *err);
/* The same later, and how much it has given back. From any thread. */
void dev_balloon_want(struct dev *dev, uint64_t bytes);
uint64_t dev_balloon_has(const struct dev *dev);

/**
 * dev_vsock_create() - sockets between guest and host, over a descriptor
 * @fd: packets as dev/vsock.h has them, SOCK_SEQPACKET, non-blocking; not closed
 * @cid: the guest's number, 3 or more
 */
int dev_vsock_create(int fd, uint32_t cid, struct dev **dev, struct r3_err *err);

enum dev_vhost_kind {
	DEV_VHOST_BLK,
	DEV_VHOST_FS,
};

/**
 * struct dev_vhost - a device whose queues another process serves
 * @kind: what it is
 * @fd: connected stream socket, the other side of which is a vhost-user back end; not closed
 * @name: for messages: "disk /srv/a.qcow2"
 * @queues: that carry requests, at most; 0: as many as the back end has
 * @readonly: of a disk: the back end has to say so, too
 * @tag: of a shared folder, up to 36 bytes, not empty
 * @wait_ms: how long the back end may take to answer; 0: some seconds
 */
struct dev_vhost {
	enum dev_vhost_kind kind;
	int fd;
	const char *name;
	unsigned int queues;
	bool readonly;
	const char *tag;
	int wait_ms;
};

/**
 * dev_vhost_create() - a vhost-user front end
 *
 * Asks the back end what it can do: it has to answer within some seconds.
 */
int dev_vhost_create(const struct dev_vhost *cfg, struct dev **dev, struct r3_err *err);

/* What such a device is made of that comes while the guest runs; see vhost_link.h. */
struct dev_vhost_parts {
	int call;			/* eventfd */
	int inflight;			/* sealed memory; -1: none */
	const int *kick;		/* eventfds */
	unsigned int nr_kicks;		/* of cfg.queues, and one more of a shared folder */
};

/**
 * dev_vhost_take() - the same where the back end is behind a process that passes messages on
 * @parts: whose descriptors are the device's, if there is one; what a queue has no kick of is an error
 *
 * Speaks with nobody yet, that is for @open. Return: NULL if there is no memory.
 */
struct dev *dev_vhost_take(const struct dev_vhost *cfg, const struct dev_vhost_parts *parts);

/* The core, for the table and for tests. */

/**
 * dev_start() - attach a device and start its thread
 * @dev: made by one of the above
 * @page: zeroed page shared with the guest; stays mapped until dev_stop()
 * @index: its number
 * @bus: copied
 */
int dev_start(struct dev *dev, struct r3_vdev *page, unsigned int index,
	      const struct dev_bus *bus, struct r3_err *err);

/**
 * dev_stop() - end the thread
 * @drain_ms: how long data of the guest may still take to reach the host:
 *	0 not at all, -1 as long as it takes
 *
 * The vCPUs have stopped, guest RAM is still mapped.
 */
void dev_stop(struct dev *dev, int drain_ms);

/*
 * What the thread is made of, for whoever has no thread: dev_start() without
 * it, one round (waiting up to @timeout ms, for ever if negative), dev_stop().
 */
int dev_attach(struct dev *dev, struct r3_vdev *page, unsigned int index,
	       const struct dev_bus *bus, struct r3_err *err);
void dev_step(struct dev *dev, int timeout);
void dev_detach(struct dev *dev);

/*
 * dev_plug() - dev_attach() where the page's eventfd is there already, and stays
 *
 * For a device that comes while the guest runs. dev_unplug() is its end there: whatever the
 * driver says later is not looked at any more, nor is the guest's memory touched.
 * dev_finish() is for the guest's end: with dev->stopping and drain_ms set. All from the
 * thread that calls dev_step().
 */
void dev_plug(struct dev *dev, struct r3_vdev *page, unsigned int index,
	      const struct dev_bus *bus, int kick_fd);
void dev_unplug(struct dev *dev);
void dev_finish(struct dev *dev);

/* Closes and frees. After dev_stop(), or without dev_start(). */
void dev_destroy(struct dev *dev);

/* Makes the device's thread call ops->poked. From any thread. */
void dev_poke(struct dev *dev);

/* For devices. */

/* One writer, so this is all that an exact count takes. */
#define dev_count(dev, what, n) \
	write_once((dev)->stats.what, (dev)->stats.what + (n))

void dev_init(struct dev *dev, const struct dev_ops *ops, uint64_t features);
void dev_config_set(struct dev *dev, unsigned int off, const void *buf,
		    unsigned int len);
/* Raises a queue interrupt for @q if the driver wants one by now. */
void dev_queue_done(struct dev *dev, unsigned int q);
/* Queue @q has more, after the others have had their turn. */
/* The same of who has to wait for @ms, or for a kick. */
static inline void dev_again_later(struct dev *dev, unsigned int q, int ms)
{
	if (!dev->later || ms < dev->later_ms)
		dev->later_ms = ms;
	dev->later |= 1ULL << q;
}

static inline void dev_again(struct dev *dev, unsigned int q)
{
	dev->again |= 1ULL << q;
}
/*
 * Before virtq_getchain() on queue @q, which asks for a kick if there is none:
 * waits for a chain, or for whatever else the thread is wanted for, as long as
 * that has lately been worth it.
 *
 * Return: false if it found something else first; then the queue may be left
 * without asking for a kick, with dev_again().
 */
bool dev_adaptive_poll(struct dev *dev, unsigned int q);
/* What the thread waited for came another way than by a queue. */
void dev_adaptive_found(struct dev *dev);
/* Raises a queue interrupt, whichever queue it is: who serves them wants one. */
void dev_raise(struct dev *dev);
/* The driver broke the rules: DEVICE_NEEDS_RESET. */
void dev_break(struct dev *dev);
/* The same, if it is the device that cannot go on. Says nothing. */
void dev_fail(struct dev *dev);
static inline bool dev_has(const struct dev *dev, unsigned int bit)
{
	return dev->acked >> bit & 1;
}

#endif
