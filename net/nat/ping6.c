// SPDX-License-Identifier: GPL-2.0-or-later
#include "ping6.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bucket.h"
#include "reply.h"

#define ECHO_HEAD	8
#define ECHO_MOST	2048		/* longest that is carried */

static struct ping {
	bool used;
	int fd;
	uint16_t id;			/* the guest's; the host's kernel has one of its own */
	struct reply_to to;
	uint64_t last;
} pings[PING6_SOCKETS];

static struct ping *find(const struct reply_to *to, uint16_t id)
{
	struct ping *oldest = &pings[0];
	int i, fd;

	for (i = 0; i < PING6_SOCKETS; i++) {
		struct ping *p = &pings[i];

		if (p->used && p->id == id && net_addr_same(&p->to.src, &to->src) && net_addr_same(&p->to.dst, &to->dst))
			return p;
		if (!p->used || (oldest->used && p->last < oldest->last))
			oldest = p;
	}
	fd = syscall(SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (fd < 0)
		return NULL;
	if (oldest->used)
		syscall(SYS_close, oldest->fd);
	*oldest = (struct ping){ .used = true, .fd = fd, .id = id };
	return oldest;
}

int ping6_send(const uint8_t *p, const struct frame *f)
{
	struct sockaddr_storage ss;
	struct reply_to to;
	struct ping *ping;
	socklen_t len;

	if (f->l4_len < ECHO_HEAD || f->l4_len > ECHO_MOST)
		return -EMSGSIZE;
	reply_to(&to, p, f);
	ping = find(&to, get16(p + f->l4 + 4));
	if (!ping)
		return -errno;
	ping->to = to;
	ping->last = clock_ns();
	len = net_addr_to_sock(&f->dst, 0, &ss);
	if (syscall(SYS_sendto, ping->fd, p + f->l4, (size_t)f->l4_len, MSG_DONTWAIT, &ss, len) < 0)
		return -errno;
	return 0;
}

unsigned int ping6_pollfds(struct pollfd *fds)
{
	int i, n = 0;

	for (i = 0; i < PING6_SOCKETS; i++)
		if (pings[i].used)
			fds[n++] = (struct pollfd){ .fd = pings[i].fd, .events = POLLIN };
	return n;
}

static void receive(struct ping *ping, void (*send)(const uint8_t *frame, size_t len))
{
	uint8_t echo[ECHO_MOST], frame[ECHO_MOST + 64];
	ssize_t n = syscall(SYS_recvfrom, ping->fd, echo, sizeof(echo), MSG_DONTWAIT, NULL, NULL);

	if (n < ECHO_HEAD)
		return;
	put16(echo + 4, ping->id);
	send(frame, reply_echo(frame, &ping->to, echo, n));
}

void ping6_poll(const struct pollfd *fds, unsigned int n, void (*send)(const uint8_t *frame, size_t len))
{
	unsigned int i, j;

	for (i = 0; i < n; i++)
		for (j = 0; fds[i].revents && j < PING6_SOCKETS; j++)
			if (pings[j].used && pings[j].fd == fds[i].fd)
				receive(&pings[j], send);
}
