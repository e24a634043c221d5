// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device whose queues another process serves: the front end of vhost-user.
 *
 * Theory of operation
 *
 * The back end gets guest memory (one memfd) and for each queue an eventfd, which the
 * guest's driver writes to itself when it has added something: the monitor is not on
 * that way. On the way back the back end writes to one eventfd of the device; the
 * device's thread takes that and interrupts the guest.
 *
 *	create		what can it do? features, number of queues, configuration space
 *	live		(DRIVER_OK) features, memory, and the queues one by one
 *	quiesce		(reset, the end) each queue is stopped, and the back end says so
 *
 * Only when the back end has answered the last is a reset acknowledged: until then it
 * may still write to buffers of the driver's.
 *
 * A back end that lies, falls silent or ends is of no use any more: one sentence in the
 * log, the connection is shut down, and the device is broken until the guest ends, or, of a
 * shared folder, refuses what it is asked (vhost_orphan.c). All
 * waits are bounded. One that does not answer within QUIESCE_MS is given up, and the
 * reset acknowledged all the same: better than a guest that waits for ever. Whoever
 * started it ends it when the connection ends.
 *
 * What a back end may do to the guest: everything, as it has the guest's memory. What it
 * may do to the monitor: nothing. Its answers have one possible length each, it cannot
 * send descriptors, and what it says is used for the guest's configuration space only.
 */
#include "dev/vhost.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/log.h"

#define CREATE_MS	10000
#define LIVE_MS		10000
/* Requests that are under way on a slow disk are finished first. */
#define QUIESCE_MS	30000
/* At the guest's end nobody uses the memory any more. */
#define END_MS		5000

#define COMMON_FEATURES	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC | \
			 1ULL << VIRTIO_RING_F_EVENT_IDX)
#define PROTOCOL_BIT	(1ULL << VHOST_USER_F_PROTOCOL_FEATURES)
#define PROTOCOL_FEATURES (1ULL << VHOST_USER_PROTOCOL_F_MQ | 1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK | \
			   1ULL << VHOST_USER_PROTOCOL_F_CONFIG)

static void within(struct vhost *vhost, int ms)
{
	vhost_link_within(&vhost->link, vhost->wait_ms ? vhost->wait_ms : ms);
}

/* ---- what the back end does while the guest runs ---- */

static void vhost_check(struct vhost *vhost)
{
	if (!vhost->link.dead || vhost->orphan)
		return;
	if (!vhost->complained)
		log_warn("%s: its back end %s; the guest cannot use it any more", vhost->name, vhost->link.dead);
	vhost->complained = true;
	if (!vhost_adopt(vhost))
		dev_fail(&vhost->dev);
}

static int tell_u64(struct vhost *vhost, uint32_t what, uint64_t value, int fd)
{
	return vhost_link_tell(&vhost->link, what, &value, sizeof(value), fd);
}

static int tell_state(struct vhost *vhost, uint32_t what, unsigned int q, uint32_t num)
{
	struct vhost_user_vring_state state = { q, num };

	return vhost_link_tell(&vhost->link, what, &state, sizeof(state), -1);
}

static int give_memory(struct vhost *vhost)
{
	const struct guest_mem *mem = vhost->dev.bus.mem;
	struct vhost_user_memory table = {
		.nr = 1,
		.region[0] = { .gpa = 0, .size = mem->size, .user_addr = (uintptr_t)mem->base },
	};

	return vhost_link_tell(&vhost->link, VHOST_USER_SET_MEM_TABLE, &table, sizeof(table), mem->fd);
}

static int start_queue(struct vhost *vhost, unsigned int q)
{
	const struct virtq *vq = &vhost->dev.vq[q];
	const struct vhost_user_vring_addr addr = {
		.index = q,
		.desc = (uintptr_t)vq->desc,
		.avail = (uintptr_t)vq->avail,
		.used = (uintptr_t)vq->used,
	};

	if (tell_state(vhost, VHOST_USER_SET_VRING_NUM, q, vq->size) ||
	    tell_state(vhost, VHOST_USER_SET_VRING_BASE, q, 0) ||
	    vhost_link_tell(&vhost->link, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1) ||
	    tell_u64(vhost, VHOST_USER_SET_VRING_CALL, q, vhost->call_fd))
		return -EIO;
	/* From here on it may be served. */
	vhost->started |= 1ULL << q;
	if (tell_u64(vhost, VHOST_USER_SET_VRING_KICK, q, vhost->dev.queue_kick[q]))
		return -EIO;
	if (!(vhost->theirs & PROTOCOL_BIT))
		return 0;
	return tell_state(vhost, VHOST_USER_SET_VRING_ENABLE, q, 1);
}

/* The back end, or the guest's kernel, has the eventfd too: never wait for it. */
bool vhost_take(int fd)
{
	uint64_t count;
	struct iovec iov = { &count, sizeof(count) };

	return syscall(SYS_preadv2, fd, &iov, 1, -1L, -1L, RWF_NOWAIT) == sizeof(count);
}

static void vhost_quiesce(struct dev *dev)
{
	struct vhost *vhost = to_vhost(dev);
	unsigned int q;

	within(vhost, load_acquire(dev->stopping) ? END_MS : QUIESCE_MS);
	for (q = 0; q < dev->nr_queues; q++) {
		struct vhost_user_vring_state state = { q, 0 };

		if (!(vhost->started >> q & 1))
			continue;
		if (vhost_link_ask(&vhost->link, VHOST_USER_GET_VRING_BASE, &state, sizeof(state), &state, sizeof(state)))
			break;
		if (state.index != q)
			vhost_link_end(&vhost->link, "answered something else than it was asked");
	}
	vhost->started = 0;
	vhost_take(vhost->call_fd);
	vhost_check(vhost);
}

static void vhost_live(struct dev *dev)
{
	struct vhost *vhost = to_vhost(dev);
	unsigned int q;

	/* A driver that starts twice has the back end start once. */
	if (vhost->started)
		vhost_quiesce(dev);
	vhost_inflight_clear(vhost);
	within(vhost, LIVE_MS);
	if (!tell_u64(vhost, VHOST_USER_SET_FEATURES, dev->acked | (vhost->theirs & PROTOCOL_BIT), -1) &&
	    !give_memory(vhost) && !vhost_inflight_give(vhost)) {
		for (q = 0; q < dev->nr_queues; q++)
			if (dev->vq[q].size && start_queue(vhost, q))
				break;
	}
	vhost_check(vhost);
}

static void vhost_kick(struct dev *dev, unsigned int q)
{
	/* Those who serve it have their own. */
	if (to_vhost(dev)->orphan)
		vhost_orphan_kick(to_vhost(dev), q);
}

static int vhost_pollfds(struct dev *dev, struct pollfd *pfd, int max)
{
	struct vhost *vhost = to_vhost(dev);

	if (vhost->orphan)
		return vhost_orphan_pollfds(vhost, pfd);
	if (vhost->link.dead)
		return 0;
	pfd[0] = (struct pollfd){ .fd = vhost->call_fd, .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = vhost->link.fd, .events = POLLIN };
	return 2;
}

static void vhost_polled(struct dev *dev, const struct pollfd *pfd, int n)
{
	struct vhost *vhost = to_vhost(dev);

	if (vhost->orphan) {
		vhost_orphan_polled(vhost, pfd);
		return;
	}
	if (pfd[0].revents && vhost_take(vhost->call_fd) && dev->live)
		dev_raise(dev);
	if (pfd[1].revents) {
		vhost_link_unasked(&vhost->link);
		vhost_check(vhost);
	}
}

/* ---- begin and end ---- */

static void vhost_destroy(struct dev *dev)
{
	struct vhost *vhost = to_vhost(dev);
	unsigned int q;

	for (q = 0; q < R3_VDEV_QUEUES; q++)
		if (dev->queue_kick[q] >= 0)
			close(dev->queue_kick[q]);
	if (vhost->call_fd >= 0)
		close(vhost->call_fd);
	vhost_inflight_free(vhost);
	free(vhost);
}

static int vhost_open(struct dev *dev, struct r3_err *err);

#define VHOST_OPS(_id) { \
	.name = "vhost", \
	.id = _id, \
	.open = vhost_open, \
	.kick = vhost_kick, \
	.live = vhost_live, \
	.quiesce = vhost_quiesce, \
	.pollfds = vhost_pollfds, \
	.polled = vhost_polled, \
	.destroy = vhost_destroy, \
}

static const struct dev_ops blk_ops = VHOST_OPS(VIRTIO_ID_BLOCK);
static const struct dev_ops fs_ops = VHOST_OPS(VIRTIO_ID_FS);

static int ask_u64(struct vhost *vhost, uint32_t what, uint64_t *value)
{
	return vhost_link_ask(&vhost->link, what, NULL, 0, value, sizeof(*value));
}

/* What can it do? -EIO: the link is dead. */
static int negotiate(struct vhost *vhost, const struct dev_vhost *cfg, struct r3_err *err)
{
	uint64_t queues = 1;

	if (ask_u64(vhost, VHOST_USER_GET_FEATURES, &vhost->theirs))
		return -EIO;
	if (!(vhost->theirs >> VIRTIO_F_VERSION_1 & 1))
		return err_set(err, EPROTO, "%s: its back end does not know virtio 1.0", cfg->name);
	if (vhost->theirs & PROTOCOL_BIT) {
		if (ask_u64(vhost, VHOST_USER_GET_PROTOCOL_FEATURES, &vhost->protocol))
			return -EIO;
		vhost->protocol &= PROTOCOL_FEATURES | (cfg->kind == DEV_VHOST_FS ? VHOST_INFLIGHT : 0);
		if (tell_u64(vhost, VHOST_USER_SET_PROTOCOL_FEATURES, vhost->protocol, -1))
			return -EIO;
		vhost->link.acks = vhost->protocol >> VHOST_USER_PROTOCOL_F_REPLY_ACK & 1;
	}
	if (vhost_link_tell(&vhost->link, VHOST_USER_SET_OWNER, NULL, 0, -1))
		return -EIO;
	if (vhost->protocol >> VHOST_USER_PROTOCOL_F_MQ & 1 && ask_u64(vhost, VHOST_USER_GET_QUEUE_NUM, &queues))
		return -EIO;
	if (!queues)
		return err_set(err, EPROTO, "%s: its back end has no queues", cfg->name);
	vhost->max_queues = min_t(uint64_t, queues, R3_VDEV_QUEUES);
	vhost->dev.features = vhost->theirs & (COMMON_FEATURES | vhost_features(cfg->kind));
	return cfg->kind == DEV_VHOST_FS ? vhost_fs_setup(vhost, cfg, err) : vhost_blk_setup(vhost, cfg, err);
}

static int make_eventfds(struct vhost *vhost)
{
	unsigned int q;

	/* Who fills a count up must not have the guest's kernel wait. */
	vhost->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vhost->call_fd < 0)
		return -errno;
	for (q = 0; q < vhost->dev.nr_queues; q++) {
		vhost->dev.queue_kick[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vhost->dev.queue_kick[q] < 0)
			return -errno;
	}
	return 0;
}

static struct vhost *new_vhost(const struct dev_vhost *cfg)
{
	struct vhost *vhost = calloc(1, sizeof(*vhost));

	if (!vhost)
		return NULL;
	vhost->call_fd = vhost->inflight_fd = -1;
	vhost->link.fd = cfg->fd;
	vhost->wait_ms = cfg->wait_ms;
	snprintf(vhost->name, sizeof(vhost->name), "%s", cfg->name);
	dev_init(&vhost->dev, cfg->kind == DEV_VHOST_FS ? &fs_ops : &blk_ops, 0);
	return vhost;
}

static int find_out(struct vhost *vhost, const struct dev_vhost *cfg, struct r3_err *err)
{
	int ret;

	within(vhost, CREATE_MS);
	ret = negotiate(vhost, cfg, err);
	return vhost->link.dead ? err_set(err, EIO, "%s: its back end %s", cfg->name, vhost->link.dead) : ret;
}

int dev_vhost_create(const struct dev_vhost *cfg, struct dev **dev, struct r3_err *err)
{
	struct vhost *vhost = new_vhost(cfg);
	int ret;

	if (!vhost)
		return err_set(err, ENOMEM, "no memory for %s", cfg->name);
	vhost->dev.socket = cfg->fd;
	util_no_descriptors(cfg->fd);
	ret = find_out(vhost, cfg, err);
	if (!ret) {
		ret = make_eventfds(vhost);
		if (ret)
			err_set(err, ret, "%s: no descriptor for an eventfd: %s; raise the limit (ulimit -n)", cfg->name, strerror(-ret));
	}
	if (!ret && (vhost->protocol & VHOST_INFLIGHT)) {
		ret = vhost_inflight_make(vhost);
		if (ret)
			err_set(err, ret, "%s: no memory to note requests in: %s", cfg->name, strerror(-ret));
	}
	if (ret) {
		vhost_destroy(&vhost->dev);
		return ret;
	}
	*dev = &vhost->dev;
	return 0;
}

/* ---- the same while the guest runs ---- */

struct dev *dev_vhost_take(const struct dev_vhost *cfg, const struct dev_vhost_parts *parts)
{
	struct vhost *vhost = new_vhost(cfg);
	unsigned int q;

	if (!vhost)
		return NULL;
	vhost->cfg = *cfg;
	vhost->cfg.name = vhost->name;
	snprintf(vhost->tag, sizeof(vhost->tag), "%s", cfg->tag);
	vhost->cfg.tag = vhost->tag;
	vhost->link.passed_on = true;
	vhost->call_fd = parts->call;
	vhost->inflight_fd = parts->inflight;
	for (q = 0; q < parts->nr_kicks; q++)
		vhost->dev.queue_kick[q] = parts->kick[q];
	return &vhost->dev;
}

static int vhost_open(struct dev *dev, struct r3_err *err)
{
	struct vhost *vhost = to_vhost(dev);
	int ret = find_out(vhost, &vhost->cfg, err);

	if (!ret && (vhost->protocol & VHOST_INFLIGHT) && vhost->inflight_fd >= 0 && vhost_inflight_take(vhost))
		ret = err_set(err, ENOMEM, "%s: no memory to note requests in", vhost->name);
	/* It is not told anything more. */
	if (ret)
		vhost_link_end(&vhost->link, "is of no use");
	return ret;
}
