// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/bucket.h"

#define HDR		sizeof(struct virtio_net_hdr_v1)
#define ROOM		(HDR + FRAME_MAX + 1)	/* one more than a message may have */
#define BUFFER		(4 << 20)

struct kept {
	struct kept *next;
	size_t len;			/* with the header */
	uint8_t data[];
};

static int link_fd = -1;
static uint8_t *rx;
static struct kept *head, **tail = &head;
static size_t queued;
static struct bucket in, out;
static struct link_stats stats;

int link_open(int fd, uint64_t rate)
{
	int size = BUFFER;

	rx = malloc(LINK_BATCH * ROOM);
	if (!rx)
		return -ENOMEM;
	link_fd = fd;
	/* As much as the host gives. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	bucket_set(&in, rate, rate / 20);
	bucket_set(&out, rate, rate / 20);
	return 0;
}

int link_receive(void (*frame)(const struct virtio_net_hdr_v1 *hdr, uint8_t *p, size_t len))
{
	struct mmsghdr msg[LINK_BATCH];
	struct iovec iov[LINK_BATCH];
	struct virtio_net_hdr_v1 hdr;
	int n, i;

	if (!bucket_ready(&in, clock_ns()))
		return 0;
	for (i = 0; i < LINK_BATCH; i++) {
		iov[i] = (struct iovec){ rx + i * ROOM, ROOM };
		memset(&msg[i], 0, sizeof(msg[i]));
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(link_fd, msg, LINK_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	for (i = 0; i < n; i++) {
		size_t len = msg[i].msg_len;

		if (!len)
			return -EPIPE;
		if (len < HDR + ETH_HEAD || len >= ROOM) {
			stats.rx_bad++;
			continue;
		}
		bucket_take(&in, len - HDR);
		stats.rx_frames++;
		stats.rx_bytes += len - HDR;
		memcpy(&hdr, rx + i * ROOM, HDR);
		frame(&hdr, rx + i * ROOM + HDR, len - HDR);
	}
	return n;
}

/* Return: 0, or -EAGAIN. What cannot be sent at all is as if it had been. */
static int send_now(const void *hdr, size_t hdr_len, const void *p, size_t len)
{
	struct iovec iov[2] = { { (void *)hdr, hdr_len }, { (void *)p, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (!bucket_ready(&out, clock_ns()))
		return -EAGAIN;
	if (sendmsg(link_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
			return -EAGAIN;
		stats.tx_dropped++;
		return 0;
	}
	bucket_take(&out, hdr_len + len - HDR);
	stats.tx_frames++;
	stats.tx_bytes += hdr_len + len - HDR;
	return 0;
}

void link_send(const uint8_t *p, size_t len, bool checked)
{
	struct virtio_net_hdr_v1 hdr = { .flags = checked ? VIRTIO_NET_HDR_F_DATA_VALID : 0, .num_buffers = htole16(1) };
	struct kept *k;

	if (len < ETH_HEAD || len > FRAME_MAX)
		return;
	if (!head && !send_now(&hdr, sizeof(hdr), p, len))
		return;
	k = queued + len > LINK_MOST ? NULL : malloc(sizeof(*k) + sizeof(hdr) + len);
	if (!k) {
		stats.tx_dropped++;
		return;
	}
	k->next = NULL;
	k->len = sizeof(hdr) + len;
	memcpy(k->data, &hdr, sizeof(hdr));
	memcpy(k->data + sizeof(hdr), p, len);
	*tail = k;
	tail = &k->next;
	queued += len;
}

void link_flush(void)
{
	struct kept *k;

	while ((k = head) && !send_now(k->data, sizeof(struct virtio_net_hdr_v1), k->data + HDR, k->len - HDR)) {
		head = k->next;
		if (!head)
			tail = &head;
		queued -= k->len - HDR;
		free(k);
	}
}

bool link_congested(void)
{
	return queued > LINK_HIGH;
}

short link_events(int *timeout)
{
	uint64_t now = clock_ns();
	short events = 0;
	int wait = -1;

	if (bucket_ready(&in, now))
		events |= POLLIN;
	else
		wait = bucket_wait(&in);
	if (head && bucket_ready(&out, now)) {
		events |= POLLOUT;
	} else if (head) {
		int w = bucket_wait(&out);

		wait = wait < 0 || w < wait ? w : wait;
	}
	*timeout = wait;
	return events;
}

const struct link_stats *link_stats(void)
{
	return &stats;
}
