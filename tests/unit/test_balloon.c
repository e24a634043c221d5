// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-balloon, driven by a driver. */
#include <endian.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "driver.h"
#include "tap.h"

#define INFLATE	0
#define DEFLATE	1
#define PAGE	4096u

static struct drv d;
static struct dev *dev;

static uint64_t resident(void)
{
	struct stat st;

	fstat(d.mem.fd, &st);
	return st.st_blocks * 512ULL;
}

static void name(unsigned int q, const uint32_t *pfn, unsigned int n)
{
	struct drv_buf buf = { drv_alloc(&d, n * 4, 4), n * 4, false };

	memcpy(drv_ptr(&d, buf.gpa), pfn, n * 4);
	drv_do(&d, q, &buf, 1, false);
}

static uint32_t wanted(void)
{
	return le32toh(*(volatile uint32_t *)d.page->config);
}

static void test_given(void)
{
	const unsigned int pages = 200;
	gpa_t at = drv_alloc(&d, pages * PAGE, PAGE);
	uint32_t pfn[200], i;
	uint64_t before;

	memset(drv_ptr(&d, at), 7, pages * PAGE);
	before = resident();
	/* In no order, as a guest's free pages come. */
	for (i = 0; i < pages; i++)
		pfn[i] = at / PAGE + (i * 67 + 5) % pages;
	name(INFLATE, pfn, pages / 2);
	ok(before - resident() >= pages / 2 * PAGE - PAGE, "what the guest gives is the host's");
	is(dev_balloon_has(dev), pages / 2 * PAGE, "and counted");
	for (i = 0; i < pages / 2; i++)
		if (*(char *)drv_ptr(&d, pfn[i] * (gpa_t)PAGE))
			break;
	is(i, pages / 2, "it is zeros when it is touched");
	for (i = pages / 2; i < pages; i++)
		if (*(char *)drv_ptr(&d, pfn[i] * (gpa_t)PAGE) != 7)
			break;
	is(i, pages, "what it kept is as it was");
	name(DEFLATE, pfn, pages / 2);
	is(dev_balloon_has(dev), 0, "what it takes back is its own");
	is(wanted(), 0, "and is not asked for again");
}

static void test_lies(void)
{
	static const uint32_t outside[] = { DRV_MEM / PAGE, DRV_MEM / PAGE + 1, 0x7fffffff, 0xffffffff, 0x100000 };
	gpa_t at = drv_alloc(&d, 4 * PAGE, PAGE);
	uint32_t pfn[1024], i;
	struct drv_buf odd = { drv_alloc(&d, 64, 4), 7, false }, in = { drv_alloc(&d, 64, 4), 64, true };

	memset(drv_ptr(&d, at), 9, 4 * PAGE);
	name(INFLATE, outside, ARRAY_SIZE(outside));
	is(dev_balloon_has(dev), 0, "pages outside of its memory are none");
	for (i = 0; i < 1024; i++)
		pfn[i] = at / PAGE + 1;
	name(INFLATE, pfn, 1024);
	is(*(char *)drv_ptr(&d, at + PAGE), 0, "one that is named a thousand times is given once");
	ok(*(char *)drv_ptr(&d, at) == 9 && *(char *)drv_ptr(&d, at + 2 * PAGE) == 9, "and its neighbours are not");
	for (i = 0; i < 40; i++)
		name(INFLATE, pfn, 256);
	ok(dev_balloon_has(dev) <= DRV_MEM, "more than it has it does not give");
	for (i = 0; i < 40; i++)
		name(DEFLATE, pfn, 256);
	is(dev_balloon_has(dev), 0, "nor take");
	memset(drv_ptr(&d, odd.gpa), 0xff, 64);
	drv_do(&d, INFLATE, &odd, 1, false);
	drv_do(&d, INFLATE, &in, 1, false);
	is(dev_balloon_has(dev), 0, "a part of a number, and a chain that is to be written, are nothing");
}

int main(void)
{
	struct r3_err err;
	unsigned int i;

	if (dev_balloon_create(3 * PAGE, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
	is(d.page->device_id, VIRTIO_ID_BALLOON, "device id");
	ok(d.page->features >> VIRTIO_BALLOON_F_DEFLATE_ON_OOM & 1, "the guest may take memory back before it kills");
	is(wanted(), 3, "what it is asked for from the start");
	ok(drv_init(&d, 0), "the driver starts");
	dev_balloon_want(dev, 100 * PAGE + 17);
	for (i = 0; i < 1000 && wanted() != 100; i++)
		usleep(1000);
	is(wanted(), 100, "it is asked for more");
	test_given();
	test_lies();
	ok(drv_init(&d, 0), "it starts anew");
	is(wanted(), 100, "and is asked for the same");
	drv_stop(&d, 0);
	return tap_done();
}
