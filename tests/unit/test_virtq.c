// SPDX-License-Identifier: GPL-2.0-or-later
/* virtq/: what a driver may put into a ring, and what it may not. */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tap.h"
#include "virtq/virtq.h"

#define SIZE	8
#define RAM	(1u << 20)

#define DESC	0x1000
#define AVAIL	0x2000
#define USED	0x3000
#define TABLE	0x4000
#define DATA	0x10000

#define EVENT_IDX	(1ULL << VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	(1ULL << VIRTIO_RING_F_INDIRECT_DESC)

static struct guest_mem mem;
static struct virtq vq;
static struct virtq_chain chain;
static struct vring_desc *desc, *table;
static struct vring_avail *avail;
static struct vring_used *used;

static void fresh(uint64_t features)
{
	memset(mem.base, 0, RAM);
	if (virtq_init(&vq, &mem, features, SIZE, DESC, AVAIL, USED))
		tap_bail("virtq_init");
	desc = (void *)((char *)mem.base + DESC);
	table = (void *)((char *)mem.base + TABLE);
	avail = (void *)((char *)mem.base + AVAIL);
	used = (void *)((char *)mem.base + USED);
}

static void set(struct vring_desc *d, uint64_t addr, uint32_t len,
		uint16_t flags, uint16_t next)
{
	*d = (struct vring_desc){ addr, len, flags, next };
}

static void publish(uint16_t head)
{
	avail->ring[avail->idx % SIZE] = head;
	avail->idx++;
}

static void test_init(void)
{
	static const struct {
		const char *what;
		uint32_t size;
		gpa_t desc, avail, used;
	} bad[] = {
		{ "size 0", 0, DESC, AVAIL, USED },
		{ "size not a power of two", 12, DESC, AVAIL, USED },
		{ "size too large", 2 * VIRTQ_SIZE_MAX, DESC, AVAIL, USED },
		{ "size that overflows", 1u << 31, DESC, AVAIL, USED },
		{ "descriptors outside memory", SIZE, RAM, AVAIL, USED },
		{ "descriptors across the end", SIZE, RAM - 64, AVAIL, USED },
		{ "descriptors at the last address", SIZE, UINT64_MAX - 15, AVAIL, USED },
		{ "descriptors misaligned", SIZE, DESC + 8, AVAIL, USED },
		{ "available ring outside memory", SIZE, DESC, RAM - 20, USED },
		{ "available ring misaligned", SIZE, DESC, AVAIL + 1, USED },
		{ "used ring outside memory", SIZE, DESC, AVAIL, RAM - 68 },
		{ "used ring misaligned", SIZE, DESC, AVAIL, USED + 2 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		is(virtq_init(&vq, &mem, 0, bad[i].size, bad[i].desc,
			      bad[i].avail, bad[i].used),
		   -EINVAL, "refused: %s", bad[i].what);
	is(virtq_init(&vq, &mem, 0, SIZE, RAM - 16 * SIZE, AVAIL, USED), 0,
	   "rings may end where memory ends");
}

static void test_chain(void)
{
	fresh(0);
	is(virtq_getchain(&vq, &chain), 0, "an empty ring");

	set(&desc[3], DATA, 16, VRING_DESC_F_NEXT, 5);
	set(&desc[5], DATA + 16, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set(&desc[1], DATA + 528, 1, VRING_DESC_F_WRITE, 99);
	publish(3);
	is(virtq_getchain(&vq, &chain), 1, "a chain of three");
	ok(chain.head == 3 && chain.nr_out == 1 && chain.nr_in == 2 &&
	   chain.out_len == 16 && chain.in_len == 513, "its shape");
	ok(chain.iov[1].iov_base == (char *)mem.base + DATA + 16 &&
	   chain.iov[1].iov_len == 512, "its addresses");

	virtq_retchain(&vq);
	is(virtq_getchain(&vq, &chain), 1, "a chain given back comes again");
	is(chain.head, 3, "the same one");
	is(virtq_getchain(&vq, &chain), 0, "and only once");

	chain.head = 3;
	virtq_relchain(&vq, &chain, 513);
	ok(used->idx == 1 && used->ring[0].id == 3 && used->ring[0].len == 513,
	   "it is in the used ring");
	ok(virtq_endchains(&vq), "an interrupt is due");
	ok(!virtq_endchains(&vq), "but not twice");
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtq_relchain(&vq, &chain, 0);
	ok(!virtq_endchains(&vq), "nor if the driver does not want any");

	/* Buffers of one chain may overlap; that is the driver's affair. */
	set(&desc[0], DATA, 64, VRING_DESC_F_NEXT, 1);
	set(&desc[1], DATA + 32, 64, VRING_DESC_F_WRITE, 0);
	publish(0);
	is(virtq_getchain(&vq, &chain), 1, "overlapping buffers are allowed");
}

static void test_indirect(void)
{
	unsigned int i;

	fresh(INDIRECT);
	/* More than the queue holds; the spec's bound is the driver's. */
	for (i = 0; i < 20; i++)
		set(&table[i], DATA + i, 1, (i ? VRING_DESC_F_WRITE : 0) |
		    (i < 19 ? VRING_DESC_F_NEXT : 0), i + 1);
	set(&desc[0], TABLE, 20 * 16, VRING_DESC_F_INDIRECT, 0);
	publish(0);
	is(virtq_getchain(&vq, &chain), 1, "an indirect table");
	ok(chain.nr_out == 1 && chain.nr_in == 19, "all its parts");

	set(&desc[1], DATA, 8, VRING_DESC_F_NEXT, 2);
	set(&desc[2], TABLE, 20 * 16, VRING_DESC_F_INDIRECT, 0);
	publish(1);
	is(virtq_getchain(&vq, &chain), 1, "a table after a direct buffer");
	is(chain.nr_out, 2, "both are in the chain");
}

static void expect_broken(const char *what)
{
	int ret = virtq_getchain(&vq, &chain);

	is(ret, -EPROTO, "broken: %s", what);
	ok(vq.broken && *vq.broken, "  said as: %s", vq.broken ? vq.broken : "");
	is(virtq_getchain(&vq, &chain), -EPROTO, "  and stays so");
}

static void test_broken(void)
{
	unsigned int i;

	fresh(0);
	set(&desc[0], DATA, 8, VRING_DESC_F_NEXT, 0);
	publish(0);
	expect_broken("a descriptor that follows itself");

	fresh(0);
	for (i = 0; i < SIZE; i++)
		set(&desc[i], DATA, 8, VRING_DESC_F_NEXT, (i + 1) % SIZE);
	publish(0);
	expect_broken("a loop over the whole table");

	fresh(0);
	publish(SIZE);
	expect_broken("a head beyond the table");
	fresh(0);
	publish(0xffff);
	expect_broken("the largest head");

	fresh(0);
	set(&desc[0], DATA, 8, VRING_DESC_F_NEXT, SIZE);
	publish(0);
	expect_broken("a next beyond the table");

	fresh(0);
	set(&desc[0], RAM, 1, 0, 0);
	publish(0);
	expect_broken("a buffer behind memory");
	fresh(0);
	set(&desc[0], RAM - 1, 2, 0, 0);
	publish(0);
	expect_broken("a buffer across the end of memory");
	fresh(0);
	set(&desc[0], UINT64_MAX - 1, 0xffffffff, 0, 0);
	publish(0);
	expect_broken("a buffer that wraps around");

	fresh(0);
	set(&desc[0], DATA, 0, 0, 0);
	publish(0);
	expect_broken("a buffer of length 0");

	fresh(0);
	set(&desc[0], DATA, 8, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	set(&desc[1], DATA, 8, 0, 0);
	publish(0);
	expect_broken("readable after writable");

	fresh(0);
	set(&desc[0], DATA, 8, 0, 0);
	avail->idx = SIZE + 1;
	expect_broken("an index too far ahead");
	fresh(0);
	set(&desc[0], DATA, 8, 0, 0);
	avail->idx = 0xffff;
	expect_broken("an index that goes back");

	fresh(0);
	set(&desc[0], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	publish(0);
	expect_broken("an indirect table that was not negotiated");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	set(&table[0], DATA, 8, 0, 0);
	publish(0);
	expect_broken("something after an indirect table");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set(&table[0], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	publish(0);
	expect_broken("a table in a table");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 24, VRING_DESC_F_INDIRECT, 0);
	publish(0);
	expect_broken("a table of one and a half descriptors");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 0, VRING_DESC_F_INDIRECT, 0);
	publish(0);
	expect_broken("an empty table");
	fresh(INDIRECT);
	set(&desc[0], RAM - 16, 32, VRING_DESC_F_INDIRECT, 0);
	publish(0);
	expect_broken("a table across the end of memory");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 2 * 16, VRING_DESC_F_INDIRECT, 0);
	set(&table[0], DATA, 8, VRING_DESC_F_NEXT, 1);
	set(&table[1], DATA, 8, VRING_DESC_F_NEXT, 0);
	publish(0);
	expect_broken("a loop in a table");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 16 * (VIRTQ_SEGS_MAX + 1), VRING_DESC_F_INDIRECT, 0);
	for (i = 0; i <= VIRTQ_SEGS_MAX; i++)
		set(&table[i], DATA, 8, i < VIRTQ_SEGS_MAX ? VRING_DESC_F_NEXT : 0, i + 1);
	publish(0);
	expect_broken("a table longer than any chain may be");
	fresh(INDIRECT);
	set(&desc[0], TABLE, 2 * 16, VRING_DESC_F_INDIRECT, 0);
	set(&table[0], DATA, 8, VRING_DESC_F_NEXT, 2);
	publish(0);
	expect_broken("a next beyond a table");
}

static void test_events(void)
{
	uint16_t *avail_event = (uint16_t *)&used->ring[SIZE];
	uint16_t *used_event;
	unsigned int i, irqs = 0;

	fresh(EVENT_IDX);
	used_event = &avail->ring[SIZE];
	set(&desc[0], DATA, 8, 0, 0);

	for (i = 0; i < 3; i++)
		publish(0);
	is(virtq_getchain(&vq, &chain), 1, "three chains");
	is(*avail_event, 0, "while there are more, no kick is asked for");
	virtq_getchain(&vq, &chain);
	virtq_getchain(&vq, &chain);
	is(virtq_getchain(&vq, &chain), 0, "taken");
	is(*avail_event, 3, "then one for the next chain");

	*used_event = 2;
	for (i = 0; i < 3; i++) {
		virtq_relchain(&vq, &chain, 0);
		irqs += virtq_endchains(&vq);
		is(irqs, i == 2, "interrupts after chain %u", i);
	}

	/* Through the wrap of both indices. */
	for (i = 0; i < 70000; i++) {
		publish(0);
		if (virtq_getchain(&vq, &chain) != 1)
			break;
		virtq_relchain(&vq, &chain, 0);
		*used_event = used->idx - 1;
		if (!virtq_endchains(&vq) || virtq_getchain(&vq, &chain) ||
		    *avail_event != avail->idx)
			break;
	}
	is(i, 70000, "indices wrap");
}

/* Rings that are mostly right, with wrong bytes anywhere. */
static void test_random(void)
{
	unsigned int round, good = 0, bad = 0, i;

	srand(1);
	for (round = 0; round < 50000; round++) {
		int ret;

		fresh(round & 1 ? INDIRECT | EVENT_IDX : 0);
		for (i = 0; i < SIZE; i++)
			set(&desc[i], DATA + rand() % 4096, 1 + rand() % 4096,
			    rand() % 2 ? VRING_DESC_F_NEXT : 0, rand() % SIZE);
		for (i = 0; i < SIZE; i++)
			set(&table[i], DATA, 1 + rand() % 64,
			    i < 7 ? VRING_DESC_F_NEXT : VRING_DESC_F_WRITE, i + 1);
		if (rand() % 2)
			set(&desc[rand() % SIZE], TABLE, 16 * SIZE,
			    VRING_DESC_F_INDIRECT, 0);
		for (i = rand() % 4; i; i--)
			((uint8_t *)desc)[rand() % (16 * SIZE)] = rand();
		publish(rand() % SIZE);

		ret = virtq_getchain(&vq, &chain);
		for (i = 0; ret == 1 && i < chain.nr_out + chain.nr_in; i++) {
			char *p = chain.iov[i].iov_base;

			if (p < (char *)mem.base || !chain.iov[i].iov_len ||
			    chain.iov[i].iov_len > RAM ||
			    p + chain.iov[i].iov_len > (char *)mem.base + RAM)
				tap_bail("round %u: a part outside memory", round);
		}
		if (ret == 1)
			good++;
		else if (ret == -EPROTO)
			bad++;
	}
	is(good + bad, 50000, "random rings give a chain or are broken");
	ok(good > 5000 && bad > 5000, "both happen (%u, %u)", good, bad);
}

int main(void)
{
	mem.size = RAM;
	mem.fd = -1;
	mem.base = aligned_alloc(4096, RAM);
	if (!mem.base)
		tap_bail("memory");
	test_init();
	test_chain();
	test_indirect();
	test_broken();
	test_events();
	test_random();
	free(mem.base);
	return tap_done();
}
