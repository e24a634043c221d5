// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-balloon (virtio 1.2, section 5.5): memory that the host asks the guest for.
 *
 * Theory of operation
 *
 * The configuration space says how many pages the guest is to do without. Its driver takes
 * so many of its free pages and names them in the inflate queue; the device takes them from
 * guest RAM, which is a file: they become holes, and are zeros when they are touched again. So
 * a driver that lies harms its own guest, and nothing that comes back has to be checked.
 * Pages in the deflate queue are the guest's again, for which nothing has to be done.
 *
 * The guest is asked, not forced: it takes pages back itself when it would otherwise
 * kill programs (DEFLATE_ON_OOM), and is then not asked for them again: its driver would
 * give with one hand what it takes with the other. Memory that it frees by itself goes back in any case, by
 * free page reporting of the port, without this device.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/iov.h"
#include "base/log.h"
#include "base/util.h"
#include "dev/dev.h"

enum { INFLATE, DEFLATE, QUEUES };

#define QUEUE_SIZE	128
#define PAGE		4096u
#define PFNS_MAX	256	/* of one chain, as Linux's driver has it */
#define BUDGET		32	/* chains, then the other queue has its turn */

struct balloon {
	struct dev dev;
	uint32_t asked;			/* pages; atomic, written by whoever asks */
	uint32_t want;			/* what is still wanted of these */
	uint32_t have;			/* pages; atomic, written by the device's thread */
	bool complained;
	struct virtq_chain chain;
};

static struct balloon *to_balloon(struct dev *dev)
{
	return container_of(dev, struct balloon, dev);
}

/* Ascending. The C library's sort may ask the host for memory. */
static void sort(uint32_t *pfn, unsigned int n)
{
	unsigned int gap, i, j;

	for (gap = n / 2; gap; gap /= 2) {
		for (i = gap; i < n; i++) {
			uint32_t v = pfn[i];

			for (j = i; j >= gap && pfn[j - gap] > v; j -= gap)
				pfn[j] = pfn[j - gap];
			pfn[j] = v;
		}
	}
}

/* The host's from now on, as far as the host does it. */
static void discard(struct balloon *b, uint32_t pfn, uint32_t pages)
{
	void *p = mem_ptr(b->dev.bus.mem, (uint64_t)pfn * PAGE, (uint64_t)pages * PAGE);

	if (!madvise(p, (size_t)pages * PAGE, MADV_REMOVE) || b->complained)
		return;
	b->complained = true;
	log_warn("memory that the guest has given back stays with it: %s", strerror(errno));
}

static void inflate(struct balloon *b, uint32_t *pfn, unsigned int n)
{
	unsigned int i, first;

	sort(pfn, n);
	for (i = 0; i < n; i = first) {
		uint32_t pages = 1;

		for (first = i + 1; first < n && pfn[first] - pfn[i] <= pages; first++)
			pages = pfn[first] - pfn[i] + 1;
		discard(b, pfn[i], pages);
	}
}

/* What of the chain are pages of the guest. Return: how many. */
static unsigned int take_pfns(const struct balloon *b, const struct virtq_chain *c, uint32_t *pfn)
{
	uint32_t raw[PFNS_MAX];
	unsigned int nr = iov_read(c->iov, c->nr_out, 0, raw, sizeof(raw)) / sizeof(raw[0]), i, n = 0;

	for (i = 0; i < nr; i++) {
		uint32_t number = le32toh(raw[i]);

		if (mem_ptr(b->dev.bus.mem, (uint64_t)number * PAGE, PAGE))
			pfn[n++] = number;
	}
	return n;
}

static void tell(struct balloon *b)
{
	const uint32_t want = htole32(b->want);

	dev_config_set(&b->dev, offsetof(struct virtio_balloon_config, num_pages), &want, sizeof(want));
}

static void balloon_kick(struct dev *dev, unsigned int q)
{
	struct balloon *b = to_balloon(dev);
	struct virtq *vq = &dev->vq[q];
	unsigned int budget, n;
	uint32_t pfn[PFNS_MAX], max = dev->bus.mem->size / PAGE;

	for (budget = BUDGET; budget && virtq_getchain(vq, &b->chain) > 0; budget--) {
		n = take_pfns(b, &b->chain, pfn);
		if (q == INFLATE) {
			inflate(b, pfn, n);
			write_once(b->have, b->have + min_t(uint32_t, n, max - b->have));
			dev_count(dev, out, n);
		} else {
			write_once(b->have, b->have - min_t(uint32_t, n, b->have));
			dev_count(dev, in, n);
			if (b->have < b->want) {
				b->want = b->have;
				tell(b);
			}
		}
		virtq_relchain(vq, &b->chain, 0);
	}
	if (!budget)
		dev_again(dev, q);
}

static void balloon_poked(struct dev *dev)
{
	struct balloon *b = to_balloon(dev);

	b->want = read_once(b->asked);
	tell(b);
}

/* A driver that begins anew has all of its memory. */
static void balloon_reset(struct dev *dev)
{
	write_once(to_balloon(dev)->have, 0);
	balloon_poked(dev);
}

static void balloon_destroy(struct dev *dev)
{
	free(to_balloon(dev));
}

static const struct dev_ops balloon_ops = {
	.name = "balloon",
	.id = VIRTIO_ID_BALLOON,
	.kick = balloon_kick,
	.reset = balloon_reset,
	.poked = balloon_poked,
	.destroy = balloon_destroy,
};

int dev_balloon_create(uint64_t bytes, struct dev **dev, struct r3_err *err)
{
	const struct virtio_balloon_config config = { 0 };
	struct balloon *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(err, ENOMEM, "no memory for the balloon");
	dev_init(&b->dev, &balloon_ops, 1ULL << VIRTIO_BALLOON_F_MUST_TELL_HOST | 1ULL << VIRTIO_BALLOON_F_DEFLATE_ON_OOM);
	b->dev.nr_queues = QUEUES;
	b->dev.queue_size[INFLATE] = QUEUE_SIZE;
	b->dev.queue_size[DEFLATE] = QUEUE_SIZE;
	b->asked = b->want = bytes / PAGE;
	dev_config_set(&b->dev, 0, &config, offsetof(struct virtio_balloon_config, free_page_hint_cmd_id));
	tell(b);
	*dev = &b->dev;
	return 0;
}

void dev_balloon_want(struct dev *dev, uint64_t bytes)
{
	write_once(to_balloon(dev)->asked, (uint32_t)(bytes / PAGE));
	dev_poke(dev);
}

uint64_t dev_balloon_has(const struct dev *dev)
{
	return (uint64_t)read_once(container_of(dev, struct balloon, dev)->have) * PAGE;
}
