// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A shared folder whose back end has died: the device goes on here, and answers each
 * request with an error, also those that the back end had taken.
 *
 * Theory of operation. Linux's driver for virtio-fs has no time limit for requests, gives
 * none up, and what waits for an answer cannot be killed: a reset, or a device that needs
 * one, would leave it waiting for ever. So the queues are served on, by the device's
 * thread, with nothing behind them. Which chains the dead one had taken
 * is in memory that both share (virtq/inflight.h). Who has closed its connection has
 * ended, or lies: then the guest gets wrong answers, as from any back end that lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/iov.h"
#include "dev/vhost.h"
#include "virtq/inflight.h"

#define AT_ONCE		64		/* chains of a queue, before the others have their turn */

static size_t all_queues(const struct vhost *vhost)
{
	return vhost->dev.nr_queues * inflight_size(vhost->dev.queue_size[0]);
}

static const struct inflight *of_queue(const struct vhost *vhost, unsigned int q)
{
	return (const void *)((const char *)vhost->inflight + q * inflight_size(vhost->dev.queue_size[0]));
}

int vhost_inflight_make(struct vhost *vhost)
{
	const size_t len = all_queues(vhost);
	void *p;

	vhost->inflight_fd = memfd_create("ring3-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* The back end has the descriptor, too: it must not make the file shorter. */
	if (vhost->inflight_fd < 0 || ftruncate(vhost->inflight_fd, len) ||
	    fcntl(vhost->inflight_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, vhost->inflight_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	vhost->inflight = p;
	return 0;
}

int vhost_inflight_take(struct vhost *vhost)
{
	vhost->reads = true;
	vhost->inflight = calloc(1, all_queues(vhost));
	return vhost->inflight ? 0 : -ENOMEM;
}

/* Nothing can be mapped any more when a device comes later. */
static void read_inflight(struct vhost *vhost)
{
	struct iovec iov = { vhost->inflight, all_queues(vhost) };

	if (vhost->reads && preadv(vhost->inflight_fd, &iov, 1, 0) != (ssize_t)iov.iov_len)
		memset(vhost->inflight, 0, iov.iov_len);
}

void vhost_inflight_free(struct vhost *vhost)
{
	if (vhost->reads)
		free(vhost->inflight);
	else if (vhost->inflight)
		munmap(vhost->inflight, all_queues(vhost));
	if (vhost->inflight_fd >= 0)
		close(vhost->inflight_fd);
}

void vhost_inflight_clear(struct vhost *vhost)
{
	unsigned int q;

	if (!vhost->inflight || vhost->reads)
		return;
	memset(vhost->inflight, 0, all_queues(vhost));
	for (q = 0; q < vhost->dev.nr_queues; q++) {
		struct inflight *f = (struct inflight *)of_queue(vhost, q);

		f->version = INFLIGHT_VERSION;
		f->nr = vhost->dev.queue_size[0];
	}
}

int vhost_inflight_give(struct vhost *vhost)
{
	const struct vhost_user_inflight what = {
		.mmap_size = all_queues(vhost),
		.num_queues = vhost->dev.nr_queues,
		.queue_size = vhost->dev.queue_size[0],
	};

	if (!vhost->inflight)
		return 0;
	return vhost_link_tell(&vhost->link, VHOST_USER_SET_INFLIGHT_FD, &what, sizeof(what), vhost->inflight_fd);
}

/* Answers one request as FUSE's servers do that have lost their file system. */
static void refuse(struct virtq *vq, const struct virtq_chain *c)
{
	struct fuse_out_header out = { .len = sizeof(out), .error = -ENOTCONN };
	struct fuse_in_header in;
	uint32_t len = 0;

	/* Some have no room for an answer. */
	if (c->in_len >= sizeof(out) && iov_read(c->iov, c->nr_out, 0, &in, sizeof(in)) == sizeof(in)) {
		out.unique = in.unique;
		len = iov_write(c->iov + c->nr_out, c->nr_in, 0, &out, sizeof(out));
	}
	virtq_relchain(vq, c, len);
}

/* What was taken and not handed back. */
static int refuse_taken(struct vhost *vhost, unsigned int q)
{
	const struct inflight *f = of_queue(vhost, q);
	struct virtq *vq = &vhost->dev.vq[q];
	struct virtq_chain *c = &vhost->chain;
	uint16_t head, last = read_once(f->last_head), n = 0;
	uint8_t taken[VIRTQ_SIZE_MAX];

	for (head = 0; head < vq->size; head++)
		taken[head] = read_once(f->chain[head].taken) == 1;
	virtq_adopt(vq, 0);
	/* It died when the driver had it back already. */
	if (last < vq->size && read_once(f->used_idx) != vq->used_idx)
		taken[last] = 0;
	for (head = 0; head < vq->size; head++)
		n += taken[head];
	virtq_adopt(vq, n);
	for (head = 0; head < vq->size; head++) {
		if (!taken[head])
			continue;
		if (virtq_headchain(vq, head, c) < 0)
			return -EPROTO;
		refuse(vq, c);
	}
	return 0;
}

bool vhost_adopt(struct vhost *vhost)
{
	struct dev *dev = &vhost->dev;
	unsigned int q;

	if (!vhost->inflight || !vhost->link.closed || !dev->live)
		return false;
	read_inflight(vhost);
	for (q = 0; q < dev->nr_queues; q++) {
		if (!dev->vq[q].size)
			continue;
		if (refuse_taken(vhost, q))
			return false;
		dev_again(dev, q);
	}
	vhost->orphan = true;
	/* Also for what the dead one handed back and did not tell. */
	dev_raise(dev);
	return true;
}

void vhost_orphan_kick(struct vhost *vhost, unsigned int q)
{
	struct virtq *vq = &vhost->dev.vq[q];
	int n;

	for (n = 0; n < AT_ONCE; n++) {
		if (virtq_getchain(vq, &vhost->chain) <= 0)
			return;
		refuse(vq, &vhost->chain);
	}
	dev_again(&vhost->dev, q);
}

int vhost_orphan_pollfds(struct vhost *vhost, struct pollfd *pfd)
{
	unsigned int q;

	for (q = 0; q < vhost->dev.nr_queues; q++)
		pfd[q] = (struct pollfd){ .fd = vhost->dev.queue_kick[q], .events = POLLIN };
	return q;
}

void vhost_orphan_polled(struct vhost *vhost, const struct pollfd *pfd)
{
	unsigned int q;

	for (q = 0; q < vhost->dev.nr_queues; q++)
		if (pfd[q].revents && vhost_take(vhost->dev.queue_kick[q]))
			dev_again(&vhost->dev, q);
}
