// SPDX-License-Identifier: GPL-2.0-or-later
/* The network card in fuzz_devices: both formats, with a hostile other side. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices.h"

#define HDR		sizeof(struct virtio_net_hdr_v1)
#define FRAME_MAX	(65535 + 18)
#define BUFFERS		(DATA + 4096)
#define BUFFER		4096

static int host = -1, guest = -1;
static bool stream;

int net_make(uint8_t kind, struct r3_err *err)
{
	struct dev_net cfg = { .stream = kind & 1, .offload = kind & 2, .mac = { 2 }, .mtu = kind & 4 ? 1500 : 0 };
	int sv[2];

	stream = cfg.stream;
	must(!socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
	host = sv[0];
	cfg.fd = guest = sv[1];
	return dev_net_create(&cfg, &dev, err);
}

void net_end(void)
{
	if (host >= 0)
		close(host);
	if (guest >= 0)
		close(guest);
	host = guest = -1;
}

static struct virtio_net_hdr_v1 header(struct input *in)
{
	struct virtio_net_hdr_v1 h = { .flags = in8(in), .gso_type = in8(in) };
	uint8_t how = in8(in);

	h.csum_start = in8(in);
	h.csum_offset = how & 1 ? in16(in) : 6;
	h.gso_size = how & 2 ? in16(in) : 1448;
	h.hdr_len = how & 4 ? in16(in) : 54;
	if (how & 8)
		h.csum_start = in16(in);
	return h;
}

static void send_to_guest(const void *head, size_t head_len, size_t len)
{
	static uint8_t frame[FRAME_MAX + 100];
	struct iovec iov[2] = { { (void *)head, head_len }, { frame, len } };

	if (host >= 0 && writev(host, iov, 2) < 0)
		must(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
	dev_step(dev, 0);
}

/* Return: bytes of the last message, or of all that there was of a stream. */
static ssize_t drain(uint8_t *buf, size_t size)
{
	ssize_t n, last = -1;

	if (host < 0)
		return -1;
	while ((n = recv(host, buf, size, MSG_DONTWAIT)) > 0) {
		must(stream || n >= (ssize_t)(HDR + 14));
		must(n <= (ssize_t)(HDR + FRAME_MAX) || stream);
		last = n;
	}
	return last;
}

static uint8_t received[1 << 17];

bool net_step(struct input *in, uint8_t op)
{
	struct virtio_net_hdr_v1 h;
	const uint8_t *p;
	uint32_t be;
	size_t n;

	switch (op % 22) {
	case 5:
		h = header(in);
		put(in16(in), &h, HDR);
		return true;
	case 6: {
		uint8_t command[32];

		/* Class, command, data. */
		p = in_bytes(in, 2 + in8(in) % 30, &n);
		memcpy(command, p, n);
		put(in16(in), command, n);
		return true;
	}
	case 7:
	case 8:
		n = op & 128 ? in16(in) : in8(in);
		h = header(in);
		be = htobe32(n);
		send_to_guest(stream ? (void *)&be : (void *)&h, stream ? 4 : HDR, n);
		return true;
	case 14:
		switch (in8(in) % 8) {
		case 0:
			close(host);
			host = -1;
			break;
		case 1:
			if (host >= 0)
				shutdown(host, SHUT_WR);
			break;
		case 2:
		case 3:
			drain(received, sizeof(received));
			break;
		default:
			p = in_bytes(in, in8(in), &n);
			send_to_guest(p, n, 0);
			return true;
		}
		dev_step(dev, 0);
		return true;
	case 15:
	case 20: {
		uint8_t frame[HDR + 60] = { 0 };

		h = header(in);
		memcpy(frame, &h, HDR);
		add_one(1, frame, sizeof(frame), false);
		return true;
	}
	case 17:
		add_one(0, NULL, 64 + 64 * in8(in), true);
		return true;
	}
	return false;
}

static bool is_up(void)
{
	return dev->config[6] & VIRTIO_NET_S_LINK_UP;
}

static void give_again(const void *ring, uint16_t used)
{
	publish(0, *(const uint32_t *)((const uint8_t *)ring + 4 + 8 * (used % RING_SIZE)));
}

/* A frame that says who it is, to the guest: behind whatever else is on its way. */
static void receives(void)
{
	const uint16_t *used = used_of(0);
	uint8_t message[HDR + 60] = { 0 };
	unsigned int i, steps;
	uint16_t seen = 0;

	memcpy(message + HDR, "to the guest", 12);
	/* What was sent before may be as much as the socket takes. */
	if (stream || host < 0 || send(host, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
	for (i = 0; i < RING_SIZE; i++) {
		desc_of(0)[i] = (struct vring_desc){ .addr = BUFFERS + i * BUFFER, .len = BUFFER, .flags = VRING_DESC_F_WRITE };
		publish(0, i);
	}
	kick(0);
	for (steps = 0; steps < 2000 && is_up(); steps++) {
		while (seen != used[1]) {
			const uint32_t *entry = (const uint32_t *)(used + 2) + 2 * (seen % RING_SIZE);
			const uint8_t *frame = ram(BUFFERS + entry[0] % RING_SIZE * BUFFER);
			const struct virtio_net_hdr_v1 *h = (const void *)frame;
			uint16_t n = le16toh(h->num_buffers);

			must(entry[0] < RING_SIZE && entry[1] <= BUFFER && entry[1] >= HDR + 14);
			must(n >= 1 && n <= (uint16_t)(used[1] - seen));
			must(!(h->flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)));
			if (entry[1] == sizeof(message) && !memcmp(frame + HDR, "to the guest", 12))
				return;
			for (; n; n--)
				give_again(used, seen++);
			kick(0);
		}
		dev_step(dev, 0);
	}
	must(!is_up());
}

void net_works(void)
{
	struct vring_desc part[] = { { .addr = DATA, .len = HDR }, { .addr = DATA + 512, .len = 60 } };
	struct vring_desc command[] = { { .addr = DATA, .len = 2 }, { .addr = DATA + 64, .len = 1 },
					{ .addr = DATA + 128, .len = 1, .flags = VRING_DESC_F_WRITE } };
	bool rest = false;
	ssize_t n;

	memcpy(ram(DATA), (uint8_t[]){ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC }, 2);
	*(uint8_t *)ram(DATA + 128) = 0xff;
	must(transact(2, command, 3) == 1 && *(uint8_t *)ram(DATA + 128) == VIRTIO_NET_OK);

	/* Room, also for the rest of a frame. */
	while (drain(received, sizeof(received)) > 0) {
		rest = true;
		dev_step(dev, 0);
	}
	memset(ram(DATA), 0, HDR);
	memcpy(ram(DATA + 512), "from the guest", 14);
	must(transact(1, part, 2) == 0);
	n = drain(received, sizeof(received));
	if (is_up() && host >= 0 && !rest)
		must(n == (ssize_t)((stream ? 4 : HDR) + 60) && !memcmp(received + (stream ? 4 : HDR), "from the guest", 14));
	receives();
}
