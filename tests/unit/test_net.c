// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-net, driven by a driver, with the test at the other side of the descriptor. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "driver.h"
#include "tap.h"

#define RX		0
#define TX		1
#define CTL		2
#define HDR		sizeof(struct virtio_net_hdr_v1)
#define FRAME_MAX	(65535 + 18)
#define SOON_MS		50		/* what has not come by then is not expected to */
#define BIT(n)		(1ULL << (n))

static struct drv d;
static int host, guest;
static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };

static void start(bool stream, bool offload, uint64_t without)
{
	struct dev_net cfg = { .stream = stream, .offload = offload, .mtu = 9000 };
	struct r3_err err;
	struct dev *dev;
	int sv[2];

	if (socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, sv))
		tap_bail("socketpair: %s", strerror(errno));
	host = sv[0];
	guest = cfg.fd = sv[1];
	fcntl(guest, F_SETFL, O_RDWR | O_NONBLOCK);
	memcpy(cfg.mac, mac, sizeof(mac));
	if (dev_net_create(&cfg, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
	if (!drv_init(&d, without))
		tap_bail("the driver does not start");
}

static void stop(void)
{
	drv_stop(&d, 0);
	close(host);
	close(guest);
}

/* Receive buffers of @len bytes. */
static void give(unsigned int n, uint32_t len)
{
	while (n--) {
		struct drv_buf buf = { drv_alloc(&d, len, 1), len, true };

		drv_add(&d, RX, &buf, 1, false);
	}
	drv_kick(&d, RX);
}

/* The next frame, put together from its buffers. Return: its length, -1: none. */
static int take(void *frame, struct virtio_net_hdr_v1 *hdr, int ms)
{
	uint8_t all[HDR + FRAME_MAX + 64];
	unsigned int i, n = 1, total = 0;
	struct virtio_net_hdr_v1 head;

	for (i = 0; i < n; i++) {
		uint16_t id;
		uint32_t len;

		/* What belongs together is there together. */
		if (!drv_used(&d, RX, i ? 0 : ms, &id, &len) || total + len > sizeof(all))
			return -1;
		memcpy(all + total, drv_ptr(&d, d.q[RX].desc[id].addr), len);
		total += len;
		if (!i) {
			memcpy(&head, all, HDR);
			n = le16toh(head.num_buffers);
		}
	}
	if (hdr)
		*hdr = head;
	memcpy(frame, all + HDR, total - HDR);
	return total - HDR;
}

static void fill(uint8_t *frame, unsigned int len, unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		frame[i] = i * 7 + (i >> 8) + seed;
}

/* From the host, as a message or behind its length. */
static void host_send(bool stream, const struct virtio_net_hdr_v1 *hdr, const void *frame, uint32_t len)
{
	static const struct virtio_net_hdr_v1 none;
	uint32_t be = htobe32(len);
	struct iovec iov[2] = {
		{ stream ? (void *)&be : (void *)(hdr ? hdr : &none), stream ? 4 : HDR },
		{ (void *)frame, len },
	};

	if (writev(host, iov, 2) != (ssize_t)(iov[0].iov_len + len))
		tap_bail("writev: %s", strerror(errno));
}

/* A frame from the guest. Return: the chain. */
static uint16_t guest_send(const struct virtio_net_hdr_v1 *hdr, const void *frame, uint32_t len)
{
	struct drv_buf buf[2] = {
		{ drv_alloc(&d, HDR, 8), HDR, false },
		{ drv_alloc(&d, len, 1), len, false },
	};
	uint16_t head;

	memcpy(drv_ptr(&d, buf[0].gpa), hdr, HDR);
	memcpy(drv_ptr(&d, buf[1].gpa), frame, len);
	head = drv_add(&d, TX, buf, 2, false);
	drv_kick(&d, TX);
	return head;
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) > 0;
}

static bool link_is(bool up, int ms)
{
	/* The low byte of the status. */
	do {
		if ((read_once(d.page->config[6]) & VIRTIO_NET_S_LINK_UP) == up)
			return true;
		usleep(1000);
	} while (--ms > 0);
	return false;
}

/* A change of the configuration was told. */
static bool told(void)
{
	int ms = DRV_WAIT_MS;

	while (!(load_acquire(d.page->isr) & R3_VDEV_ISR_CONFIG) && --ms)
		usleep(1000);
	return ms;
}

static int command(uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	struct virtio_net_ctrl_hdr head = { class, cmd };
	struct drv_buf buf[3] = {
		{ drv_alloc(&d, sizeof(head), 1), sizeof(head), false },
		{ drv_alloc(&d, len + 1, 1), len, false },
		{ drv_alloc(&d, 1, 1), 1, true },
	};

	memcpy(drv_ptr(&d, buf[0].gpa), &head, sizeof(head));
	memcpy(drv_ptr(&d, buf[1].gpa), data, len);
	if (!len)
		buf[1] = buf[2];
	*(uint8_t *)drv_ptr(&d, buf[2].gpa) = 0xff;
	drv_do(&d, CTL, buf, len ? 3 : 2, false);
	return *(uint8_t *)drv_ptr(&d, buf[2].gpa);
}

static void test_config(void)
{
	uint64_t f;

	start(false, false, 0);
	is(d.page->device_id, VIRTIO_ID_NET, "a network card");
	ok(!memcmp(d.page->config, mac, 6), "its address");
	ok(link_is(true, 1), "its link is up");
	is(d.page->config[10] | d.page->config[11] << 8, 9000, "its MTU");
	f = d.page->features;
	ok(!(f & (BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6))),
	   "no offloads if the other side has none");
	stop();
	start(false, true, 0);
	f = d.page->features;
	ok(f & BIT(VIRTIO_NET_F_CSUM) && f & BIT(VIRTIO_NET_F_GUEST_TSO4) && f & BIT(VIRTIO_NET_F_HOST_TSO6),
	   "offloads if it has");
	stop();
}

static void test_packets(void)
{
	struct virtio_net_hdr_v1 hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = htole16(14), .csum_offset = htole16(6) };
	uint8_t frame[2000], got[FRAME_MAX + HDR];
	static uint8_t giant[HDR + FRAME_MAX + 1];

	start(false, true, 0);
	fill(frame, sizeof(frame), 1);
	guest_send(&hdr, frame, 60);
	is(read(host, got, sizeof(got)), HDR + 60, "a frame from the guest is one message");
	ok(!memcmp(got, &hdr, HDR) && !memcmp(got + HDR, frame, 60), "header and frame as they are");
	ok(drv_used(&d, TX, DRV_WAIT_MS, NULL, NULL), "its buffer comes back");
	guest_send(&hdr, frame, 13);
	ok(drv_used(&d, TX, DRV_WAIT_MS, NULL, NULL) && !readable(host, SOON_MS), "one that is too short goes nowhere");

	give(64, 1526);
	host_send(false, NULL, frame, 1000);
	is(take(got, NULL, DRV_WAIT_MS), 1000, "a frame to the guest");
	ok(!memcmp(got, frame, 1000), "the same bytes");
	if (write(host, "", 0) || write(host, frame, 5) != 5 || write(host, giant, sizeof(giant)) != sizeof(giant))
		tap_bail("write: %s", strerror(errno));
	host_send(false, NULL, frame, 61);
	is(take(got, NULL, DRV_WAIT_MS), 61, "messages that are nothing, too short or too long are left out");
	ok(link_is(true, 1), "and the link stays up");
	stop();

	start(false, false, 0);
	guest_send(&hdr, frame, 60);
	is(read(host, got, sizeof(got)), HDR + 60, "without offloads");
	hdr = (struct virtio_net_hdr_v1){ 0 };
	ok(!memcmp(got, &hdr, HDR), "the other side is asked for nothing");
	stop();
}

/* Frames over many buffers, with fewer buffers than they take, and without merging. */
static void test_buffers(void)
{
	uint8_t *frame = malloc(FRAME_MAX), *got = malloc(FRAME_MAX);
	struct virtio_net_hdr_v1 hdr;
	unsigned int i;
	bool good = true;

	start(false, false, 0);
	fill(frame, FRAME_MAX, 3);
	give(100, 1526);
	host_send(false, NULL, frame, FRAME_MAX);
	is(take(got, &hdr, DRV_WAIT_MS), FRAME_MAX, "the largest frame, in buffers of 1526 bytes");
	ok(!memcmp(got, frame, FRAME_MAX), "the same bytes");
	is(le16toh(hdr.num_buffers), (HDR + FRAME_MAX + 1525) / 1526, "in as many as it takes");
	stop();

	start(false, false, 0);
	give(2, 1526);
	host_send(false, NULL, frame, 8000);
	host_send(false, NULL, frame + 9, 100);
	is(take(got, NULL, SOON_MS), -1, "a frame for which there are too few buffers waits");
	give(2, 1526);
	is(take(got, NULL, SOON_MS), -1, "and waits");
	give(4, 1526);
	is(take(got, NULL, DRV_WAIT_MS), 8000, "until there are enough");
	ok(!memcmp(got, frame, 8000), "the same bytes");
	is(take(got, NULL, DRV_WAIT_MS), 100, "and then comes the next");
	stop();

	start(false, false, 0);
	give(d.page->queue[RX].size_max, 64);
	host_send(false, NULL, frame, 40000);
	host_send(false, NULL, frame + 9, 100);
	is(take(got, NULL, DRV_WAIT_MS), 100, "one for which the queue has no room at all is left out");
	ok(!memcmp(got, frame + 9, 100), "and not a byte of it is in the next");
	stop();

	start(false, false, BIT(VIRTIO_NET_F_MRG_RXBUF));
	give(8, 1526);
	host_send(false, NULL, frame, 1515);
	host_send(false, NULL, frame, 1514);
	is(take(got, &hdr, DRV_WAIT_MS), 1514, "without merging, one that is larger than a buffer is left out");
	is(le16toh(hdr.num_buffers), 1, "and the others take one");
	stop();

	start(false, false, 0);
	for (i = 0; i < 2000; i++) {
		unsigned int len = 14 + i * 31 % 3000;

		if (!(i % 50)) {
			drv_init(&d, 0);
			give(200, 700 + i);
		}
		fill(frame, len, i);
		host_send(false, NULL, frame, len);
		good &= take(got, NULL, DRV_WAIT_MS) == (int)len && !memcmp(got, frame, len);
	}
	ok(good, "2000 frames of all lengths, in order");
	stop();
	free(frame);
	free(got);
}

/* Of the bytes behind a header of 34, and of what was where the sum is now. */
static uint16_t sum(const uint8_t *frame, const uint8_t *before, unsigned int len)
{
	uint32_t total = before[40] << 8 | before[41];
	const uint8_t *p = frame + 34;
	unsigned int i;

	for (i = 0; i < len; i++)
		total += p[i] << (i % 2 ? 0 : 8);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* What this driver did not accept does not reach it. */
static void test_headers(void)
{
	struct virtio_net_hdr_v1 hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID,
					 .csum_start = htole16(34), .csum_offset = htole16(6) }, seen;
	struct virtio_net_hdr_v1 tso = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					 .hdr_len = htole16(54), .gso_size = htole16(1448),
					 .csum_start = htole16(34), .csum_offset = htole16(16) };
	uint8_t frame[4001], got[FRAME_MAX];
	uint64_t offloads = 0;
	unsigned int i;

	fill(frame, sizeof(frame), 5);
	/* Odd lengths, and buffers that end within a word. */
	for (i = 0; i < 4; i++) {
		unsigned int len = 1001 + i * 1000;

		start(false, false, 0);
		give(40, 333 + i);
		host_send(false, &hdr, frame, len);
		is(take(got, &seen, DRV_WAIT_MS), len, "a frame without its checksum, for a driver that does not make it");
		is(seen.flags, 0, "comes as one that has it");
		is(sum(got, frame, len - 34), 0xffff, "and the sum is right");
		host_send(false, &tso, frame, len);
		host_send(false, NULL, frame, 77);
		is(take(got, NULL, DRV_WAIT_MS), 77, "one that is to be segmented does not come");
		stop();
	}

	/* The first of two gives the word that makes the second's sum 0. */
	for (i = 0; i < 4; i++) {
		unsigned int offset = i < 2 ? 16 : 6;

		if (i % 2 == 0)
			memset(frame + 34, 0, 20);
		memcpy(frame + 36, got + 34 + offset, i % 2 ? 2 : 0);
		hdr.csum_offset = htole16(offset);
		start(false, false, 0);
		give(40, 1526);
		host_send(false, &hdr, frame, 500);
		is(take(got, NULL, DRV_WAIT_MS), 500, "a frame without its checksum");
		if (i % 2)
			is(got[34 + offset] << 8 | got[35 + offset], i < 2 ? 0 : 0xffff, "which is 0: only in UDP that is said otherwise");
		stop();
	}

	start(false, true, BIT(VIRTIO_NET_F_GUEST_TSO6));
	give(64, 1526);
	host_send(false, &hdr, frame, 500);
	ok(take(got, &seen, DRV_WAIT_MS) == 500 && seen.flags == hdr.flags && seen.csum_start == hdr.csum_start,
	   "a driver that makes checksums is asked to");
	host_send(false, &tso, frame, 4001);
	ok(take(got, &seen, DRV_WAIT_MS) == 4001 && seen.gso_size == tso.gso_size && seen.gso_type == tso.gso_type,
	   "and to take what is to be segmented");
	tso.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	host_send(false, &tso, frame, 4001);
	tso.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	host_send(false, &tso, frame, 4001);
	tso.gso_type = 0x3f;
	host_send(false, &tso, frame, 4001);
	tso.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	tso.gso_size = 0;
	host_send(false, &tso, frame, 4001);
	tso.gso_size = htole16(1448);
	tso.flags = 0;
	host_send(false, &tso, frame, 4001);
	hdr.csum_start = htole16(95);
	host_send(false, &hdr, frame, 100);
	hdr.csum_start = htole16(0xffff);
	host_send(false, &hdr, frame, 100);
	host_send(false, NULL, frame, 99);
	is(take(got, &seen, DRV_WAIT_MS), 99, "types that it did not accept and sums outside of the frame do not come");
	tso.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM | 0xf0;
	tso.hdr_len = htole16(0xffff);
	host_send(false, &tso, frame, 3000);
	ok(take(got, &seen, DRV_WAIT_MS) == 3000 && seen.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && !seen.hdr_len,
	   "nor do flags that are none, and headers longer than the frame");

	is(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &offloads, 8), VIRTIO_NET_OK, "offloads are turned off");
	host_send(false, &tso, frame, 3000);
	hdr.csum_start = htole16(34);
	host_send(false, &hdr, frame, 300);
	ok(take(got, &seen, DRV_WAIT_MS) == 300 && !seen.flags && sum(got, frame, 300 - 34) == 0xffff, "and then not used");
	offloads = BIT(VIRTIO_NET_F_GUEST_TSO6);
	is(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &offloads, 8), VIRTIO_NET_ERR,
	   "one that was not accepted cannot be turned on");
	stop();
}

static void test_commands(void)
{
	static const uint8_t other[6] = { 2, 9, 9, 9, 9, 9 };
	uint8_t tables[4 + 2 * 6 + 4 + 6] = { 0 }, on = 1;

	start(false, false, 0);
	is(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK, "promiscuous");
	is(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, &on, 1), VIRTIO_NET_OK, "all multicast");
	is(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 0), VIRTIO_NET_ERR, "a value that is not there");
	is(command(VIRTIO_NET_CTRL_RX, 77, &on, 1), VIRTIO_NET_ERR, "an unknown command");
	is(command(77, 0, &on, 1), VIRTIO_NET_ERR, "an unknown class");
	tables[0] = 2;
	tables[16] = 1;
	is(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, sizeof(tables)), VIRTIO_NET_OK, "tables of addresses");
	is(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, sizeof(tables) - 1), VIRTIO_NET_ERR, "one cut short");
	memset(tables, 0xff, 4);
	is(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, sizeof(tables)), VIRTIO_NET_ERR, "one of 4 G entries");
	is(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 5), VIRTIO_NET_ERR, "five sixths of an address");
	is(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6), VIRTIO_NET_OK, "an address");
	ok(!memcmp(d.page->config, other, 6), "that the configuration has then");
	drv_reset(&d);
	ok(!memcmp(d.page->config, mac, 6), "until the reset");
	stop();
}

/* ---- a stream ---- */

static void test_stream(void)
{
	static const struct virtio_net_hdr_v1 none;
	uint8_t frame[3000], got[FRAME_MAX], raw[4 + 3000];
	struct virtio_net_hdr_v1 hdr;
	uint32_t be = htobe32(1000);
	unsigned int i, n;
	bool good = true;
	int unread = 0;

	start(true, false, 0);
	fill(frame, sizeof(frame), 9);
	guest_send(&none, frame, 1000);
	is(read_full(host, raw, 1004), 1004, "a frame from the guest");
	ok(!memcmp(raw, &be, 4) && !memcmp(raw + 4, frame, 1000), "its length, and then the frame");

	give(200, 700);
	memcpy(raw, &be, 4);
	memcpy(raw + 4, frame, 1000);
	for (i = 0; i < 1004; i++) {
		if (write(host, raw + i, 1) != 1)
			tap_bail("write: %s", strerror(errno));
		if (i % 97 == 0)
			usleep(500);
	}
	is(take(got, &hdr, DRV_WAIT_MS), 1000, "a frame to the guest, a byte at a time");
	ok(!memcmp(got, frame, 1000) && !hdr.flags && !hdr.gso_type, "the same bytes, and a header that says nothing");
	be = htobe32(100);
	for (i = 0, n = 0; i < 20; i++, n += 104) {
		memcpy(raw + n, &be, 4);
		fill(raw + n + 4, 100, i);
	}
	write_full(host, raw, n);
	for (i = 0; i < 20; i++) {
		fill(frame, 100, i);
		good &= take(got, NULL, DRV_WAIT_MS) == 100 && !memcmp(got, frame, 100);
	}
	ok(good, "twenty at once");
	be = htobe32(5);
	write_full(host, &be, 4);
	write_full(host, frame, 5);
	host_send(true, NULL, frame, 70);
	is(take(got, NULL, DRV_WAIT_MS), 70, "one that is too short is left out");

	/* Half of a frame is on its way when the driver goes. */
	be = htobe32(1000);
	memcpy(raw, &be, 4);
	write_full(host, raw, 500);
	for (i = 0; i < DRV_WAIT_MS && !ioctl(host, SIOCOUTQ, &unread) && unread; i++)
		usleep(1000);
	drv_init(&d, 0);
	give(100, 700);
	write_full(host, raw + 500, 504);
	host_send(true, NULL, frame, 71);
	is(take(got, NULL, DRV_WAIT_MS), 71, "after a reset the rest of a frame is not taken for the next");
	stop();
}

static void test_hostile_lengths(void)
{
	static const uint32_t lengths[] = { 0, FRAME_MAX + 1, 0x7fffffff, 0xffffffff };
	static const struct virtio_net_hdr_v1 none;
	uint8_t frame[100] = { 0 }, got[FRAME_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t be = htobe32(lengths[i]);

		start(true, false, 0);
		give(16, 1526);
		host_send(true, NULL, frame, 64);
		is(take(got, NULL, DRV_WAIT_MS), 64, "a frame, and then a length of %u", lengths[i]);
		write_full(host, &be, 4);
		ok(link_is(false, DRV_WAIT_MS), "the link goes down");
		ok(told(), "and the driver is told");
		guest_send(&none, frame, 64);
		ok(drv_used(&d, TX, DRV_WAIT_MS, NULL, NULL), "what it sends then is taken");
		stop();
	}
}

/* ---- the other side goes ---- */

static void test_end(void)
{
	static const struct virtio_net_hdr_v1 none;
	uint8_t frame[64] = { 0 }, got[FRAME_MAX];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		start(i, false, 0);
		give(4, 1526);
		host_send(i, NULL, frame, 64);
		close(host);
		ok(link_is(false, DRV_WAIT_MS), "the other side closes: the link goes down");
		is(take(got, NULL, DRV_WAIT_MS), 64, "what it had sent comes before");
		guest_send(&none, frame, 64);
		ok(drv_used(&d, TX, DRV_WAIT_MS, NULL, NULL), "frames of the guest are taken");
		drv_init(&d, 0);
		ok(link_is(false, 1), "the next driver finds it down");
		host = dup(guest);
		stop();

		start(i, false, 0);
		host_send(i, NULL, frame, 64);
		usleep(20000);
		close(host);
		ok(link_is(false, DRV_WAIT_MS), "the same if there is nobody to receive");
		host = dup(guest);
		stop();
	}
}

/* ---- pace ---- */

static int64_t cpu_us(void)
{
	struct timespec ts;
	clockid_t clock;

	pthread_getcpuclockid(d.dev->thread, &clock);
	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void check_asleep(const char *what)
{
	int64_t cpu;

	usleep(50000);
	cpu = cpu_us();
	usleep(200000);
	cpu = cpu_us() - cpu;
	ok(cpu < 20000, "%s (%lld us)", what, (long long)cpu);
}

/* More than the descriptor takes, each way. */
static void test_pace(bool stream)
{
	enum { FRAMES = 120, LEN = 9000 };
	static const struct virtio_net_hdr_v1 none;
	uint8_t *frame = malloc(LEN), *got = malloc(FRAME_MAX);
	unsigned int i, used = 0;
	bool good = true;

	start(stream, false, 0);
	for (i = 0; i < FRAMES; i++) {
		fill(frame, LEN, i);
		guest_send(&none, frame, LEN);
	}
	while (drv_used(&d, TX, used ? SOON_MS : DRV_WAIT_MS, NULL, NULL))
		used++;
	ok(used && used < FRAMES, "who does not read stops the guest's queue (%u frames of %d)", used, FRAMES);
	check_asleep("the device sleeps meanwhile");
	for (i = 0; i < FRAMES; i++) {
		unsigned int head = stream ? 4 : HDR;
		ssize_t n = stream ? read_full(host, got, head + LEN) : read(host, got, FRAME_MAX);

		fill(frame, LEN, i);
		good &= n == head + LEN && !memcmp(got + head, frame, LEN);
	}
	ok(good, "then all comes, in order");
	while (used < FRAMES && drv_used(&d, TX, DRV_WAIT_MS, NULL, NULL))
		used++;
	is(used, FRAMES, "and all buffers are back");
	stop();

	/* A part of a frame is written when the driver goes: the rest still comes. */
	start(stream, false, 0);
	for (i = 0; i < FRAMES; i++) {
		fill(frame, LEN, i);
		guest_send(&none, frame, LEN);
	}
	usleep(20000);
	drv_init(&d, 0);
	fill(frame, LEN, 200);
	guest_send(&none, frame, LEN);
	for (i = 0, good = false; i < FRAMES && !good; i++) {
		unsigned int head = stream ? 4 : HDR;
		ssize_t n = stream ? read_full(host, got, head + LEN) : read(host, got, FRAME_MAX);

		if (n != head + LEN)
			break;
		good = !memcmp(got + head, frame, LEN);
	}
	ok(good, "a reset amid of it: frames stay whole (%u)", i);
	stop();

	start(stream, false, 0);
	give(3, 1526);
	fcntl(host, F_SETFL, O_RDWR | O_NONBLOCK);
	fill(frame, 1500, 0);
	for (i = 0; i < 10; i++)
		host_send(stream, NULL, frame, 1500);
	for (i = 0; take(got, NULL, i < 3 ? DRV_WAIT_MS : SOON_MS) == 1500; i++)
		;
	is(i, 3, "a guest without buffers gets as much as it has");
	check_asleep("the device sleeps until it gives more");
	give(20, 1526);
	for (; i < 10 && take(got, NULL, DRV_WAIT_MS) == 1500; i++)
		;
	is(i, 10, "then the rest comes");
	stop();
	free(frame);
	free(got);
}

int main(void)
{
	test_config();
	test_packets();
	test_buffers();
	test_headers();
	test_commands();
	test_stream();
	test_hostile_lengths();
	test_end();
	test_pace(false);
	test_pace(true);
	return tap_done();
}
