// SPDX-License-Identifier: GPL-2.0-or-later
/* The core of all devices: negotiation, reset, and drivers that lie. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "driver.h"
#include "tap.h"

#define VERSION_1	(1ULL << VIRTIO_F_VERSION_1)

static struct drv d;

static void start(void)
{
	struct r3_err err;
	struct dev *dev;

	if (dev_rng_create(&dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
}

static bool works(void)
{
	struct drv_buf buf = { drv_alloc(&d, 64, 1), 64, true };

	return drv_do(&d, 0, &buf, 1, false) == 64;
}

static void test_negotiation(void)
{
	drv_reset(&d);
	ok(!drv_negotiate(&d, d.page->features | 1ULL << 50),
	   "a feature that was not offered is refused");
	drv_reset(&d);
	ok(!drv_negotiate(&d, d.page->features & ~VERSION_1),
	   "a driver from before virtio 1.0 is refused");
	drv_set_status(&d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		       VIRTIO_CONFIG_S_DRIVER_OK);
	drv_reset(&d);
	is(d.page->status, 0, "reset clears the status");
	ok(drv_negotiate(&d, VERSION_1), "no more than virtio 1.0 is enough");
	ok(drv_init(&d, 0) && works(), "and all that is offered");
	ok(drv_init(&d, 0) && works(), "again after a reset");
}

static void test_before_ok(void)
{
	struct drv_buf buf = { 0, 64, true };
	uint32_t s = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		     VIRTIO_CONFIG_S_FEATURES_OK;

	drv_reset(&d);
	drv_negotiate(&d, d.page->features);
	drv_setup_queue(&d, 0);
	buf.gpa = drv_alloc(&d, 64, 1);
	drv_add(&d, 0, &buf, 1, false);
	drv_force_kick(&d, 0);
	drv_control(&d);
	ok(!drv_used(&d, 0, 20, NULL, NULL), "nothing is done before DRIVER_OK");
	drv_set_status(&d, s | VIRTIO_CONFIG_S_DRIVER_OK);
	ok(drv_used(&d, 0, DRV_WAIT_MS, NULL, NULL), "and all of it after");
}

/* Queue addresses that are none. */
static void test_bad_queue(void)
{
	static const struct {
		const char *what;
		uint32_t size;
		uint64_t desc, avail, used;
	} bad[] = {
		{ "a size that is no power of two", 3, 4096, 8192, 12288 },
		{ "a size above what was offered", 512, 4096, 8192, 12288 },
		{ "size 0", 0, 4096, 8192, 12288 },
		{ "descriptors outside memory", 8, DRV_MEM, 8192, 12288 },
		{ "a used ring at the end of the world", 8, 4096, 8192, UINT64_MAX - 3 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct r3_vqueue *q = &d.page->queue[0];

		drv_reset(&d);
		drv_negotiate(&d, d.page->features);
		*q = (struct r3_vqueue){ q->size_max, bad[i].size, bad[i].desc,
					 bad[i].avail, bad[i].used, 1, 0 };
		drv_set_status(&d, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			       VIRTIO_CONFIG_S_DRIVER |
			       VIRTIO_CONFIG_S_FEATURES_OK |
			       VIRTIO_CONFIG_S_DRIVER_OK);
		ok(drv_needs_reset(&d), "needs reset: %s", bad[i].what);
		ok(drv_init(&d, 0) && works(), "  works after it");
	}
}

static void test_broken(void)
{
	struct drv_buf buf = { 0, 64, true };
	unsigned int irqs;

	drv_init(&d, 0);
	(void)atomic_xchg(d.page->isr, 0);
	irqs = __atomic_load_n(&d.irqs, __ATOMIC_SEQ_CST);
	d.q[0].desc[0] = (struct vring_desc){ 4096, 8, VRING_DESC_F_NEXT, 0 };
	drv_publish(&d, 0, 0);
	drv_force_kick(&d, 0);
	ok(drv_needs_reset(&d), "a loop in a chain: needs reset");
	usleep(20000);
	ok(read_once(d.page->isr) & R3_VDEV_ISR_CONFIG &&
	   __atomic_load_n(&d.irqs, __ATOMIC_SEQ_CST) > irqs,
	   "a configuration interrupt says so");

	buf.gpa = drv_alloc(&d, 64, 1);
	d.q[0].next_desc = 1;
	drv_add(&d, 0, &buf, 1, false);
	drv_force_kick(&d, 0);
	ok(!drv_used(&d, 0, 50, NULL, NULL), "it does nothing more");
	drv_set_status(&d, 0x0f);
	ok(read_once(d.page->status) & VIRTIO_CONFIG_S_NEEDS_RESET,
	   "a status write does not hide it");
	ok(drv_init(&d, 0) && works(), "a reset heals it");

	/* The device breaks just when the driver resets it. */
	drv_init(&d, 0);
	write_once(d.page->status, VIRTIO_CONFIG_S_NEEDS_RESET);
	drv_control(&d);
	is(read_once(d.page->status), 0, "a reset is one even if that bit gets in");
}

/* A page full of noise, and everything else at once. */
static void test_noise(void)
{
	unsigned int i, k;

	for (i = 0; i < 2000; i++) {
		uint32_t seq = load_acquire(d.page->ctl_ack);

		for (k = 0; k < 40; k++) {
			unsigned int at = rand() % sizeof(struct r3_vdev);

			/* Not what the test itself needs to get through. */
			if ((at >= offsetof(struct r3_vdev, kick_fd) &&
			     at < offsetof(struct r3_vdev, isr)) ||
			    (at >= offsetof(struct r3_vdev, ctl_seq) &&
			     at < offsetof(struct r3_vdev, reserved)))
				continue;
			write_once(((uint8_t *)d.page)[at], rand());
		}
		if (rand() % 3)
			write_once(d.page->status, rand() % 256);
		write_once(d.page->queue[0].size, 1 << rand() % 12);
		for (k = 0; k < 8; k++)
			write_once(((uint8_t *)d.mem.base)[rand() % 65536], rand());
		store_release(d.page->ctl_seq, seq + 1);
		event_post(d.dev->kick_fd);
		if (i % 16 == 0 && !drv_control(&d)) {
			ok(false, "the device hangs in round %u", i);
			return;
		}
	}
	ok(true, "2000 rounds of noise in the device's page");
}

/* The thread must leave signals to others. */
static void test_signals(void)
{
	char path[64], line[256];
	unsigned long long blocked = 0;
	FILE *f = NULL;
	int tid, tries;

	/* It names itself, soon after it was started. */
	for (tries = 0; tries < 64 * 200 && !f; tries++) {
		tid = getpid() + 1 + tries % 64;
		if (tries && !(tries % 64))
			usleep(5000);
		snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
		f = fopen(path, "r");
		if (f && fgets(line, sizeof(line), f) && strcmp(line, "Name:\trng-0\n")) {
			fclose(f);
			f = NULL;
		}
	}
	if (!ok(f != NULL, "the thread is called rng-0"))
		return;
	while (fgets(line, sizeof(line), f))
		sscanf(line, "SigBlk: %llx", &blocked);
	fclose(f);
	ok(blocked >> (SIGUSR1 - 1) & 1 && blocked >> (SIGALRM - 1) & 1 &&
	   blocked >> (SIGTERM - 1) & 1, "and blocks signals (%llx)", blocked);
}

int main(void)
{
	uint64_t features;

	srand(3);
	start();
	features = d.page->features;
	test_signals();
	test_negotiation();
	test_before_ok();
	test_bad_queue();
	test_broken();
	test_noise();
	drv_stop(&d, 0);

	start();
	is(d.page->features, features, "a new device is as the old one");
	ok(drv_init(&d, 0) && works(), "and works");
	drv_stop(&d, -1);
	return tap_done();
}
