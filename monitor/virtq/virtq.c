// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * The rings live in guest RAM and the driver may change any byte at any time.
 * So nothing there is read twice: a descriptor is copied, then checked, then
 * only the copy is used. A chain ends after at most VIRTQ_SEGS_MAX descriptors,
 * which is also what stops a loop.
 *
 * Order: the driver's index is loaded with acquire before the entries it
 * covers; the used index is stored with release after them. Kicks and
 * interrupts are suppressed by event indices (2.7.10): each side publishes the
 * index at which it wants to hear, then, after a full barrier, looks once more
 * whether that has passed meanwhile. virtq_getchain() does so when it finds the
 * ring empty, virtq_endchains() does its half after the used index.
 */
#include "virtq/virtq.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <string.h>

#include "base/mutation.h"
#include "base/util.h"

static int virtq_break(struct virtq *vq, const char *why)
{
	vq->broken = why;
	return -EPROTO;
}

static uint16_t get16(const uint16_t *p)
{
	return le16toh(read_once(*p));
}

static void put16(uint16_t *p, uint16_t v)
{
	write_once(*p, htole16(v));
}

static uint16_t *used_event(struct virtq *vq)
{
	return &vq->avail[2 + vq->size];
}

static uint16_t *avail_event(struct virtq *vq)
{
	return &vq->used[2 + 4 * vq->size];
}

static struct vring_used_elem *used_elem(struct virtq *vq, uint16_t i)
{
	void *ring = &vq->used[2];

	return (struct vring_used_elem *)ring + (i & (vq->size - 1));
}

int virtq_init(struct virtq *vq, const struct guest_mem *mem,
	       uint64_t features, uint32_t size, gpa_t desc, gpa_t avail,
	       gpa_t used)
{
	struct virtq new = { .mem = mem };

	if (!size || size > VIRTQ_SIZE_MAX || size & (size - 1))
		return -EINVAL;
	if (desc % VRING_DESC_ALIGN_SIZE || avail % VRING_AVAIL_ALIGN_SIZE ||
	    used % VRING_USED_ALIGN_SIZE)
		return -EINVAL;

	new.size = size;
	new.desc = mem_ptr(mem, desc, sizeof(struct vring_desc) * size);
	new.avail = mem_ptr(mem, avail, 6 + 2 * size);
	new.used = mem_ptr(mem, used,
			   6 + sizeof(struct vring_used_elem) * size);
	if (!new.desc || !new.avail || !new.used)
		return -EINVAL;

	new.event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	new.indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	*vq = new;
	return 0;
}

static struct vring_desc fetch(const struct vring_desc *p)
{
	struct vring_desc d;

	d.addr = le64toh(read_once(p->addr));
	d.len = le32toh(read_once(p->len));
	d.flags = le16toh(read_once(p->flags));
	d.next = le16toh(read_once(p->next));
	return d;
}

/* Adds one buffer to the chain. */
static int add_buffer(struct virtq *vq, struct virtq_chain *chain,
		      const struct vring_desc *d)
{
	struct iovec *iov;

	if (chain->nr_out + chain->nr_in == VIRTQ_SEGS_MAX && !MUTATION_DEVICE_CHAIN)
		return virtq_break(vq, "a chain is longer than any may be, or has a loop");
	if (!d->len)
		return virtq_break(vq, "a descriptor of length 0");

	iov = &chain->iov[chain->nr_out + chain->nr_in];
	iov->iov_base = mem_ptr(vq->mem, d->addr, d->len);
	iov->iov_len = d->len;
	if (!iov->iov_base)
		return virtq_break(vq, "a descriptor points outside guest memory");

	if (d->flags & VRING_DESC_F_WRITE) {
		chain->nr_in++;
		chain->in_len += d->len;
	} else if (chain->nr_in) {
		return virtq_break(vq, "a readable descriptor follows a writable one");
	} else {
		chain->nr_out++;
		chain->out_len += d->len;
	}
	return 0;
}

/* Follows the chain from entry @i of a table of @size descriptors. */
static int walk(struct virtq *vq, struct virtq_chain *chain,
		const struct vring_desc *table, uint32_t size, uint16_t i,
		bool is_indirect)
{
	uint32_t steps;

	for (steps = 0; steps < size; steps++) {
		struct vring_desc d;
		int ret;

		if (i >= size && !MUTATION_DEVICE_INDEX)
			return virtq_break(vq, "a descriptor index is beyond the table");
		d = fetch(&table[i]);

		if (d.flags & VRING_DESC_F_INDIRECT) {
			const struct vring_desc *inner;
			uint32_t n = d.len / sizeof(d);

			if (!vq->indirect || is_indirect)
				return virtq_break(vq, "an indirect table where none may be");
			if (d.flags & VRING_DESC_F_NEXT)
				return virtq_break(vq, "an indirect table that is not the chain's last");
			if (!n || d.len % sizeof(d))
				return virtq_break(vq, "an indirect table of an odd size");
			inner = mem_ptr(vq->mem, d.addr, d.len);
			if (!inner || d.addr % __alignof__(d))
				return virtq_break(vq, "an indirect table outside guest memory");
			return walk(vq, chain, inner, n, 0, true);
		}

		ret = add_buffer(vq, chain, &d);
		if (ret)
			return ret;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
	return virtq_break(vq, "a chain of descriptors has a loop");
}

/* Return: chains available, or -EPROTO. */
static int pending(struct virtq *vq)
{
	uint16_t n = le16toh(load_acquire(vq->avail[1])) - vq->last_avail;

	if (n > vq->size)
		return virtq_break(vq, "the available index is ahead by more than the queue holds");
	return n;
}

bool virtq_has_chain(const struct virtq *vq)
{
	return vq->size && (vq->broken || le16toh(load_acquire(vq->avail[1])) != vq->last_avail);
}

int virtq_headchain(struct virtq *vq, uint16_t head, struct virtq_chain *chain)
{
	int ret;

	chain->head = head;
	chain->nr_out = chain->nr_in = 0;
	chain->out_len = chain->in_len = 0;
	ret = walk(vq, chain, vq->desc, vq->size, head, false);
	return ret ? ret : 1;
}

int virtq_getchain(struct virtq *vq, struct virtq_chain *chain)
{
	int ret;

	if (!vq->size || vq->broken)
		return vq->broken ? -EPROTO : 0;

	ret = pending(vq);
	if (!ret && vq->event_idx) {
		put16(avail_event(vq), vq->last_avail);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		ret = pending(vq);
	}
	if (ret <= 0)
		return ret;

	ret = virtq_headchain(vq, get16(&vq->avail[2 + (vq->last_avail & (vq->size - 1))]), chain);
	if (ret > 0)
		vq->last_avail++;
	return ret;
}

void virtq_want_kick(struct virtq *vq, bool wanted)
{
	if (!vq->size || vq->broken || !vq->event_idx)
		return;
	put16(avail_event(vq), wanted ? vq->last_avail : vq->last_avail - 1);
	if (wanted)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void virtq_resume(struct virtq *vq, uint16_t index)
{
	vq->last_avail = vq->used_idx = vq->signalled = index;
}

void virtq_adopt(struct virtq *vq, uint16_t taken)
{
	virtq_resume(vq, get16(&vq->used[1]));
	vq->last_avail += taken;
}

void virtq_retchain(struct virtq *vq)
{
	vq->last_avail--;
}

void virtq_fill(struct virtq *vq, unsigned int i, uint16_t head, uint32_t len)
{
	struct vring_used_elem *e = used_elem(vq, vq->used_idx + i);

	write_once(e->id, htole32(head));
	write_once(e->len, htole32(len));
}

void virtq_flush(struct virtq *vq, unsigned int n)
{
	vq->used_idx += n;
	store_release(vq->used[1], htole16(vq->used_idx));
}

void virtq_relchain(struct virtq *vq, const struct virtq_chain *chain,
		    uint32_t len)
{
	virtq_fill(vq, 0, chain->head, len);
	virtq_flush(vq, 1);
}

bool virtq_endchains(struct virtq *vq)
{
	uint16_t old = vq->signalled;

	if (!vq->size || vq->used_idx == old)
		return false;
	vq->signalled = vq->used_idx;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vq->event_idx)
		return vring_need_event(get16(used_event(vq)), vq->used_idx, old);
	return !(get16(vq->avail) & VRING_AVAIL_F_NO_INTERRUPT);
}
