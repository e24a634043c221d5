// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared folders in front of a vhost-user back end: what it has taken when it dies, and what it writes about that. */
#include <endian.h>
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_fs.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"
#include "vhost_backend.h"

static void test_fs(void)
{
	struct virtio_fs_config *config;
	struct r3_err err;
	struct dev *dev;

	honest();
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "work";
	cfg.queues = 2;
	start();
	config = (void *)d.page->config;
	is(d.page->device_id, 26, "a shared folder");
	ok(!memcmp(config->tag, "work\0\0", 6), "has the tag that it was given");
	is(le32toh(config->num_request_queues), 2, "so many queues for requests");
	is(d.page->nr_queues, 3, "and one more");
	ok(!(d.page->features & BIT(VIRTIO_BLK_F_MQ)), "and no feature of another device");
	ok(drv_init(&d, 0), "and starts");
	stop();

	honest();
	b.queues = 40;
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "work";
	dev = create(&err);
	ok(dev && dev->nr_queues <= DEV_MAX_POLL, "not more queues than are served when it dies: %u", dev ? dev->nr_queues : 0);
	if (dev)
		dev_destroy(dev);
	end_backend();

	honest();
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "a tag that has thirty-seven bytes ...";
	ok(!create(&err), "a tag that is too long: %s", err.msg);
	end_backend();
}

/* ---- a shared folder whose server dies ---- */

static void start_fs(void)
{
	honest();
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "work";
	start();
	drv_init(&d, 0);
}

static gpa_t ask(unsigned int q, uint64_t unique, size_t room)
{
	struct fuse_in_header in = { .len = sizeof(in), .opcode = FUSE_GETATTR, .unique = unique };
	gpa_t at = drv_alloc(&d, sizeof(in) + room, 16);
	struct drv_buf buf[2] = { { at, sizeof(in), false }, { at + sizeof(in), room, true } };

	memcpy(drv_ptr(&d, at), &in, sizeof(in));
	drv_add(&d, q, buf, room ? 2 : 1, false);
	return at + sizeof(in);
}

/* Return: requests that came back with the error and their number. */
static unsigned int refused(unsigned int q, const gpa_t *answer, unsigned int n)
{
	unsigned int i, good = 0;
	uint16_t head;
	uint32_t len;

	for (i = 0; i < n && drv_used(&d, q, DRV_WAIT_MS, &head, &len); i++)
		;
	for (i = 0; i < n; i++) {
		struct fuse_out_header *out = drv_ptr(&d, answer[i]);

		good += out->len == sizeof(*out) && out->error == -ENOTCONN && out->unique == 100 + i;
	}
	return good;
}

static void test_orphan(void)
{
	gpa_t answer[5];
	uint16_t head;
	uint32_t len;
	unsigned int i;

	start_fs();
	is(b.inflight_has.num_queues, d.page->nr_queues, "a folder's back end has memory for what is in flight, of each queue");
	b.takes = 2;
	for (i = 0; i < 4; i++)
		answer[i] = ask(1, 100 + i, 64);
	ask(1, 104, 0);
	drv_kick(&d, 1);
	is(refused(1, answer, 4), 4, "it dies: what it had taken, and what it had not, comes back with an error");
	ok(drv_used(&d, 1, DRV_WAIT_MS, &head, &len) && !len, "also what has no answer");
	answer[0] = ask(2, 100, 64);
	drv_kick(&d, 2);
	is(refused(2, answer, 1), 1, "and what comes later, by another queue");
	ok(!(d.page->status & VIRTIO_CONFIG_S_NEEDS_RESET), "the device goes on");
	ok(drv_init(&d, 0), "a driver that begins anew finds it, too");
	answer[0] = ask(1, 100, 64);
	drv_kick(&d, 1);
	is(refused(1, answer, 1), 1, "and its requests come back");
	stop();

	for (int first = HANDS_BACK; first <= HANDS_BACK_SECRETLY; first++) {
		start_fs();
		b.takes = 3;
		b.first = first;
		ask(1, 99, 64);
		for (i = 0; i < 3; i++)
			answer[i] = ask(1, 100 + i, 64);
		drv_kick(&d, 1);
		ok(drv_used(&d, 1, DRV_WAIT_MS, &head, &len) && !len, "one that handed one back%s",
		   first == HANDS_BACK ? "" : " and died before it noted that");
		is(refused(1, answer, 3), 3, "the others come back");
		ok(!drv_used(&d, 1, 50, &head, &len), "and that one not twice");
		stop();
	}

	start_fs();
	b.takes = 1;
	b.scribbles = true;
	ask(1, 100, 64);
	drv_kick(&d, 1);
	ok(drv_needs_reset(&d), "one that says that all is in flight: the device needs a reset");
	drv_set_status(&d, 0);
	ok(drv_init(&d, 0), "and answers");
	stop();
}

int main(void)
{
	test_fs();
	test_orphan();
	return tap_done();
}
