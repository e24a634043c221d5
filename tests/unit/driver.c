// SPDX-License-Identifier: GPL-2.0-or-later
#include "driver.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void raise_irq(void *opaque, unsigned int index)
{
	struct drv *d = opaque;

	__atomic_add_fetch(&d->irqs, 1, __ATOMIC_SEQ_CST);
	event_post(d->irq_fd);
}

void drv_start(struct drv *d, struct dev *dev)
{
	struct dev_bus bus = { .mem = &d->mem, .raise = raise_irq, .opaque = d };
	struct r3_err err;
	unsigned int q;

	memset(d, 0, sizeof(*d));
	d->mem.fd = memfd_create("guest", MFD_CLOEXEC);
	d->mem.size = DRV_MEM;
	if (d->mem.fd < 0 || ftruncate(d->mem.fd, DRV_MEM) < 0)
		tap_bail("memfd: %s", strerror(errno));
	d->mem.base = mmap(NULL, DRV_MEM, PROT_READ | PROT_WRITE, MAP_SHARED,
			   d->mem.fd, 0);
	d->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	d->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->mem.base == MAP_FAILED || d->page == MAP_FAILED || d->irq_fd < 0)
		tap_bail("memory: %s", strerror(errno));
	d->free = 4096;
	d->dev = dev;
	if (dev_start(dev, d->page, 0, &bus, &err))
		tap_bail("dev_start: %s", err.msg);
	for (q = 0; q < R3_VDEV_QUEUES; q++)
		d->kick_fd[q] = d->page->queue[q].kick_fd;
}

void drv_stop(struct drv *d, int drain_ms)
{
	dev_stop(d->dev, drain_ms);
	dev_destroy(d->dev);
	munmap(d->mem.base, DRV_MEM);
	munmap(d->page, 4096);
	close(d->mem.fd);
	close(d->irq_fd);
}

gpa_t drv_alloc(struct drv *d, size_t len, size_t align)
{
	gpa_t gpa = (d->free + align - 1) / align * align;

	if (gpa + len > DRV_MEM)
		tap_bail("the test uses more than %u bytes of guest memory", DRV_MEM);
	d->free = gpa + len;
	memset(drv_ptr(d, gpa), 0, len);
	return gpa;
}

void *drv_ptr(struct drv *d, gpa_t gpa)
{
	return (char *)d->mem.base + gpa;
}

bool drv_control(struct drv *d)
{
	uint32_t seq = d->page->ctl_seq + 1, ack;
	int64_t end = now_ms() + DRV_WAIT_MS;
	struct timespec ts = { .tv_nsec = 100000000 };

	store_release(d->page->ctl_seq, seq);
	event_post(d->page->kick_fd);
	while ((ack = load_acquire(d->page->ctl_ack)) != seq) {
		if (now_ms() > end)
			return false;
		syscall(SYS_futex, &d->page->ctl_ack, FUTEX_WAIT, ack, &ts,
			NULL, 0);
	}
	return true;
}

void drv_set_status(struct drv *d, uint32_t bits)
{
	write_once(d->page->status, bits);
	if (!drv_control(d))
		tap_bail("the device does not answer status %#x", bits);
}

void drv_reset(struct drv *d)
{
	drv_set_status(d, 0);
	memset(d->q, 0, sizeof(d->q));
	d->free = 4096;
}

bool drv_negotiate(struct drv *d, uint64_t features)
{
	uint32_t s = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	drv_set_status(d, s);
	d->features = features;
	write_once(d->page->driver_features, features);
	drv_set_status(d, s | VIRTIO_CONFIG_S_FEATURES_OK);
	return read_once(d->page->status) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void drv_setup_queue(struct drv *d, unsigned int q)
{
	struct r3_vqueue *pq = &d->page->queue[q];
	struct drv_queue *dq = &d->q[q];

	memset(dq, 0, sizeof(*dq));
	dq->size = pq->size_max;
	dq->desc_gpa = drv_alloc(d, 16 * dq->size, 16);
	dq->avail_gpa = drv_alloc(d, 6 + 2 * dq->size, 2);
	dq->used_gpa = drv_alloc(d, 6 + 8 * dq->size, 4);
	dq->desc = drv_ptr(d, dq->desc_gpa);
	dq->avail = drv_ptr(d, dq->avail_gpa);
	dq->used = drv_ptr(d, dq->used_gpa);
	dq->avail_event = (uint16_t *)drv_ptr(d, dq->used_gpa) + 2 + 4 * dq->size;
	pq->size = dq->size;
	pq->desc = dq->desc_gpa;
	pq->driver = dq->avail_gpa;
	pq->device = dq->used_gpa;
	store_release(pq->enabled, 1);
}

bool drv_init(struct drv *d, uint64_t mask)
{
	unsigned int q;

	drv_reset(d);
	if (!drv_negotiate(d, d->page->features & ~mask))
		return false;
	for (q = 0; q < d->page->nr_queues; q++)
		drv_setup_queue(d, q);
	drv_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		       VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	return !(read_once(d->page->status) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void fill_desc(struct vring_desc *desc, const struct drv_buf *buf,
		      bool more, uint16_t next)
{
	desc->addr = buf->gpa;
	desc->len = buf->len;
	desc->flags = (buf->in ? VRING_DESC_F_WRITE : 0) |
		      (more ? VRING_DESC_F_NEXT : 0);
	desc->next = next;
}

void drv_publish(struct drv *d, unsigned int q, uint16_t head)
{
	struct drv_queue *dq = &d->q[q];

	write_once(dq->avail->ring[dq->avail_idx % dq->size], head);
	dq->avail_idx++;
	store_release(dq->avail->idx, dq->avail_idx);
}

uint16_t drv_add(struct drv *d, unsigned int q, const struct drv_buf *buf,
		 unsigned int n, bool indirect)
{
	struct drv_queue *dq = &d->q[q];
	uint16_t head = dq->next_desc;
	unsigned int i;

	if (indirect) {
		gpa_t table = drv_alloc(d, 16 * n, 16);
		struct vring_desc *desc = drv_ptr(d, table);

		for (i = 0; i < n; i++)
			fill_desc(&desc[i], &buf[i], i + 1 < n, i + 1);
		dq->desc[head].addr = table;
		dq->desc[head].len = 16 * n;
		dq->desc[head].flags = VRING_DESC_F_INDIRECT;
		dq->next_desc = (head + 1) % dq->size;
	} else {
		for (i = 0; i < n; i++) {
			uint16_t next = (dq->next_desc + 1) % dq->size;

			fill_desc(&dq->desc[dq->next_desc], &buf[i], i + 1 < n,
				  next);
			dq->next_desc = next;
		}
	}
	drv_publish(d, q, head);
	return head;
}

void drv_force_kick(struct drv *d, unsigned int q)
{
	if (d->kick_fd[q] >= 0)
		event_post(d->kick_fd[q]);
	else if (!atomic_or(d->page->kicked, 1ULL << q))
		event_post(d->page->kick_fd);
}

bool drv_kick(struct drv *d, unsigned int q)
{
	struct drv_queue *dq = &d->q[q];
	uint16_t old = dq->kicked_idx;
	bool need;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (d->features >> VIRTIO_RING_F_EVENT_IDX & 1)
		need = vring_need_event(read_once(*dq->avail_event),
					dq->avail_idx, old);
	else
		need = !(read_once(dq->used->flags) & VRING_USED_F_NO_NOTIFY);
	dq->kicked_idx = dq->avail_idx;
	if (need)
		drv_force_kick(d, q);
	return need;
}

bool drv_used(struct drv *d, unsigned int q, int ms, uint16_t *head,
	      uint32_t *len)
{
	struct drv_queue *dq = &d->q[q];
	int64_t end = now_ms() + ms;
	struct vring_used_elem *e;

	while (load_acquire(dq->used->idx) == dq->used_seen) {
		struct pollfd pfd = { .fd = d->irq_fd, .events = POLLIN };
		int64_t left = end - now_ms();

		/* Ask for an interrupt, then look again. */
		write_once(dq->avail->ring[dq->size], dq->used_seen);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (load_acquire(dq->used->idx) != dq->used_seen)
			break;
		if (left <= 0)
			return false;
		poll(&pfd, 1, left);
		if (pfd.revents)
			event_take(d->irq_fd);
	}
	e = &dq->used->ring[dq->used_seen++ % dq->size];
	if (head)
		*head = read_once(e->id);
	if (len)
		*len = read_once(e->len);
	return true;
}

uint32_t drv_do(struct drv *d, unsigned int q, const struct drv_buf *buf,
		unsigned int n, bool indirect)
{
	uint16_t head = drv_add(d, q, buf, n, indirect), got;
	uint32_t len;

	drv_kick(d, q);
	if (!drv_used(d, q, DRV_WAIT_MS, &got, &len))
		tap_bail("queue %u: a chain never came back", q);
	if (got != head)
		tap_bail("queue %u: chain %u came back instead of %u", q, got, head);
	return len;
}

bool drv_needs_reset(struct drv *d)
{
	int64_t end = now_ms() + DRV_WAIT_MS;

	while (!(load_acquire(d->page->status) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		if (now_ms() > end)
			return false;
		usleep(1000);
	}
	return true;
}
