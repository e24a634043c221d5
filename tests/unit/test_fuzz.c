// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random drivers, mostly right, against every device. Whatever they do, the
 * device answers control, stays inside guest memory (the sanitizers watch) and
 * works again after a reset. FUZZ_ROUNDS and FUZZ_SEED in the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "driver.h"
#include "image/image.h"
#include "tap.h"

#define DISK	(4u << 20)

static struct drv d;
static int host_fd;

static unsigned int pick(unsigned int n)
{
	return rand() % n;
}

/* Mostly small and sane, at times anything. */
static uint64_t number(uint64_t sane)
{
	switch (pick(12)) {
	case 0:
		return UINT64_MAX - pick(4096);
	case 1:
		return (uint64_t)rand() << 32 | rand();
	case 2:
		return 0;
	default:
		return pick(sane);
	}
}

static void fill_request(void *p, uint32_t len)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 0x7fffffff };
	struct virtio_blk_outhdr h = {
		.type = types[pick(ARRAY_SIZE(types))],
		.sector = number(DISK / 512),
	};
	struct virtio_console_control c = {
		.id = number(3), .event = pick(10), .value = pick(2),
	};
	struct virtio_blk_discard_write_zeroes r = {
		.sector = number(DISK / 512), .num_sectors = number(64),
		.flags = pick(8) ? 0 : rand(),
	};

	if (pick(2) && len >= sizeof(h))
		memcpy(p, &h, sizeof(h));
	else if (pick(2) && len >= sizeof(r))
		memcpy(p, &r, sizeof(r));
	else if (len >= sizeof(c))
		memcpy(p, &c, sizeof(c));
}

static void one_chain(unsigned int q)
{
	static const uint32_t sizes[] = { 1, 8, 16, 16, 16, 512, 4096, 65536 };
	unsigned int n = 1 + pick(5), outs = pick(n + 1), i;
	struct drv_buf buf[6];

	for (i = 0; i < n; i++) {
		uint32_t len = i || pick(4) ? sizes[pick(ARRAY_SIZE(sizes))] : 16;

		buf[i] = (struct drv_buf){ (DRV_MEM / 2) + pick(DRV_MEM / 2 - len),
					   len, i >= outs };
		if (i < outs)
			fill_request(drv_ptr(&d, buf[i].gpa), len);
	}
	if (!pick(60))
		buf[pick(n)].gpa = number(DRV_MEM);
	if (!pick(60))
		buf[pick(n)].len = number(1 << 20);
	if (!pick(60))
		buf[pick(n)].in ^= 1;
	/* Tables of indirect chains come from the lower half. */
	if (d.free > DRV_MEM / 2 - 4096)
		d.free = DRV_MEM / 4;
	drv_add(&d, q, buf, n, pick(2));
	if (!pick(40))
		__atomic_fetch_xor((uint8_t *)d.q[q].desc + pick(16 * d.q[q].size),
				   1 << pick(8), __ATOMIC_RELAXED);
	if (!pick(200))
		d.q[q].avail_idx += pick(70000);
	if (pick(8))
		drv_kick(&d, q);
	else
		drv_force_kick(&d, pick(64));
}

static void fuzz(const char *what, unsigned int rounds)
{
	unsigned int i, resets = 0;

	for (i = 0; i < rounds; i++) {
		char junk[4096];

		if (!i || !pick(50) ||
		    read_once(d.page->status) & 0x40) {
			if (!drv_init(&d, pick(2) ? 0 : 1ULL << VIRTIO_RING_F_EVENT_IDX)) {
				ok(false, "%s: does not start again in round %u", what, i);
				return;
			}
			resets++;
		}
		one_chain(pick(d.page->nr_queues));
		if (!pick(4) && host_fd >= 0) {
			memset(junk, rand(), sizeof(junk));
			if (send(host_fd, junk, 1 + pick(4096), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
			    errno != EAGAIN)
				host_fd = -1;
			while (recv(host_fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
				;
		}
		if (!pick(20) && !drv_control(&d)) {
			ok(false, "%s: does not answer in round %u", what, i);
			return;
		}
	}
	ok(drv_control(&d), "%s: answers after %u rounds and %u resets", what, rounds, resets);
	ok(drv_init(&d, 0), "%s: starts as new", what);
}

int main(void)
{
	const char *s = getenv("FUZZ_ROUNDS"), *seed = getenv("FUZZ_SEED");
	unsigned int rounds = s ? strtoul(s, NULL, 0) : 20000;
	struct dev_port port[2];
	struct image *img;
	struct r3_err err;
	struct dev *dev;
	int fd, a[2], b[2];

#ifdef __SANITIZE_THREAD__
	printf("1..0 # SKIP writing to buffers in use is a race on purpose\n");
	return 0;
#endif
	srand(seed ? strtoul(seed, NULL, 0) : 1);
	host_fd = -1;
	if (dev_rng_create(&dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
	fuzz("rng", rounds / 4);
	drv_stop(&d, 100);

	fd = memfd_create("disk", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, DISK) < 0 ||
	    image_cow_create(fd, memfd_create("layer", MFD_CLOEXEC), "disk", &img, &err) ||
	    dev_blk_create(img, "12345678901234567890", &(struct dev_blk_limits){ 0 }, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
	fuzz("blk", rounds);
	drv_stop(&d, 100);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) || socketpair(AF_UNIX, SOCK_STREAM, 0, b))
		tap_bail("socketpair");
	port[0] = (struct dev_port){ a[1], NULL };
	port[1] = (struct dev_port){ b[1], "port" };
	if (dev_console_create(port, 2, &dev, &err))
		tap_bail("%s", err.msg);
	host_fd = a[0];
	drv_start(&d, dev);
	fuzz("console", rounds);
	drv_stop(&d, 100);
	return tap_done();
}
