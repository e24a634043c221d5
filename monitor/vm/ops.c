// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "image/image.h"

/* Processor time of a thread of this process by its number: the clock's is made as the host's kernel does it. */
static uint64_t thread_ns(int tid)
{
	const unsigned int per_thread = 4, sched = 2;
	struct timespec ts;

	if (tid <= 0 || clock_gettime((clockid_t)(~(unsigned int)tid << 3 | per_thread | sched), &ts))
		return 0;
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void dev_stats(struct channel_dev *to, const struct dev *dev)
{
	const struct dev_stats *from = &dev->stats;

	snprintf(to->kind, sizeof(to->kind), "%s", dev->ops->name);
	to->cpu_ns = thread_ns(read_once(dev->tid));
	to->kicks = read_once(from->kicks);
	to->interrupts = read_once(from->interrupts);
	to->in = read_once(from->in);
	to->out = read_once(from->out);
	to->in_bytes = read_once(from->in_bytes);
	to->out_bytes = read_once(from->out_bytes);
	to->dropped = read_once(from->dropped);
}

static int ping(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	return 0;
}

static int stats(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	const struct ops *ops = ctx;
	struct channel_stats *s = answer;
	struct timespec ts;
	unsigned int i;

	s->mem = ops->mem->size;
	s->mem_back = dev_balloon_has(ops->devs->balloon);
	s->nr_cpus = ops->cfg->cpus;
	s->nr_devs = ops->devs->nr + ops->slots->nr;
	s->nr_slots = ops->slots->nr;
	if (!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts))
		s->main_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	for (i = 0; i < s->nr_cpus; i++)
		s->cpu_ns[i] = thread_ns(read_once(ops->boot->vcpu[i].tid));
	for (i = 0; i < ops->devs->nr; i++)
		dev_stats(&s->dev[i], ops->devs->dev[i]);
	for (i = 0; i < ops->slots->nr; i++)
		if (slots_dev(ops->slots, i))
			dev_stats(&s->dev[ops->devs->nr + i], slots_dev(ops->slots, i));
	return 0;
}

static int memory(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	const struct ops *ops = ctx;
	const struct channel_memory *m = request;

	if (m->back >= ops->mem->size)
		return -EINVAL;
	dev_balloon_want(ops->devs->balloon, m->back);
	return 0;
}

/* ---- devices that come and go ---- */

static int slots_show(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	const struct ops *ops = ctx;

	slots_describe(ops->slots, answer);
	return 0;
}

static int attach_disk(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	struct channel_attached *attached = answer;
	const struct channel_disk *disk = request;
	const struct ops *ops = ctx;
	struct dev_blk_limits limits = { disk->rate, disk->iops };
	struct r3_err err;
	struct image *img = NULL;
	struct dev *dev;
	int slot = slots_find(ops->slots), fd = fds[0], ret = -ENOSPC;

	if (slot >= 0) {
		ret = -EINVAL;
		if (disk->size && disk->size % IMAGE_SECTOR == 0 && disk->size <= INT64_MAX)
			img = image_raw_take(fd, disk->size, disk->readonly);
	}
	if (!img) {
		close(fd);
		return ret;
	}
	ret = dev_blk_create(img, disk->serial, &limits, &dev, &err);
	if (ret) {
		image_close(img);
		return ret;
	}
	slots_plug(ops->slots, slot, dev, -1);
	attached->slot = slot;
	return 0;
}

static int attach_net(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	struct channel_attached *attached = answer;
	const struct channel_net *net = request;
	const struct ops *ops = ctx;
	struct dev_net card = { .fd = fds[0], .nr = net->nr, .stream = net->stream, .offload = net->offload, .mtu = net->mtu };
	int slot = slots_find(ops->slots), ret = -ENOSPC;
	struct r3_err err;
	struct dev *dev;

	memcpy(card.mac, net->mac, sizeof(card.mac));
	if (slot >= 0)
		ret = dev_net_create(&card, &dev, &err);
	if (ret) {
		close(fds[0]);
		return ret;
	}
	slots_plug(ops->slots, slot, dev, fds[0]);
	attached->slot = slot;
	return 0;
}

/* Return: NULL if it makes no sense, or there is no memory. */
static struct dev *make_vhost(const struct channel_vhost *v, const int *fds, unsigned int nr_fds)
{
	const struct dev_vhost vhost = {
		.kind = v->fs ? DEV_VHOST_FS : DEV_VHOST_BLK, .fd = fds[CHANNEL_VHOST_LINK], .name = v->name,
		.queues = v->queues, .readonly = v->readonly, .tag = v->tag,
	};
	const struct dev_vhost_parts parts = {
		.call = fds[CHANNEL_VHOST_CALL], .inflight = v->fs ? fds[CHANNEL_VHOST_INFLIGHT] : -1,
		.kick = fds + CHANNEL_VHOST_INFLIGHT + !!v->fs, .nr_kicks = channel_vhost_kicks(v),
	};

	if (!v->queues || v->queues > CHANNEL_VHOST_QUEUES || nr_fds != channel_vhost_fds(v) ||
	    strnlen(v->tag, sizeof(v->tag)) == sizeof(v->tag) || strnlen(v->name, sizeof(v->name)) == sizeof(v->name))
		return NULL;
	return dev_vhost_take(&vhost, &parts);
}

static int attach_vhost(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	struct channel_attached *attached = answer;
	const struct ops *ops = ctx;
	int slot = slots_find(ops->slots);
	struct dev *dev = slot >= 0 ? make_vhost(request, fds, nr_fds) : NULL;
	unsigned int i;

	if (!dev) {
		for (i = 0; i < nr_fds; i++)
			close(fds[i]);
		return slot < 0 ? -ENOSPC : -EINVAL;
	}
	slots_plug(ops->slots, slot, dev, fds[CHANNEL_VHOST_LINK]);
	attached->slot = slot;
	return 0;
}

static int detach(void *ctx, const void *request, void *answer, const int *fds, unsigned int nr_fds)
{
	const struct channel_detach *d = request;
	const struct ops *ops = ctx;

	return slots_unplug(ops->slots, d->slot, d->how == CHANNEL_LEAVE_FORCED);
}

/* Request and answer have the size that is here and no other. */
static const struct channel_op table[] = {
	[CHANNEL_PING] = { 0, 0, 0, 0, ping },
	[CHANNEL_MEMORY] = { sizeof(struct channel_memory), 0, 0, 0, memory },
	[CHANNEL_STATS] = { 0, sizeof(struct channel_stats), 0, 0, stats },
	[CHANNEL_SLOTS_SHOW] = { 0, sizeof(struct channel_slots), 0, 0, slots_show },
	[CHANNEL_ATTACH_DISK] = { sizeof(struct channel_disk), sizeof(struct channel_attached), 1, 1, attach_disk },
	[CHANNEL_ATTACH_NET] = { sizeof(struct channel_net), sizeof(struct channel_attached), 1, 1, attach_net },
	[CHANNEL_ATTACH_VHOST] = { sizeof(struct channel_vhost), sizeof(struct channel_attached),
		CHANNEL_VHOST_INFLIGHT + 1, CHANNEL_FDS_MAX, attach_vhost },
	[CHANNEL_DETACH] = { sizeof(struct channel_detach), 0, 0, 0, detach },
};

_Static_assert(sizeof(struct channel_answer) + sizeof(struct channel_stats) <= CHANNEL_ANSWER_MAX, "an answer's size");

bool ops_serve(struct ops *ops, int fd)
{
	return channel_serve(fd, table, ARRAY_SIZE(table), ops);
}
