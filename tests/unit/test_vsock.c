// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-vsock, driven by a driver, with the test at the other side of the descriptor. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dev/vsock.h"
#include "driver.h"
#include "tap.h"

#define RX	0
#define TX	1
#define EVENT	2
#define SOON_MS	50

static struct drv d;
static int host, guest;
static uint8_t data[VSOCK_HDR + VSOCK_PAYLOAD_MAX + 100];

static void start(void)
{
	struct r3_err err;
	struct dev *dev;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		tap_bail("socketpair: %s", strerror(errno));
	host = sv[0];
	guest = sv[1];
	fcntl(guest, F_SETFL, O_RDWR | O_NONBLOCK);
	if (dev_vsock_create(guest, 77, &dev, &err))
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
}

static void stop(void)
{
	drv_stop(&d, 0);
	if (host >= 0)
		close(host);
	close(guest);
}

/* The next message of the device, within a second. */
static ssize_t take(void *buf, size_t size)
{
	struct pollfd pfd = { .fd = host, .events = POLLIN };

	return poll(&pfd, 1, 1000) > 0 ? recv(host, buf, size, MSG_DONTWAIT) : -1;
}

static void give(unsigned int n, uint32_t len)
{
	while (n--) {
		struct drv_buf buf = { drv_alloc(&d, len, 1), len, true };

		drv_add(&d, RX, &buf, 1, false);
	}
	drv_kick(&d, RX);
}

static void send_guest(uint32_t says, size_t len)
{
	struct virtio_vsock_hdr h = { .src_cid = htole64(2), .dst_cid = htole64(77), .len = htole32(says), .op = htole16(VIRTIO_VSOCK_OP_RW),
				      .src_port = htole32(5), .dst_port = htole32(6), .type = htole16(VIRTIO_VSOCK_TYPE_STREAM) };
	size_t i;

	for (i = 0; i < len; i++)
		data[VSOCK_HDR + i] = i * 7 + (i >> 8);
	memcpy(data, &h, VSOCK_HDR);
	if (send(host, data, VSOCK_HDR + len, 0) < 0)
		tap_bail("send: %s", strerror(errno));
}

/* The driver has started: the other side is told, and says that it knows. */
static bool answer_start(void)
{
	uint8_t byte[2];

	return take(byte, 2) == VSOCK_RESET_LEN && send(host, byte, VSOCK_RESET_LEN, 0) == VSOCK_RESET_LEN;
}

static void test_to_host(void)
{
	static uint8_t got[sizeof(data)];
	struct drv_buf buf[] = { { drv_alloc(&d, VSOCK_HDR, 8), VSOCK_HDR, false }, { drv_alloc(&d, 65600, 1), 3000, false } };
	static const uint32_t bad[] = { 1, VSOCK_HDR - 1, VSOCK_HDR + VSOCK_PAYLOAD_MAX + 1 };
	unsigned int i;

	memset(drv_ptr(&d, buf[0].gpa), 1, VSOCK_HDR);
	memset(drv_ptr(&d, buf[1].gpa), 2, 3000);
	drv_do(&d, TX, buf, 2, false);
	is(take(got, sizeof(got)), VSOCK_HDR + 3000, "a packet is a message");
	ok(got[0] == 1 && got[VSOCK_HDR - 1] == 1 && got[VSOCK_HDR] == 2 && got[VSOCK_HDR + 2999] == 2, "with header and payload");
	buf[1].len = VSOCK_PAYLOAD_MAX;
	drv_do(&d, TX, buf, 2, true);
	is(take(got, sizeof(got)), VSOCK_HDR + VSOCK_PAYLOAD_MAX, "the longest one as well");
	buf[0].gpa = drv_alloc(&d, sizeof(data), 8);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		buf[0].len = bad[i];
		drv_do(&d, TX, buf, 1, false);
	}
	buf[0].len = VSOCK_HDR;
	drv_do(&d, TX, buf, 1, false);
	is(take(got, sizeof(got)), VSOCK_HDR, "what is no packet is taken and forgotten");
}

static void test_to_guest(void)
{
	uint32_t len, total = 0, pieces = 0;
	uint16_t id;
	bool right = true;
	struct virtio_vsock_hdr h;

	send_guest(10, 10);
	ok(!drv_used(&d, RX, SOON_MS, &id, &len), "a packet waits for a buffer");
	give(1, 4096);
	ok(drv_used(&d, RX, DRV_WAIT_MS, &id, &len) && len == VSOCK_HDR + 10, "and comes with it");
	/* One that is longer than its buffers. */
	give(10, VSOCK_HDR + 1000);
	send_guest(10500, 10500);
	for (; total < 10500 && drv_used(&d, RX, pieces < 10 ? DRV_WAIT_MS : SOON_MS, &id, &len); pieces++) {
		const uint8_t *p = drv_ptr(&d, d.q[RX].desc[id].addr);
		uint32_t n, i;

		memcpy(&h, p, VSOCK_HDR);
		n = le32toh(h.len);
		right &= n == len - VSOCK_HDR && le32toh(h.dst_port) == 6;
		for (i = 0; i < n; i++)
			right &= p[VSOCK_HDR + i] == (uint8_t)((total + i) * 7 + ((total + i) >> 8));
		total += n;
	}
	is(pieces, 10, "one that is longer comes as several");
	give(1, 4096);
	ok(drv_used(&d, RX, DRV_WAIT_MS, &id, &len) && len == VSOCK_HDR + 500 && right, "to its end, each with its length");

	/* A back end that lies. */
	give(4, 4096);
	send_guest(11, 10);
	send_guest(9, 10);
	send_guest(0xffffffff, 0);
	send_guest(VSOCK_PAYLOAD_MAX + 50, VSOCK_PAYLOAD_MAX + 50);
	send(host, data, 20, 0);
	send_guest(33, 33);
	ok(drv_used(&d, RX, DRV_WAIT_MS, &id, &len) && len == VSOCK_HDR + 33, "what has not the length that it says does not reach the guest");
}

static void test_lies(void)
{
	struct drv_buf small = { drv_alloc(&d, 64, 8), VSOCK_HDR - 1, true };

	drv_add(&d, RX, &small, 1, false);
	drv_kick(&d, RX);
	send_guest(0, 0);
	ok(drv_needs_reset(&d), "a receive buffer without room for the header breaks the device");
	ok(drv_init(&d, 0), "it starts again");
	small.len = 3;
	drv_add(&d, EVENT, &small, 1, false);
	close(host);
	host = -1;
	drv_kick(&d, EVENT);
	ok(drv_needs_reset(&d), "so does one for events when there is one");
}

static void test_blocked(void)
{
	struct drv_buf buf[] = { { drv_alloc(&d, VSOCK_HDR, 8), VSOCK_HDR, false }, { drv_alloc(&d, 65536, 1), 60000, false } };
	unsigned int i, n = 0, messages = 0;
	uint32_t len;
	uint16_t id;
	ssize_t got;

	for (i = 0; i < 40; i++)
		drv_add(&d, TX, buf, 2, false);
	drv_kick(&d, TX);
	while (drv_used(&d, TX, SOON_MS, &id, &len))
		n++;
	ok(n > 0 && n < 40, "a descriptor that takes no more stops the queue");
	while ((got = take(data, sizeof(data))) == (ssize_t)(VSOCK_HDR + 60000) && ++messages < 40)
		;
	is(messages, 40, "and nothing is lost");
	send_guest(5, 5);
	ok(drv_init(&d, 0) && drv_init(&d, 0), "the driver starts anew, twice");
	give(2, 4096);
	send_guest(6, 6);
	ok(answer_start(), "the other side is told");
	send_guest(7, 7);
	ok(!drv_used(&d, RX, SOON_MS, &id, &len), "what was for the drivers before does not reach it");
	ok(answer_start(), "of both");
	send_guest(8, 8);
	ok(drv_used(&d, RX, DRV_WAIT_MS, &id, &len) && len == VSOCK_HDR + 8, "what is for it does");
}

static void test_end(void)
{
	struct drv_buf buf = { drv_alloc(&d, 16, 8), 8, true }, out = { drv_alloc(&d, VSOCK_HDR, 8), VSOCK_HDR, false };
	uint32_t len;
	uint16_t id;

	drv_add(&d, EVENT, &buf, 1, false);
	drv_kick(&d, EVENT);
	close(host);
	host = -1;
	ok(drv_used(&d, EVENT, DRV_WAIT_MS, &id, &len) && len == 4, "when the other side is gone the guest has an event");
	is(*(uint32_t *)drv_ptr(&d, buf.gpa), VIRTIO_VSOCK_EVENT_TRANSPORT_RESET, "that resets its connections");
	is(drv_do(&d, TX, &out, 1, false), 0, "what it sends is taken and forgotten");
}

int main(void)
{
	static void (*const tests[])(void) = { test_to_host, test_to_guest, test_lies, test_blocked, test_end };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		start();
		if (!i)
			is(d.page->device_id, VIRTIO_ID_VSOCK, "device id");
		if (!drv_init(&d, 0))
			tap_bail("the driver does not start");
		if (!i)
			is(d.page->config[0], 77, "the guest's number is in its configuration");
		ok(answer_start(), "the other side is told that the driver has started");
		tests[i]();
		stop();
	}
	return tap_done();
}
