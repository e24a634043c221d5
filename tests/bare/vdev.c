// SPDX-License-Identifier: GPL-2.0-or-later
#include "vdev.h"

#include <asm/unistd.h>
#include <linux/futex.h>
#include <time.h>

bool vdev_find(struct vdev *v, uint32_t id, unsigned int nth)
{
	unsigned int i, q;

	for (i = 0; i < bare_boot->nr_vdevs; i++) {
		struct r3_vdev *page = (struct r3_vdev *)(bare_boot->vdevs + 4096UL * i);

		if (page->device_id != id || nth--)
			continue;
		memset(v, 0, sizeof(*v));
		v->page = page;
		v->index = i;
		v->kick_fd = page->kick_fd;
		v->nr_queues = page->nr_queues;
		v->offered = page->features;
		for (q = 0; q < v->nr_queues; q++)
			v->size_max[q] = page->queue[q].size_max;
		return true;
	}
	return false;
}

static void wake(struct vdev *v)
{
	uint64_t one = 1;

	bare_call3(__NR_write, v->kick_fd, &one, sizeof(one));
}

bool vdev_control(struct vdev *v)
{
	uint32_t seq = v->page->ctl_seq + 1, ack;
	uint64_t end = bare_now_ms() + VQ_WAIT_MS;
	struct timespec ts = { .tv_nsec = 50000000 };

	bare_write(v->page->ctl_seq, seq);
	wake(v);
	while ((ack = bare_read(v->page->ctl_ack)) != seq) {
		if (bare_now_ms() > end)
			return false;
		bare_call6(__NR_futex, &v->page->ctl_ack, FUTEX_WAIT, ack, &ts, 0, 0);
	}
	return true;
}

bool vdev_status(struct vdev *v, uint32_t bits)
{
	bare_write(v->page->status, bits);
	return vdev_control(v);
}

bool vdev_reset(struct vdev *v)
{
	return vdev_status(v, 0) && !bare_read(v->page->status);
}

bool vdev_negotiate(struct vdev *v, uint64_t features)
{
	uint32_t s = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	if (!vdev_status(v, s))
		return false;
	v->features = features;
	bare_write(v->page->driver_features, features);
	return vdev_status(v, s | VIRTIO_CONFIG_S_FEATURES_OK) &&
	       bare_read(v->page->status) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void vdev_queue(struct vdev *v, unsigned int n, unsigned int size)
{
	struct r3_vqueue *pq = &v->page->queue[n];
	struct vq *q = &v->q[n];

	size = size ? size : v->size_max[n];
	if (size > q->room) {
		q->desc = bare_alloc(16 * size, 16);
		q->avail = bare_alloc(6 + 2 * size, 16);
		q->used = bare_alloc(6 + 8 * size, 16);
		q->room = size;
	}
	memset(q->desc, 0, 16 * size);
	memset(q->avail, 0, 6 + 2 * size);
	memset(q->used, 0, 6 + 8 * size);
	q->size = size;
	q->avail_idx = q->used_seen = q->next_desc = 0;
	pq->size = q->size;
	pq->desc = bare_gpa(q->desc);
	pq->driver = bare_gpa(q->avail);
	pq->device = bare_gpa(q->used);
	bare_write(pq->enabled, 1);
}

bool vdev_go(struct vdev *v)
{
	return vdev_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			      VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !vdev_needs_reset(v);
}

bool vdev_init(struct vdev *v, uint64_t without)
{
	unsigned int q;

	if (!vdev_reset(v) || !vdev_negotiate(v, v->offered & ~without))
		return false;
	for (q = 0; q < v->nr_queues; q++)
		vdev_queue(v, q, 0);
	return vdev_go(v);
}

bool vdev_needs_reset(struct vdev *v)
{
	return bare_read(v->page->status) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

bool vdev_broke(struct vdev *v, unsigned int ms)
{
	uint64_t end = bare_now_ms() + ms;

	while (!vdev_needs_reset(v)) {
		if (bare_now_ms() > end)
			return false;
		bare_wait_ms(1);
	}
	return true;
}

uint16_t vq_chain(struct vq *q, const struct vbuf *buf, unsigned int n)
{
	uint16_t head = q->next_desc;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct vring_desc *d = &q->desc[q->next_desc];

		q->next_desc = (q->next_desc + 1) % q->size;
		d->addr = bare_gpa(buf[i].p);
		d->len = buf[i].len;
		d->flags = (buf[i].in ? VRING_DESC_F_WRITE : 0) |
			   (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		d->next = q->next_desc;
	}
	return head;
}

void vq_publish(struct vq *q, uint16_t head)
{
	q->avail->ring[q->avail_idx++ % q->size] = head;
	bare_write(q->avail->idx, q->avail_idx);
}

void vdev_kick(struct vdev *v, unsigned int q)
{
	if (!__atomic_fetch_or(&v->page->kicked, 1ULL << q, __ATOMIC_SEQ_CST))
		wake(v);
}

bool vq_used(struct vq *q, unsigned int ms, uint32_t *head, uint32_t *len)
{
	uint64_t end = bare_now_ms() + ms;
	struct vring_used_elem *e;
	unsigned int tries = 0;

	while (bare_read(q->used->idx) == q->used_seen) {
		if (bare_now_ms() > end)
			return false;
		if (++tries > 100)
			bare_wait_ms(1);
		else
			bare_call1(__NR_sched_yield, 0);
	}
	e = &q->used->ring[q->used_seen++ % q->size];
	if (head)
		*head = e->id;
	if (len)
		*len = e->len;
	return true;
}

long vdev_do(struct vdev *v, unsigned int q, const struct vbuf *buf, unsigned int n)
{
	uint16_t head = vq_chain(&v->q[q], buf, n);
	uint32_t got, len;

	vq_publish(&v->q[q], head);
	vdev_kick(v, q);
	if (!vq_used(&v->q[q], VQ_WAIT_MS, &got, &len) || got != head)
		return -1;
	return len;
}
