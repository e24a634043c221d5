// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every virtio device and the ring code, without threads. The first byte
 * chooses the device, the rest is a driver: mostly right, at times not.
 * Whatever it did, the device acknowledges a reset and then works as new.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/iov.h"
#include "base/util.h"
#include "devices.h"
#include "image/image.h"

#define RING		1024		/* bytes a queue */
#define DISK		(64u << 10)
#define PORTS		2
#define STEPS_MAX	200

static struct guest_mem mem;
static struct r3_vdev *page;
struct dev *dev;
static unsigned int irqs;
static int host[PORTS] = { -1, -1 }, guest[PORTS] = { -1, -1 };
static uint16_t avail_idx[R3_VDEV_QUEUES], next_desc[R3_VDEV_QUEUES];

/* ---- a disk in memory that fails when it is told to ---- */

static struct disk {
	struct image img;
	uint8_t data[DISK];
	unsigned int fail_in;
	int error;
} disk;

static int disk_fails(uint64_t off, uint64_t len)
{
	must(len && off < DISK && len <= DISK - off);
	return disk.fail_in && !--disk.fail_in ? -disk.error : 0;
}

static int disk_preadv(struct image *img, const struct iovec *iov, unsigned int n, uint64_t off, uint64_t len)
{
	int ret = disk_fails(off, len);

	if (!ret)
		must(iov_write(iov, n, 0, disk.data + off, len) == len);
	return ret;
}

static int disk_pwritev(struct image *img, const struct iovec *iov, unsigned int n, uint64_t off, uint64_t len)
{
	int ret = disk_fails(off, len);

	must(!img->readonly);
	if (!ret)
		must(iov_read(iov, n, 0, disk.data + off, len) == len);
	return ret;
}

static int disk_flush(struct image *img)
{
	return disk_fails(0, 1);
}

static int disk_discard(struct image *img, uint64_t off, uint64_t len)
{
	must(!img->readonly);
	return disk_fails(off, len);
}

static int disk_zero(struct image *img, uint64_t off, uint64_t len, bool unmap)
{
	int ret = disk_discard(img, off, len);

	if (!ret)
		memset(disk.data + off, 0, len);
	return ret;
}

static void disk_close(struct image *img)
{
}

static const struct image_ops disk_ops = {
	.preadv = disk_preadv,
	.pwritev = disk_pwritev,
	.flush = disk_flush,
	.discard = disk_discard,
	.write_zeroes = disk_zero,
	.close = disk_close,
};

/* ---- a driver ---- */

void *ram(uint64_t gpa)
{
	return (char *)mem.base + gpa;
}

struct vring_desc *desc_of(unsigned int q)
{
	return ram(q % R3_VDEV_QUEUES * RING % DATA);
}

static uint16_t *avail_of(unsigned int q)
{
	return ram(q % R3_VDEV_QUEUES * RING % DATA + 512);
}

uint16_t *used_of(unsigned int q)
{
	return ram(q % R3_VDEV_QUEUES * RING % DATA + 640);
}

static void control(void)
{
	page->ctl_seq++;
	dev_step(dev, 0);
	must(page->ctl_ack == page->ctl_seq);
}

static void set_status(uint32_t status)
{
	page->status = status;
	control();
}

static void set_up(uint64_t features, unsigned int size)
{
	unsigned int q;

	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	page->driver_features = features;
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	for (q = 0; q < dev->nr_queues; q++) {
		struct r3_vqueue *vq = &page->queue[q];

		memset(desc_of(q), 0, RING);
		avail_idx[q] = next_desc[q] = 0;
		vq->size = size;
		vq->desc = (char *)desc_of(q) - (char *)mem.base;
		vq->driver = vq->desc + 512;
		vq->device = vq->desc + 640;
		vq->enabled = 1;
	}
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
		   VIRTIO_CONFIG_S_DRIVER_OK);
}

void publish(unsigned int q, uint16_t head)
{
	uint16_t *avail = avail_of(q);

	avail[2 + avail_idx[q] % RING_SIZE] = head;
	avail[1] = ++avail_idx[q];
}

void kick(unsigned int q)
{
	page->kicked |= 1ULL << q % 64;
	dev_step(dev, 0);
}

/* A buffer of 16 bits for address and length, or anything. */
static void describe(struct input *in, struct vring_desc *d, uint8_t how)
{
	d->addr = how & 2 ? in64(in) : DATA + in16(in) % (RAM - DATA);
	d->len = how & 4 ? in32(in) : how & 8 ? (uint32_t)in8(in) : 512u * (1 + in8(in) % 8u);
	d->flags = how & 1 ? VRING_DESC_F_WRITE : 0;
}

static void add_chain(struct input *in, bool indirect)
{
	unsigned int q = in8(in) % dev->nr_queues, n = 1 + in8(in) % 6, i;
	struct vring_desc *table = desc_of(q), d = { 0 };
	uint16_t at = next_desc[q] % RING_SIZE, head = at;
	uint64_t inner = DATA + in16(in) % (RAM - DATA - 256) / 16 * 16;

	for (i = 0; i < n; i++) {
		uint8_t how = in8(in);

		describe(in, &d, how);
		d.next = indirect ? i + 1 : (at + 1u) % RING_SIZE;
		d.flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		if (how >= 0xf0)
			d.flags = in16(in);
		memcpy(indirect ? ram(inner + 16 * i) : &table[at], &d, sizeof(d));
		at = indirect ? at : (at + 1) % RING_SIZE;
	}
	if (indirect) {
		table[head] = (struct vring_desc){ .addr = inner, .len = 16 * n, .flags = VRING_DESC_F_INDIRECT };
		at = (head + 1) % RING_SIZE;
	}
	next_desc[q] = at;
	publish(q, head);
	kick(q);
}

void put(uint32_t at, const void *data, size_t len)
{
	memcpy(ram(DATA + at % (RAM - DATA - 64)), data, len);
}

void add_one(unsigned int q, const void *data, size_t len, bool fill)
{
	uint16_t head = next_desc[q] % RING_SIZE;

	if (data)
		memcpy(ram(RAM - 4096), data, len);
	desc_of(q)[head] = (struct vring_desc){ .addr = RAM - 4096, .len = len, .flags = fill ? VRING_DESC_F_WRITE : 0 };
	next_desc[q] = head + 1;
	publish(q, head);
	kick(q);
}

static void put_request(struct input *in)
{
	uint16_t at = in16(in);
	struct virtio_blk_outhdr h = { .type = in8(in) };

	h.sector = in8(in) & 1 ? in64(in) : in8(in);
	put(at, &h, sizeof(h));
}

static void put_range(struct input *in)
{
	uint16_t at = in16(in);
	struct virtio_blk_discard_write_zeroes r = { .sector = in8(in), .num_sectors = in8(in) };
	uint8_t how = in8(in);

	r.flags = how & 1;
	if (how & 2)
		r.sector = in64(in);
	if (how & 4)
		r.num_sectors = in32(in);
	if (how & 8)
		r.flags = in32(in);
	put(at, &r, sizeof(r));
}

static void put_message(struct input *in)
{
	uint16_t at = in16(in);
	struct virtio_console_control c = { .id = in8(in), .event = in8(in), .value = in8(in) };

	put(at, &c, sizeof(c));
}

static void host_side(struct input *in, uint8_t what)
{
	int fd = host[what / 4 % PORTS];
	uint8_t buf[4096];
	const uint8_t *p;
	size_t n;

	if (fd < 0)
		return;
	switch (what % 4) {
	case 0:
		p = in_bytes(in, in8(in), &n);
		if (send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			must(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
		break;
	case 1:
		while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		break;
	case 2:
		shutdown(fd, SHUT_WR);
		break;
	case 3:
		close(fd);
		host[what / 4 % PORTS] = -1;
	}
	dev_step(dev, 0);
}

static void one_step(struct input *in)
{
	uint8_t op = in8(in), q;
	const uint8_t *p;
	uint32_t at;
	size_t n;

	if (dev->ops->id == VIRTIO_ID_NET && net_step(in, op))
		return;
	switch (op % 22) {
	case 0:
		set_up(dev->features & ~((uint64_t)(in8(in) & 3) << VIRTIO_RING_F_INDIRECT_DESC), RING_SIZE);
		break;
	case 1:
	case 2:
		add_chain(in, false);
		break;
	case 3:
		add_chain(in, true);
		break;
	case 4:
		at = in16(in);
		p = in_bytes(in, in8(in) % 64, &n);
		put(at, p, n);
		break;
	case 5:
		put_request(in);
		break;
	case 6:
		put_range(in);
		break;
	case 7:
	case 8:
		put_message(in);
		break;
	case 9:
		kick(in8(in));
		break;
	case 10:
		at = in16(in) % (sizeof(*page) - 8);
		p = in_bytes(in, 1 + in8(in) % 8, &n);
		memcpy((char *)page + at, p, n);
		break;
	case 11:
		control();
		break;
	case 12:
		q = in8(in) % dev->nr_queues;
		p = in_bytes(in, 16, &n);
		memcpy(&desc_of(q)[in8(in) % RING_SIZE], p, n);
		break;
	case 13:
		q = in8(in) % dev->nr_queues;
		avail_idx[q] += (int8_t)in8(in);
		avail_of(q)[1] = avail_idx[q];
		kick(q);
		break;
	case 14:
		host_side(in, in8(in));
		break;
	case 15:
		if (dev->ops->poked) {
			at = in32(in);
			dev_console_resize(dev, in8(in), at & 0xffff, at >> 16);
		}
		break;
	case 16:
		set_status(in8(in));
		break;
	case 17:
		disk.fail_in = in8(in) % 4;
		disk.error = in8(in) & 1 ? EIO : ENOSPC;
		break;
	case 18:
		/* Anywhere, rings and tables included. */
		at = in16(in);
		p = in_bytes(in, in8(in) % 32, &n);
		memcpy(ram(at % (RAM - 32)), p, n);
		break;
	case 19:
		set_up(in64(in), in16(in));
		break;
	case 20:
		/* A message to the console's control queue, as it should be. */
		if (dev->nr_queues > 3) {
			struct virtio_console_control c = { .id = in8(in) % 3, .event = in8(in) % 8, .value = !(op & 128) };

			add_one(3, &c, sizeof(c), false);
		}
		break;
	case 21:
		/* A buffer to be filled. */
		add_one(in8(in) % dev->nr_queues, NULL, 64 + 64 * (op / 32), true);
		break;
	}
}

/* ---- and then it has to work ---- */

uint32_t transact(unsigned int q, const struct vring_desc *part, unsigned int n)
{
	uint16_t *used = used_of(q), before = used[1], head = next_desc[q] % RING_SIZE, at = head;
	struct vring_desc *table = desc_of(q);
	unsigned int i;

	for (i = 0; i < n; i++) {
		table[at] = part[i];
		table[at].next = (at + 1) % RING_SIZE;
		table[at].flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		at = (at + 1) % RING_SIZE;
	}
	next_desc[q] = at;
	publish(q, head);
	kick(q);
	for (i = 0; i < 10 && used[1] == before; i++)
		dev_step(dev, 0);
	must(used[1] == (uint16_t)(before + 1));
	must(*(uint32_t *)(used + 2 + 4 * (before % RING_SIZE)) == head);
	return *(uint32_t *)(used + 4 + 4 * (before % RING_SIZE));
}

static void blk_works(void)
{
	struct virtio_blk_outhdr *h = ram(DATA);
	struct vring_desc part[] = {
		{ .addr = DATA, .len = sizeof(*h) },
		{ .addr = DATA + 512, .len = 512, .flags = VRING_DESC_F_WRITE },
		{ .addr = DATA + 1024, .len = 1, .flags = VRING_DESC_F_WRITE },
	};

	*h = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN, .sector = DISK / 512 - 1 };
	*(uint8_t *)ram(DATA + 1024) = 0xff;
	must(transact(0, part, 3) == 513);
	must(*(uint8_t *)ram(DATA + 1024) == VIRTIO_BLK_S_OK);
	must(!memcmp(ram(DATA + 512), disk.data + DISK - 512, 512));
}

static void rng_works(void)
{
	struct vring_desc part = { .addr = DATA, .len = 32, .flags = VRING_DESC_F_WRITE };

	must(transact(0, &part, 1) == 32);
}

static void console_works(void)
{
	static const uint16_t say[] = { VIRTIO_CONSOLE_DEVICE_READY, VIRTIO_CONSOLE_PORT_READY, VIRTIO_CONSOLE_PORT_OPEN };
	struct virtio_console_control *c = ram(DATA);
	struct vring_desc message = { .addr = DATA, .len = sizeof(*c) }, text = { .addr = DATA, .len = 4 };
	struct vring_desc reply = { .addr = DATA + 512, .len = 128, .flags = VRING_DESC_F_WRITE };
	unsigned int i;
	char buf[4096];
	ssize_t n;

	/* A buffer for what it says of its ports. */
	desc_of(2)[0] = reply;
	publish(2, 0);
	next_desc[2] = 1;
	for (i = 0; i < ARRAY_SIZE(say); i++) {
		*c = (struct virtio_console_control){ .id = i ? 1 : 0, .event = say[i], .value = 1 };
		transact(3, &message, 1);
		if (!i) {
			must(used_of(2)[1] == 1);
			c = ram(DATA + 512);
			must(!c->id && c->event == VIRTIO_CONSOLE_PORT_ADD);
			c = ram(DATA);
			desc_of(2)[1] = reply;
			publish(2, 1);
			kick(2);
		}
	}
	if (host[1] >= 0)
		while (recv(host[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	memcpy(ram(DATA), "mark", 4);
	transact(5, &text, 1);
	if (host[1] < 0)
		return;
	/* Once the guest's end was passed on there is no way to say more. */
	n = recv(host[1], buf, sizeof(buf), MSG_DONTWAIT);
	must(n <= 0 || (n == 4 && !memcmp(buf, "mark", 4)));
}

static void works(void)
{
	set_status(0);
	must(!page->status);
	disk.fail_in = 0;
	set_up(dev->features, RING_SIZE);
	must(!(page->status & VIRTIO_CONFIG_S_NEEDS_RESET));
	must(page->status & VIRTIO_CONFIG_S_FEATURES_OK);
	switch (dev->ops->id) {
	case VIRTIO_ID_NET:
		net_works();
		break;
	case VIRTIO_ID_BLOCK:
		blk_works();
		break;
	case VIRTIO_ID_CONSOLE:
		console_works();
		break;
	case VIRTIO_ID_RNG:
		rng_works();
		break;
	}
}

/* ---- begin and end ---- */

static void raise_irq(void *opaque, unsigned int index)
{
	must(index == 0);
	irqs++;
}

static int make(uint8_t kind, struct r3_err *err)
{
	struct dev_port port[PORTS] = { { -1, NULL }, { -1, "org.ring3.fuzz" } };
	int i, sv[2];

	/* FUZZ_CARD=1: nothing else, for runs that are for the card. */
	if (kind >> 4 == 0xa || getenv("FUZZ_CARD"))
		return net_make(kind, err);
	switch (kind % 4) {
	case 0:
		return dev_rng_create(&dev, err);
	case 1:
	case 2:
		disk.img = (struct image){ .ops = &disk_ops, .size = DISK, .readonly = kind % 4 == 2 };
		disk.fail_in = 0;
		memset(disk.data, 0xd1, DISK);
		return dev_blk_create(&disk.img, "12345678901234567890", &(struct dev_blk_limits){ 0 }, &dev, err);
	}
	for (i = 0; i < PORTS; i++) {
		must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
		host[i] = sv[0];
		port[i].fd = guest[i] = sv[1];
	}
	return dev_console_create(port, PORTS, &dev, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dev_bus bus = { .mem = &mem, .raise = raise_irq };
	struct input in = { data, size };
	unsigned int steps, i;
	struct r3_err err;

	if (!mem.base) {
		mem = (struct guest_mem){ .base = aligned_alloc(4096, RAM), .size = RAM, .fd = -1 };
		page = aligned_alloc(4096, 4096);
		must(mem.base && page);
		signal(SIGPIPE, SIG_IGN);	/* as the monitor does */
	}
	memset(mem.base, 0, RAM);
	memset(page, 0, 4096);
	memset(avail_idx, 0, sizeof(avail_idx));
	memset(next_desc, 0, sizeof(next_desc));
	must(!make(in8(&in), &err));
	dev->poll.paused_until = INT64_MAX;	/* the time is no input */
	must(!dev_attach(dev, page, 0, &bus, &err));
	if (in8(&in) & 1)
		set_up(dev->features, RING_SIZE);
	for (steps = 0; in.len && steps < STEPS_MAX; steps++)
		one_step(&in);
	works();
	dev_detach(dev);
	dev_destroy(dev);
	net_end();
	for (i = 0; i < PORTS; i++) {
		if (host[i] >= 0)
			close(host[i]);
		if (guest[i] >= 0)
			close(guest[i]);
		host[i] = guest[i] = -1;
	}
	return 0;
}
