// SPDX-License-Identifier: GPL-2.0-or-later
/* The vhost-user front end against a back end that works, and one that lies. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dev/vhost.h"
#include "tap.h"
#include "vhost_backend.h"

/* Less than any wait of the device for a back end that nobody made shorter, more than a busy host takes. */
#define LATE_MS		4500

#ifndef SO_PASSRIGHTS			/* Linux 6.16 */
#define SO_PASSRIGHTS	83
#endif

/* ---- what the guest does ---- */

static uint8_t blk(unsigned int q, uint32_t type, uint64_t sector, void *data, uint32_t len, bool indirect)
{
	struct virtio_blk_outhdr hdr = { .type = htole32(type), .sector = htole64(sector) };
	gpa_t at = drv_alloc(&d, sizeof(hdr) + len + 1, 16);
	struct drv_buf buf[3] = { { at, sizeof(hdr), false }, { at + sizeof(hdr), len, type == VIRTIO_BLK_T_IN },
				  { at + sizeof(hdr) + len, 1, true } };
	uint8_t *status = drv_ptr(&d, buf[2].gpa);

	memcpy(drv_ptr(&d, at), &hdr, sizeof(hdr));
	if (type == VIRTIO_BLK_T_OUT)
		memcpy(drv_ptr(&d, buf[1].gpa), data, len);
	*status = 0xff;
	if (!len)
		buf[1] = buf[2];
	drv_do(&d, q, buf, len ? 3 : 2, indirect);
	if (type == VIRTIO_BLK_T_IN)
		memcpy(data, drv_ptr(&d, buf[1].gpa), len);
	return *status;
}

static bool works(unsigned int q, unsigned int seed)
{
	uint8_t out[4096], in[4096];
	unsigned int i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 3 + seed;
	memset(in, 0, sizeof(in));
	return blk(q, VIRTIO_BLK_T_OUT, 8 * q, out, sizeof(out), seed & 1) == VIRTIO_BLK_S_OK &&
	       blk(q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, false) == VIRTIO_BLK_S_OK &&
	       blk(q, VIRTIO_BLK_T_IN, 8 * q, in, sizeof(in), false) == VIRTIO_BLK_S_OK && !memcmp(in, out, sizeof(in));
}

/* The control of the device goes on whatever the back end did. */
static bool answers(void)
{
	drv_set_status(&d, 0);
	return !drv_init(&d, 0);
}

static void test_works(void)
{
	struct virtio_blk_config *config;
	unsigned int q, i;

	honest();
	start();
	config = (void *)d.page->config;
	is(d.page->device_id, 2, "it is a disk");
	is(d.page->nr_queues, QUEUES, "with the back end's queues");
	is(le64toh(config->capacity), SECTORS, "and its size");
	ok(le32toh(config->seg_max) < d.page->queue[0].size_max, "no request is longer than a queue");
	ok(!(d.page->features & (BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(27) | BIT(38) | BIT(VHOST_USER_F_PROTOCOL_FEATURES))),
	   "features that we do not know are not offered");
	ok(d.page->queue[0].kick_fd >= 0 && d.page->queue[0].kick_fd != d.page->queue[1].kick_fd &&
	   d.page->queue[QUEUES].kick_fd == -1, "each queue has its own eventfd");
	for (i = 0; i < 3; i++) {
		ok(drv_init(&d, i == 1 ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0), "start %u", i);
		for (q = 0; q < QUEUES; q++)
			ok(works(q, i + q), "start %u, queue %u: write, flush, read", i, q);
		is(b.set_features & ~(d.features | BIT(VHOST_USER_F_PROTOCOL_FEATURES)), 0, "the back end knows what was accepted");
	}
	is(b.memories, 3, "it got the memory at each start");
	drv_force_kick(&d, 1);
	drv_set_status(&d, d.page->status | VIRTIO_CONFIG_S_FAILED);
	ok(!b.running[0] && !b.running[1], "a driver that gives up has its queues stopped");
	stop();

	honest();
	cfg.queues = 2;
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	start();
	is(d.page->nr_queues, 2, "fewer queues than the back end has, if so wanted");
	ok(drv_init(&d, 0) && works(1, 7), "a back end that confirms nothing");
	stop();
	ok(!b.running[0] && !b.running[1], "at the end its queues were stopped");
}

static void test_reset(void)
{
	int64_t before;

	honest();
	b.slow_stop = true;
	cfg.queues = 1;
	cfg.wait_ms = 5000;
	start();
	drv_init(&d, 0);
	before = now_ms();
	drv_set_status(&d, 0);
	ok(now_ms() - before >= SLOW_MS, "a reset is acknowledged after the back end's answer");
	is(*(uint8_t *)drv_ptr(&d, d.q[0].desc_gpa), 0x5a, "until which it wrote");
	ok(drv_init(&d, 0) && works(0, 1), "and the device works again");
	stop();
}

static void test_ends(void)
{
	struct drv_buf buf = { 0, 16, false };
	unsigned int fds;
	int64_t before;

	honest();
	start();
	drv_init(&d, 0);
	event_post(b.stop_fd);
	ok(drv_needs_reset(&d), "a back end that ends: the driver is told");
	ok(d.page->isr & R3_VDEV_ISR_CONFIG, "by an interrupt");
	ok(answers(), "and the device answers, and does not start again");
	stop();

	honest();
	b.dies = true;
	start();
	drv_init(&d, 0);
	buf.gpa = drv_alloc(&d, 16, 16);
	drv_add(&d, 1, &buf, 1, false);
	drv_kick(&d, 1);
	ok(drv_needs_reset(&d) && answers(), "one that ends with a request under way");
	stop();

	honest();
	b.talks = true;
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	start();
	drv_init(&d, 0);
	ok(drv_needs_reset(&d) && answers(), "one that says what nobody asked");
	stop();

	honest();
	b.sends_fds = true;
	fds = open_fds();
	start();
	drv_init(&d, 0);
	ok(works(0, 1), "one that sends descriptors works");
	drv_reset(&d);
	stop();
	is(open_fds(), fds, "and they are not taken");

	honest();
	b.steals = true;
	start();
	drv_init(&d, 0);
	works(0, 1);
	before = now_ms();
	drv_reset(&d);
	ok(now_ms() - before < LATE_MS, "one that reads the eventfd of its interrupts");
	stop();

	honest();
	start();
	event_post(b.stop_fd);
	pthread_join(b.thread, NULL);
	begin_backend();
	usleep(50000);
	ok(!drv_init(&d, 0) && answers(), "one that ends before the driver is there");
	stop();
}

/* A TCP connection whose last descriptor is not closed before somebody has read what it has sent. */
static int lingering(int *other)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger linger = { 1, 20 };
	static char data[65536];
	socklen_t len = sizeof(addr);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(server, (struct sockaddr *)&addr, sizeof(addr)) || listen(server, 1) || getsockname(server, (struct sockaddr *)&addr, &len) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || (*other = accept(server, NULL, NULL)) < 0)
		return -errno;
	close(server);
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return fd;
}

static void test_descriptors(void)
{
	int on, other = -1, fd = lingering(&other), pair[2];
	socklen_t len = sizeof(on);
	struct r3_err err;
	struct dev *dev;
	int64_t before;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || getsockopt(pair[0], SOL_SOCKET, SO_PASSRIGHTS, &on, &len)) {
		tap_skip(fd < 0 ? "host: no TCP" : "host: before Linux 6.16 descriptors cannot be kept out", "a back end that passes one whose end takes long");
		return;
	}
	close(pair[0]);
	close(pair[1]);
	honest();
	dev = create(&err);
	if (!dev)
		tap_bail("%s", err.msg);
	/* Nobody reads yet, so that the last who has it is who receives it. */
	put_with_fd("unasked", 7, fd);
	close(fd);
	drv_start(&d, dev);
	usleep(100000);
	before = now_ms();
	on = answers();
	before = now_ms() - before;
	ok(on && before < LATE_MS, "a back end that passes a descriptor whose end takes long holds up nothing: %lld ms", (long long)before);
	close(other);
	stop();
}

static void test_lies_at_create(void)
{
	static const int requests[] = { VHOST_USER_GET_FEATURES, VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_SET_OWNER,
					VHOST_USER_GET_QUEUE_NUM, VHOST_USER_GET_CONFIG };
	unsigned int i, lie, before = open_fds();
	int64_t at;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (lie = CLOSES; lie < LIES; lie++) {
			struct r3_err err = { 0 };
			struct dev *dev;

			if (lie == OTHER_QUEUE || (lie == REFUSES && requests[i] != VHOST_USER_SET_OWNER))
				continue;
			honest();
			cfg.wait_ms = WAIT_MS;
			b.lie_at = requests[i];
			b.lie = lie;
			at = now_ms();
			dev = create(&err);
			ok(!dev && strstr(err.msg, "disk test: its back end ") && now_ms() - at < LATE_MS,
			   "at request %d it %s: %s", requests[i], lie_names[lie], err.msg);
			if (dev)
				dev_destroy(dev);
			end_backend();
		}
	}
	is(open_fds(), before, "no descriptor is left");
}

static void test_lies_when_live(void)
{
	static const int requests[] = { VHOST_USER_SET_FEATURES, VHOST_USER_SET_MEM_TABLE, VHOST_USER_SET_VRING_NUM,
					VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE };
	unsigned int i, lie;
	int64_t at;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (lie = CLOSES; lie < LIES; lie++) {
			if (lie == OTHER_QUEUE)
				continue;
			honest();
			start();
			to_vhost(d.dev)->wait_ms = WAIT_MS;
			b.lie_at = requests[i];
			b.lie = lie;
			at = now_ms();
			ok(!drv_init(&d, 0) && answers() && now_ms() - at < LATE_MS, "at request %d it %s: broken, and answers",
			   requests[i], lie_names[lie]);
			stop();
		}
	}
	for (lie = CLOSES; lie < LIES; lie++) {
		if (lie == REFUSES)
			continue;
		honest();
		start();
		drv_init(&d, 0);
		to_vhost(d.dev)->wait_ms = WAIT_MS;
		b.lie_at = VHOST_USER_GET_VRING_BASE;
		b.lie = lie;
		at = now_ms();
		drv_set_status(&d, 0);
		ok(now_ms() - at < LATE_MS && (lie == OTHER_QUEUE || answers()), "asked to stop it %s: the reset is acknowledged",
		   lie_names[lie]);
		stop();
	}
}

static void config_is_refused(const char *what)
{
	struct r3_err err = { 0 };
	struct dev *dev = create(&err);

	ok(!dev && err.msg[0], "a disk whose back end says %s: %s", what, err.msg);
	if (dev)
		dev_destroy(dev);
	end_backend();
}

static void test_config(void)
{
	honest();
	b.config.capacity = htole64(~0ULL / 512);
	config_is_refused("that it is 16 EiB large");
	honest();
	b.config.blk_size = htole32(513);
	config_is_refused("blocks of 513 bytes");
	honest();
	b.config.blk_size = 0;
	config_is_refused("blocks of 0 bytes");
	honest();
	b.config.blk_size = htole32(1u << 31);
	config_is_refused("blocks of 2 GiB");
	honest();
	b.config.seg_max = 0;
	config_is_refused("no segments");
	honest();
	b.config.num_queues = 0;
	config_is_refused("no queues");
	honest();
	b.config.num_queues = htole16(QUEUES + 1);
	config_is_refused("too many queues");
	honest();
	b.features |= BIT(VIRTIO_BLK_F_TOPOLOGY);
	b.config.physical_block_exp = 255;
	config_is_refused("giant physical blocks");
	honest();
	b.features |= BIT(VIRTIO_BLK_F_DISCARD);
	config_is_refused("discards of nothing");
	honest();
	b.config_size = 1000;
	config_is_refused("another size of the configuration");
	honest();
	b.config_offset = 4;
	config_is_refused("another part of the configuration");
	honest();
	cfg.readonly = true;
	config_is_refused("that one to be read only may be written to");
	honest();
	b.features &= ~BIT(VIRTIO_F_VERSION_1);
	config_is_refused("nothing of virtio 1");
	honest();
	b.queues = 0;
	config_is_refused("that there is no queue");
	honest();
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	config_is_refused("no size");
}

int main(void)
{
	test_works();
	test_reset();
	test_ends();
	test_descriptors();
	test_lies_at_create();
	test_lies_when_live();
	test_config();
	return tap_done();
}
