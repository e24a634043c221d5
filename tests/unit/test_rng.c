// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-rng, driven by a driver. */
#include <linux/virtio_ids.h>
#include <string.h>

#include "driver.h"
#include "tap.h"

static struct drv d;

static bool is_random(const uint8_t *p, size_t len)
{
	size_t seen[256] = { 0 }, i, kinds = 0;

	for (i = 0; i < len; i++)
		kinds += !seen[p[i]]++;
	return kinds > 128;
}

int main(void)
{
	struct drv_buf buf[3];
	struct r3_err err;
	struct dev *dev;
	unsigned int i;

	if (dev_rng_create(&dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
	is(d.page->device_id, VIRTIO_ID_RNG, "device id");
	ok(drv_init(&d, 0), "the driver starts");

	for (i = 0; i < 3; i++)
		buf[i] = (struct drv_buf){ drv_alloc(&d, 1000, 1), 1000, true };
	is(drv_do(&d, 0, buf, 3, false), 3000, "three buffers are filled");
	for (i = 0; i < 3; i++)
		ok(is_random(drv_ptr(&d, buf[i].gpa), 1000), "buffer %u is random", i);
	is(drv_do(&d, 0, buf, 3, true), 3000, "the same by an indirect table");

	buf[0].in = false;
	memset(drv_ptr(&d, buf[0].gpa), 7, 1000);
	is(drv_do(&d, 0, buf, 2, false), 1000, "a readable part is skipped");
	ok(!memchr(drv_ptr(&d, buf[0].gpa), 8, 1000) &&
	   ((char *)drv_ptr(&d, buf[0].gpa))[999] == 7, "and not written");

	buf[0] = (struct drv_buf){ drv_alloc(&d, 1 << 20, 4096), 1 << 20, true };
	is(drv_do(&d, 0, buf, 1, false), 65536, "a huge request gets a part");

	for (i = 0; i < 1000; i++)
		if (drv_do(&d, 0, buf + 1, 1, i & 1) != 1000)
			break;
	is(i, 1000, "a thousand requests");
	ok(drv_init(&d, 1ULL << VIRTIO_RING_F_EVENT_IDX), "without event indices");
	buf[0] = (struct drv_buf){ drv_alloc(&d, 64, 1), 64, true };
	is(drv_do(&d, 0, buf, 1, false), 64, "it works as well");
	drv_stop(&d, 0);
	return tap_done();
}
