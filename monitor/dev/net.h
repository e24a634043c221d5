/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the network card: net.c, net_rx.c, net_tx.c, net_header.c, net_ctl.c. */
#ifndef R3_NET_H
#define R3_NET_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include "base/util.h"
#include "dev/dev.h"

enum net_queue {
	NET_RX,
	NET_TX,
	NET_CTL,
	NET_QUEUES,
};

#define NET_QUEUE_SIZE		256
#define NET_CTL_QUEUE_SIZE	64
#define NET_BUDGET		64	/* frames, or commands, before others have their turn */

#define NET_HDR			sizeof(struct virtio_net_hdr_v1)
#define NET_FRAME_MIN		ETH_HLEN
#define NET_FRAME_MAX		(65535 + ETH_HLEN + 4)	/* with a VLAN tag */
#define NET_LENGTH		4	/* in front of a frame, in a stream */

/* All that the driver may accept of what its side does with frames. */
#define NET_GUEST_OFFLOADS	(1ULL << VIRTIO_NET_F_GUEST_CSUM | \
				 1ULL << VIRTIO_NET_F_GUEST_TSO4 | \
				 1ULL << VIRTIO_NET_F_GUEST_TSO6 | \
				 1ULL << VIRTIO_NET_F_GUEST_ECN | NET_GUEST_USO)
#define NET_HOST_OFFLOADS	(1ULL << VIRTIO_NET_F_CSUM | \
				 1ULL << VIRTIO_NET_F_HOST_TSO4 | \
				 1ULL << VIRTIO_NET_F_HOST_TSO6 | \
				 1ULL << VIRTIO_NET_F_HOST_ECN | NET_HOST_USO)

/* Known to the headers of newer hosts. */
#ifdef VIRTIO_NET_F_HOST_USO
#define NET_GUEST_USO		(1ULL << VIRTIO_NET_F_GUEST_USO4 | \
				 1ULL << VIRTIO_NET_F_GUEST_USO6)
#define NET_HOST_USO		(1ULL << VIRTIO_NET_F_HOST_USO)
#else
#define NET_GUEST_USO		0ULL
#define NET_HOST_USO		0ULL
#endif

#define NET_BURST		8	/* received frames that the driver is told of at once */

#define NET_IOV_MAX		1024	/* of one readv() */

/* A buffer of the driver's that a frame may go to: a chain, without its parts. */
struct net_buffer {
	uint16_t head;
	uint16_t nr_iov;
	uint64_t len;
};

/*
 * Receive buffers that the device has taken from the queue, in the queue's
 * order. A frame fills the first; the others stay for the next frame.
 */
struct net_window {
	unsigned int first, nr;		/* of buffer[] */
	unsigned int first_iov, nr_iov;	/* of iov[] */
	uint64_t len;			/* of all of them */
	struct net_buffer buffer[NET_QUEUE_SIZE];
	struct iovec iov[NET_IOV_MAX];
};

/* The frame that is being received. Its first @room bytes go to the window, the others to the spill. */
struct net_in {
	struct virtio_net_hdr_v1 hdr;
	uint32_t len;			/* bytes; 0: not known yet */
	uint32_t have;
	uint32_t room;
	bool complete;			/* waits for buffers only */
	bool drop;			/* not for the guest */
	uint8_t length[NET_LENGTH];	/* of the next frame, as far as it came */
	unsigned int length_have;
	uint8_t spill[NET_FRAME_MAX + 1];
};

/* What is left of a frame of which a stream took a part. */
struct net_rest {
	uint32_t off, len;
	uint8_t data[NET_LENGTH + NET_FRAME_MAX];
};

struct net {
	struct dev dev;
	struct dev_net cfg;
	bool up;			/* the link */
	uint64_t offloads;		/* what the driver's side does now; NET_GUEST_OFFLOADS */
	bool offloads_set;		/* by a command; else as accepted */

	bool starved;			/* no receive buffers */
	struct net_window window;
	struct net_in in;

	bool blocked;			/* the descriptor takes no more for now */
	struct net_rest rest;

	uint64_t rx_dropped, tx_dropped;
	struct virtq_chain chain;	/* scratch */
	struct iovec iov[NET_IOV_MAX];	/* scratch */
};

static inline struct net *to_net(struct dev *dev)
{
	return container_of(dev, struct net, dev);
}

/* net.c */

/* What to do about an error of the descriptor. */
enum net_fate {
	NET_RETRY,
	NET_WAIT,
	NET_DROP,			/* this frame only */
	NET_DOWN,
};
enum net_fate net_fate(int error);
/*
 * Words for an error of the descriptor. NULL: the other end was closed, which the
 * parent sees too, and knows whose it was.
 */
const char *net_why(int error);
/* For good; @why for the user, NULL: it is told by others. */
void net_link_down(struct net *net, const char *why);
uint64_t net_offloads(const struct net *net);

/* net_header.c */

/**
 * net_header_check() - make the other side's header one that the driver accepted
 * @hdr: changed; num_buffers is not looked at
 * @len: bytes of the frame
 * @complete: set if the frame's checksum is to be completed
 *
 * Return: false if the frame cannot be given to this driver.
 */
bool net_header_check(struct virtio_net_hdr_v1 *hdr, uint64_t offloads, uint32_t len,
		      bool *complete);

/* Writes the checksum that @hdr asks for into the frame, which begins @off into @iov. */
void net_header_complete(const struct virtio_net_hdr_v1 *hdr, const struct iovec *iov,
			 unsigned int n, uint32_t off, uint32_t len);

/* net_rx.c */
void net_receive(struct net *net);
/* The driver is gone with its buffers; what is still to come of a frame is for nobody. */
void net_receive_reset(struct net *net);
/* Is there a part of a frame that has to be read, whatever the driver does? */
bool net_receive_midway(const struct net *net);
/* Reads it. */
void net_receive_skip(struct net *net);

/* net_tx.c */
void net_transmit(struct net *net);
/* Writes the rest of a frame. False: not all of it. */
bool net_transmit_rest(struct net *net);

/* net_ctl.c */
void net_ctl(struct net *net);

#endif
