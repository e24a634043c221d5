// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

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

static int ping(void *ctx, const void *request, void *answer, int fd)
{
	return 0;
}

static int stats(void *ctx, const void *request, void *answer, int fd)
{
	const struct ops *ops = ctx;
	struct channel_stats *s = answer;
	struct timespec ts;
	unsigned int i;

	s->mem = ops->mem->size;
	s->mem_back = dev_balloon_has(ops->devs->balloon);
	s->nr_cpus = ops->cfg->cpus;
	s->nr_devs = ops->devs->nr;
	if (!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts))
		s->main_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	for (i = 0; i < s->nr_cpus; i++)
		s->cpu_ns[i] = thread_ns(read_once(ops->boot->vcpu[i].tid));
	for (i = 0; i < s->nr_devs; i++)
		dev_stats(&s->dev[i], ops->devs->dev[i]);
	return 0;
}

static int memory(void *ctx, const void *request, void *answer, int fd)
{
	const struct ops *ops = ctx;
	const struct channel_memory *m = request;

	if (m->back >= ops->mem->size)
		return -EINVAL;
	dev_balloon_want(ops->devs->balloon, m->back);
	return 0;
}

/* Request and answer have the size that is here and no other. */
static const struct channel_op table[] = {
	[CHANNEL_PING] = { 0, 0, false, ping },
	[CHANNEL_MEMORY] = { sizeof(struct channel_memory), 0, false, memory },
	[CHANNEL_STATS] = { 0, sizeof(struct channel_stats), false, stats },
};

_Static_assert(sizeof(struct channel_answer) + sizeof(struct channel_stats) <= CHANNEL_ANSWER_MAX, "an answer's size");

bool ops_serve(struct ops *ops, int fd)
{
	return channel_serve(fd, table, ARRAY_SIZE(table), ops);
}
