// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-vsock's connections between a hostile guest and programs of the host that do
 * anything. What must hold: packets are well formed and of connections that the guest knows, no buffer is larger than it was granted,
 * and nothing is left at the end.
 */
#include <endian.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conns.h"
#include "fuzz.h"

#define CID		9
#define MAX		6	/* connections */
#define CLIENTS		4
#define PORTS		4
#define STEPS_MAX	200

static struct conns v;
static int device, parent, listener, client[CLIENTS];
static struct sockaddr_un address;
static socklen_t address_len;

/* What the guest has said of a pair of ports since it came to be. */
static struct {
	uint32_t guest, host;
	bool known;
} seen[64];
static unsigned int nr_seen;

static unsigned int find(uint32_t g, uint32_t h)
{
	unsigned int i;

	for (i = 0; i < nr_seen; i++)
		if (seen[i].guest == g && seen[i].host == h)
			return i;
	must(nr_seen < 64 || !"more pairs than there can be");
	seen[nr_seen].guest = g;
	seen[nr_seen].host = h;
	seen[nr_seen].known = false;
	return nr_seen++;
}

static void check(const struct virtio_vsock_hdr *h, size_t len)
{
	unsigned int i = find(le32toh(h->dst_port), le32toh(h->src_port)), op = le16toh(h->op);

	must((le64toh(h->src_cid) == 2 || op == VIRTIO_VSOCK_OP_RST) && le64toh(h->dst_cid) == CID && le16toh(h->type) == VIRTIO_VSOCK_TYPE_STREAM);
	must(le32toh(h->len) == len - VSOCK_HDR && len <= VSOCK_HDR + VSOCK_PAYLOAD_MAX);
	must(op >= VIRTIO_VSOCK_OP_REQUEST && op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	must(op == VIRTIO_VSOCK_OP_RW || len == VSOCK_HDR);
	switch (op) {
	case VIRTIO_VSOCK_OP_REQUEST:
	case VIRTIO_VSOCK_OP_RESPONSE:
		seen[i].known = true;
		break;
	case VIRTIO_VSOCK_OP_RST:
		/* Of another host, which there is not, it is of another connection. */
		if (le64toh(h->src_cid) == 2)
			seen[i].known = false;
		break;
	case VIRTIO_VSOCK_OP_RW:
		must(len > VSOCK_HDR);
		/* fall through */
	default:
		must(seen[i].known);
	}
}

static void check_conns(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < CONNS_MAX; i++) {
		struct conn *c = v.slot[i];

		if (!c)
			continue;
		n++;
		must(c->buf_len <= BUF_ALLOC && (!c->buf_len || c->buf));
		must(c->got - c->forwarded <= BUF_ALLOC);
		if (c->state == CONN_OPEN || c->state == CONN_ASKED)
			must(c->fd >= 0);
	}
	must(n == v.nr && n <= MAX);
	must(v.nr_resets <= RESETS_MAX + MAX + 1);
}

static void hear_device(bool all)
{
	static struct packet p;
	ssize_t n;

	do {
		n = recv(device, &p, sizeof(p), MSG_DONTWAIT);
		if (n > VSOCK_RESET_LEN)
			check(&p.hdr, n);
	} while (all && n > 0);
}

static void answer_parent(struct input *in)
{
	struct vsock_dial ask;
	struct vsock_dialled a;
	uint8_t how = in8(in);
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} u = { 0 };
	struct iovec iov = { &a, sizeof(a) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int sv[2], i;

	if (recv(parent, &ask, sizeof(ask), MSG_DONTWAIT) != sizeof(ask))
		ask.id = in8(in);
	a = (struct vsock_dialled){ .id = how & 8 ? in8(in) : ask.id, .status = how & 1 ? -111 : 0 };
	if (how & 6 && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv)) {
		struct cmsghdr *cmsg;

		msg.msg_control = &u;
		msg.msg_controllen = sizeof(u);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &sv[1], sizeof(int));
		sendmsg(parent, &msg, MSG_DONTWAIT);
		close(sv[1]);
		i = how >> 4 & (CLIENTS - 1);
		if (client[i] >= 0)
			close(client[i]);
		client[i] = sv[0];
	} else {
		if (how & 16)
			iov.iov_len = 3;
		sendmsg(parent, &msg, MSG_DONTWAIT);
	}
}

static void guest_says(struct input *in)
{
	static struct packet p;
	uint8_t how = in8(in), op = in8(in);
	size_t len = op % 8 == VIRTIO_VSOCK_OP_RW ? (how & 1 ? in16(in) : in8(in)) : 0;
	uint32_t gp = in8(in) % PORTS, hp = in8(in) % PORTS;

	/* A pair that there is, mostly. */
	if (how & 2 && v.nr) {
		unsigned int i, skip = gp;

		for (i = 0; i < MAX; i++) {
			const struct conn *c = v.slot[i];

			if (c && c->state != CONN_HELLO && !skip--) {
				gp = c->guest_port;
				hp = c->host_port;
			}
		}
	}
	p.hdr = (struct virtio_vsock_hdr){
		.src_cid = htole64(how & 4 ? CID : CID + in8(in) % 2), .dst_cid = htole64(how & 8 ? 2 : in8(in) % 4),
		.src_port = htole32(gp), .dst_port = htole32(hp),
		.len = htole32(how & 16 ? len : len + in8(in) % 3), .type = htole16(how & 32 ? 1 : in8(in) % 3),
		.op = htole16(op % 8 ? op % 8 : op), .flags = htole32(op >> 4),
		.buf_alloc = htole32(how & 64 ? 1u << 18 : in32(in)), .fwd_cnt = htole32(how & 128 ? 0 : in32(in)),
	};
	if (send(device, &p, VSOCK_HDR + len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		hear_device(true);
}

static void host_says(struct input *in)
{
	static uint8_t text[70000];
	uint8_t how = in8(in);
	int *fd = &client[how & (CLIENTS - 1)];
	const uint8_t *p;
	size_t n;

	switch (how >> 2 & 7) {
	case 0:
		if (*fd >= 0)
			close(*fd);
		*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(*fd, (struct sockaddr *)&address, address_len)) {
			close(*fd);
			*fd = -1;
		}
		break;
	case 1:
	case 2:
		n = snprintf((char *)text, sizeof(text), "CONNECT %u\n", in8(in) % PORTS);
		send(*fd, text, n + (how & 32 ? 10 : 0), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 3:
		p = in_bytes(in, in8(in) % 40, &n);
		send(*fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 4:
		send(*fd, text, in16(in), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 5:
		while (recv(*fd, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
		break;
	case 6:
		shutdown(*fd, how & 32 ? SHUT_WR : SHUT_RD);
		break;
	case 7:
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

static void begin(void)
{
	int sv[2], i;

	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
	device = sv[0];
	v.packets = sv[1];
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
	parent = sv[0];
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A name that the host's kernel chooses. */
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	must(!bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) && !listen(listener, 8));
	address_len = sizeof(address);
	must(!getsockname(listener, (struct sockaddr *)&address, &address_len));
	must(!conns_open(&v, v.packets, sv[1], listener, CID, MAX));
	for (i = 0; i < CLIENTS; i++)
		client[i] = -1;
	nr_seen = 0;
}

static void end(void)
{
	int i;

	conns_close(&v);
	must(!v.nr && !v.first && !v.last);
	for (i = 0; i < CLIENTS; i++)
		if (client[i] >= 0)
			close(client[i]);
	close(v.packets);
	close(v.control);
	close(device);
	close(parent);
	close(listener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int steps;

	signal(SIGPIPE, SIG_IGN);
	begin();
	for (steps = 0; in.len && steps < STEPS_MAX && nr_seen < 48; steps++) {
		uint8_t op = in8(&in);

		switch (op & 7) {
		case 0:
		case 1:
		case 2:
			guest_says(&in);
			break;
		case 3:
		case 4:
			host_says(&in);
			break;
		case 5:
			answer_parent(&in);
			break;
		case 6:
			hear_device(op & 8);
			break;
		case 7:
			send(device, &address, op & 8 ? VSOCK_RESET_LEN : 20, MSG_DONTWAIT | MSG_NOSIGNAL);
		}
		must(!conns_step(&v, 0));
		check_conns();
	}
	end();
	return 0;
}
