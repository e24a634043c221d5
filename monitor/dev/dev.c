// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * The device page is shared with a driver that may write anything to it at any
 * time. What the device decides by is its own copy: of the features it offered,
 * of the ones accepted, of the status, of the queues. The page is read in one
 * place, dev_control(), each field once.
 *
 * The driver announces a change by ctl_seq and a kick, and waits for ctl_ack.
 * Kicks of queues are bits of page->kicked; the thread takes them all with one
 * exchange before it looks at any queue, so one that comes later has its own
 * wake-up.
 *
 * A driver that breaks the rules is answered with DEVICE_NEEDS_RESET (virtio
 * 1.2, 2.1.2); until it resets the device, nothing but control is looked at.
 */
#include "dev/dev.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "base/util.h"

#define DEV_FEATURES	(1ULL << VIRTIO_F_VERSION_1 | \
			 1ULL << VIRTIO_RING_F_INDIRECT_DESC | \
			 1ULL << VIRTIO_RING_F_EVENT_IDX)

void dev_init(struct dev *dev, const struct dev_ops *ops, uint64_t features)
{
	unsigned int q;

	dev->ops = ops;
	dev->features = features | DEV_FEATURES;
	dev->kick_fd = -1;
	dev->socket = -1;
	for (q = 0; q < R3_VDEV_QUEUES; q++)
		dev->queue_kick[q] = -1;
}

static void dev_interrupt(struct dev *dev, uint32_t why)
{
	dev_count(dev, interrupts, 1);
	atomic_or(dev->page->isr, why);
	dev->bus.raise(dev->bus.opaque, dev->index);
}

void dev_queue_done(struct dev *dev, unsigned int q)
{
	if (virtq_endchains(&dev->vq[q]))
		dev_interrupt(dev, R3_VDEV_ISR_QUEUE);
}

void dev_raise(struct dev *dev)
{
	dev_interrupt(dev, R3_VDEV_ISR_QUEUE);
}

void dev_fail(struct dev *dev)
{
	if (dev->broken || !dev->live)
		return;
	dev->broken = true;
	dev->live = false;
	atomic_or(dev->page->status, (uint32_t)VIRTIO_CONFIG_S_NEEDS_RESET);
	dev_interrupt(dev, R3_VDEV_ISR_CONFIG);
}

void dev_break(struct dev *dev)
{
	const char *why = NULL;
	unsigned int q;

	if (dev->broken || !dev->live)
		return;
	for (q = 0; q < dev->nr_queues && !why; q++)
		why = dev->vq[q].broken;
	log_warn("device %u (%s): %s; it needs a reset by the guest's driver",
		 dev->index, dev->ops->name,
		 why ? why : "the driver broke the rules");
	dev_fail(dev);
}

void dev_config_set(struct dev *dev, unsigned int off, const void *buf,
		    unsigned int len)
{
	const uint8_t *src = buf;
	unsigned int i;
	uint32_t gen;

	memcpy(dev->config + off, buf, len);
	if (off + len > dev->config_len)
		dev->config_len = off + len;
	if (!dev->page)
		return;

	gen = read_once(dev->page->config_gen) & ~1u;
	write_once(dev->page->config_gen, gen + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (i = 0; i < len; i++)
		write_once(dev->page->config[off + i], src[i]);
	store_release(dev->page->config_gen, gen + 2);
	if (dev->live)
		dev_interrupt(dev, R3_VDEV_ISR_CONFIG);
}

static void dev_quiesce(struct dev *dev)
{
	if (dev->ops->quiesce)
		dev->ops->quiesce(dev);
}

static void dev_reset(struct dev *dev)
{
	unsigned int q;

	dev_quiesce(dev);
	dev->live = false;
	dev->broken = false;
	dev->acked = 0;
	dev->status = 0;
	dev->again = 0;
	dev->later = 0;
	for (q = 0; q < dev->nr_queues; q++)
		memset(&dev->vq[q], 0, sizeof(dev->vq[q]));
	if (dev->ops->reset)
		dev->ops->reset(dev);

	for (q = 0; q < dev->nr_queues; q++)
		write_once(dev->page->queue[q].enabled, 0);
	write_once(dev->page->driver_features, 0);
	(void)atomic_xchg(dev->page->isr, 0);
	write_once(dev->page->status, 0);
}

/* The queues that the driver has enabled come to life. */
static void dev_go_live(struct dev *dev)
{
	unsigned int q;

	dev->live = true;
	for (q = 0; q < dev->nr_queues; q++) {
		struct r3_vqueue *vq = &dev->page->queue[q];
		uint32_t size = read_once(vq->size);

		if (!read_once(vq->enabled))
			continue;
		if (size > dev->queue_size[q] ||
		    virtq_init(&dev->vq[q], dev->bus.mem, dev->acked, size,
			       read_once(vq->desc), read_once(vq->driver),
			       read_once(vq->device))) {
			dev->vq[q].broken = "a queue with an impossible size or address";
			dev_break(dev);
			return;
		}
	}
	if (dev->ops->live)
		dev->ops->live(dev);
}

static bool dev_features_ok(struct dev *dev, uint64_t want)
{
	return !(want & ~dev->features) && want >> VIRTIO_F_VERSION_1 & 1;
}

/* Acts on what the driver changed. */
static void dev_control(struct dev *dev)
{
	/*
	 * Without the bit that is ours: dev_break() may have set it just when
	 * the driver wrote the 0 of a reset.
	 */
	uint32_t status = read_once(dev->page->status) & 0xff &
			  ~VIRTIO_CONFIG_S_NEEDS_RESET;
	uint32_t set = status & ~dev->status;

	if (!status) {
		dev_reset(dev);
		return;
	}
	if (set & VIRTIO_CONFIG_S_FEATURES_OK) {
		uint64_t want = read_once(dev->page->driver_features);

		if (dev_features_ok(dev, want)) {
			dev->acked = want;
		} else {
			status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
			atomic_and(dev->page->status,
				   ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK);
		}
	}
	/* The driver's own store may have wiped the bit out. */
	if (dev->broken)
		atomic_or(dev->page->status,
			  (uint32_t)VIRTIO_CONFIG_S_NEEDS_RESET);
	dev->status = status;

	if (set & VIRTIO_CONFIG_S_DRIVER_OK && !dev->broken &&
	    status & VIRTIO_CONFIG_S_FEATURES_OK)
		dev_go_live(dev);
	if (status & VIRTIO_CONFIG_S_FAILED) {
		dev_quiesce(dev);
		dev->live = false;
	}
}

static void dev_check(struct dev *dev)
{
	unsigned int q;

	for (q = 0; q < dev->nr_queues; q++)
		if (dev->vq[q].broken)
			dev_break(dev);
}

static void dev_kick(struct dev *dev, uint64_t mask)
{
	unsigned int q;

	mask |= dev->again;
	dev->again = 0;
	for (q = 0; q < dev->nr_queues && dev->live; q++) {
		if (!(mask >> q & 1) || !dev->vq[q].size)
			continue;
		dev->ops->kick(dev, q);
		dev_queue_done(dev, q);
		dev_check(dev);
	}
}

static void dev_service(struct dev *dev)
{
	uint64_t mask = atomic_xchg(dev->page->kicked, 0);
	uint32_t seq = load_acquire(dev->page->ctl_seq);
	bool was_live = dev->live;

	if (mask)
		dev_count(dev, kicks, 1);
	if (seq != read_once(dev->page->ctl_ack)) {
		dev_control(dev);
		store_release(dev->page->ctl_ack, seq);
		syscall(SYS_futex, &dev->page->ctl_ack, FUTEX_WAKE, INT_MAX,
			NULL, NULL, 0);
	}
	/* Drivers fill queues before DRIVER_OK; those kicks may be gone. */
	if (dev->live && !was_live)
		mask = UINT64_MAX;
	dev_kick(dev, mask);
	if (atomic_xchg(dev->poke, false) && dev->ops->poked) {
		dev->ops->poked(dev);
		dev_check(dev);
	}
}

/* Waits for something to do, at most @timeout ms, for ever if negative. */
static void dev_wait(struct dev *dev, int timeout)
{
	struct pollfd pfd[1 + DEV_MAX_POLL];
	int n = 0;

	if (dev->again)
		timeout = 0;
	else if (dev->later && (timeout < 0 || dev->later_ms < timeout))
		timeout = dev->later_ms;
	dev->again |= dev->later;
	dev->later = 0;
	if (dev->ops->pollfds)
		n = dev->ops->pollfds(dev, pfd + 1, DEV_MAX_POLL);
	if (!n && timeout < 0) {
		event_take(dev->kick_fd);
		return;
	}

	pfd[0].fd = dev->kick_fd;
	pfd[0].events = POLLIN;
	if (poll(pfd, n + 1, timeout) <= 0)
		return;
	if (pfd[0].revents)
		event_take(dev->kick_fd);
	if (n) {
		dev->ops->polled(dev, pfd + 1, n);
		dev_check(dev);
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* What the guest had written still goes to the host. */
static void dev_drain(struct dev *dev)
{
	int64_t end = now_ms() + dev->drain_ms;

	dev_kick(dev, UINT64_MAX);
	while (dev->live && dev->ops->drained && !dev->ops->drained(dev)) {
		int64_t left = dev->drain_ms < 0 ? -1 : end - now_ms();

		if (!left || (left < 0 && dev->drain_ms >= 0)) {
			log_warn("device %u (%s): nobody took the guest's last output; it is lost",
				 dev->index, dev->ops->name);
			break;
		}
		dev_wait(dev, left);
		dev_service(dev);
	}
}

void dev_finish(struct dev *dev)
{
	if (dev->drain_ms)
		dev_drain(dev);
	dev_quiesce(dev);
}

void dev_step(struct dev *dev, int timeout)
{
	dev_wait(dev, timeout);
	dev_service(dev);
}

static void *dev_thread(void *arg)
{
	struct dev *dev = arg;
	char name[16];

	snprintf(name, sizeof(name), "%s-%u", dev->ops->name, dev->index);
	prctl(PR_SET_NAME, name);
	write_once(dev->tid, (int)syscall(SYS_gettid));
	if (dev->bus.enter)
		dev->bus.enter(dev->bus.opaque, dev->ops->name, dev->socket);
	dev_service(dev);
	while (!load_acquire(dev->stopping))
		dev_step(dev, -1);
	dev_finish(dev);
	return NULL;
}

void dev_plug(struct dev *dev, struct r3_vdev *page, unsigned int index,
	      const struct dev_bus *bus, int kick_fd)
{
	unsigned int q;

	dev->kick_fd = kick_fd;
	dev->bus = *bus;
	dev->index = index;

	page->magic = R3_VDEV_MAGIC;
	page->device_id = dev->ops->id;
	page->features = dev->features;
	page->nr_queues = dev->nr_queues;
	page->config_len = dev->config_len;
	page->kick_fd = dev->kick_fd;
	for (q = 0; q < R3_VDEV_QUEUES; q++)
		page->queue[q].kick_fd = dev->queue_kick[q];
	for (q = 0; q < dev->nr_queues; q++)
		page->queue[q].size_max = dev->queue_size[q];
	for (; q < R3_VDEV_QUEUES; q++)
		page->queue[q].size_max = 0;
	memcpy(page->config, dev->config, dev->config_len);
	dev->page = page;
}

void dev_unplug(struct dev *dev)
{
	dev_reset(dev);
	dev->page = NULL;
	dev->kick_fd = -1;
}

int dev_attach(struct dev *dev, struct r3_vdev *page, unsigned int index,
	       const struct dev_bus *bus, struct r3_err *err)
{
	int ret = event_create();

	if (ret < 0)
		return err_set(err, ret, "no descriptor for device %u: %s; raise the limit of open files (ulimit -n)",
			       index, strerror(-ret));
	dev_plug(dev, page, index, bus, ret);
	return 0;
}

void dev_detach(struct dev *dev)
{
	dev->page = NULL;
	close(dev->kick_fd);
	dev->kick_fd = -1;
}

int dev_start(struct dev *dev, struct r3_vdev *page, unsigned int index,
	      const struct dev_bus *bus, struct r3_err *err)
{
	char what[48];
	int ret;

	ret = dev_attach(dev, page, index, bus, err);
	if (ret)
		return ret;
	snprintf(what, sizeof(what), "device %u (%s)", index, dev->ops->name);
	ret = thread_start(&dev->thread, dev_thread, dev, what, err);
	if (ret) {
		dev_detach(dev);
		return ret;
	}
	dev->started = true;
	return 0;
}

void dev_poke(struct dev *dev)
{
	store_release(dev->poke, true);
	if (dev->kick_fd >= 0)
		event_post(dev->kick_fd);
}

void dev_stop(struct dev *dev, int drain_ms)
{
	if (!dev->started)
		return;
	dev->drain_ms = drain_ms;
	store_release(dev->stopping, true);
	event_post(dev->kick_fd);
	pthread_join(dev->thread, NULL);
	dev->started = false;
	dev_detach(dev);
}

void dev_destroy(struct dev *dev)
{
	if (dev)
		dev->ops->destroy(dev);
}
