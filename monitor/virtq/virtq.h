/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues, device side (virtio 1.2, section 2.7): the one module that
 * reads descriptors. Each is fetched once into a private copy, checked, and
 * chains are bounded, so whatever the driver writes meanwhile changes nothing.
 *
 * One thread a queue. Use:
 *
 *	while ((ret = virtq_getchain(vq, &chain)) > 0) {
 *		... chain.iov ...
 *		virtq_relchain(vq, &chain, bytes_written);
 *	}
 *	if (virtq_endchains(vq)) interrupt;
 */
#ifndef R3_VIRTQ_H
#define R3_VIRTQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "mem/mem.h"

#define VIRTQ_SIZE_MAX	1024	/* entries of a queue */
#define VIRTQ_SEGS_MAX	256	/* descriptors of a chain */

struct vring_desc;

struct virtq {
	const struct guest_mem *mem;
	struct vring_desc *desc;
	uint16_t *avail;		/* flags, idx, ring[size], used_event */
	uint16_t *used;			/* flags, idx, {id, len} [size], avail_event */
	uint16_t size;			/* power of two; 0: not set up */
	uint16_t last_avail;
	uint16_t used_idx;
	uint16_t signalled;		/* used_idx at the last endchains */
	bool event_idx;
	bool indirect;
	const char *broken;		/* NULL, or what the driver did wrong */
};

/* iov: nr_out parts to read, then nr_in parts to write. */
struct virtq_chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	uint64_t out_len;
	uint64_t in_len;
	struct iovec iov[VIRTQ_SEGS_MAX];
};

/**
 * virtq_init() - set a queue up as the driver described it
 * @features: accepted; VIRTIO_RING_F_EVENT_IDX and _INDIRECT_DESC matter here
 *
 * Return: 0, or -EINVAL if size or an address is not what a queue can have.
 */
int virtq_init(struct virtq *vq, const struct guest_mem *mem,
	       uint64_t features, uint32_t size, gpa_t desc, gpa_t avail,
	       gpa_t used);

/**
 * virtq_getchain() - take the next chain
 *
 * When there is none, asks the driver for a kick on the next one.
 *
 * Return: 1 with @chain filled, 0 if there is none, or -EPROTO if the driver
 * broke the rules (vq->broken says how); then the queue is dead until reset.
 */
int virtq_getchain(struct virtq *vq, struct virtq_chain *chain);

/* Return: whether virtq_getchain() has something to tell. Asks for no kick. */
bool virtq_has_chain(const struct virtq *vq);

/*
 * virtq_want_kick() - ask for a kick for the chain behind the last that was taken, or for none
 *
 * For devices that serve a chain while another one may come, or poll. Where the driver has no
 * event index it kicks anyhow. Who wants none must ask again, or find the queue empty
 * by virtq_getchain(), before he sleeps.
 */
void virtq_want_kick(struct virtq *vq, bool wanted);

/* Goes on at chain @index, where a device was that has handed all back. Before the first getchain. */
void virtq_resume(struct virtq *vq, uint16_t index);

/**
 * virtq_adopt() - go on where another one was that has died
 * @taken: chains that it had taken and not handed back
 *
 * Hand those back by virtq_headchain() and virtq_relchain(); then virtq_getchain() has the others.
 */
void virtq_adopt(struct virtq *vq, uint16_t taken);

/* The chain that begins at @head. Return: 1, or -EPROTO. */
int virtq_headchain(struct virtq *vq, uint16_t head, struct virtq_chain *chain);

/* Undoes the getchain just done: the next one returns the same chain. */
void virtq_retchain(struct virtq *vq);

/**
 * virtq_relchain() - hand a chain back as used
 * @len: bytes written to its writable part
 */
void virtq_relchain(struct virtq *vq, const struct virtq_chain *chain,
		    uint32_t len);

/*
 * The same for several chains that the driver is to see at once: the first is
 * @i 0, and none is seen before virtq_flush() of all @n.
 */
void virtq_fill(struct virtq *vq, unsigned int i, uint16_t head, uint32_t len);
void virtq_flush(struct virtq *vq, unsigned int n);

/* Return: whether the driver wants an interrupt for the chains released. */
bool virtq_endchains(struct virtq *vq);

#endif
