// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors of the host's programs, and `ring3 run`, which connects to them. */
#include "conns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

#define ACCEPTS		16	/* at once */

void host_accept(struct conns *v)
{
	unsigned int i;

	for (i = 0; i < ACCEPTS && v->nr < v->max; i++) {
		int fd = accept4(v->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *c;

		if (fd < 0)
			return;
		c = conn_new(v, CONN_HELLO, fd);
		if (!c)
			close(fd);
		else if (conn_watch(v, c))
			conn_free(v, c);
	}
}

/* "CONNECT PORT\n". Return: 0, or -EPROTO. */
static int parse_hello(const char *line, size_t len, uint32_t *port)
{
	static const char word[] = "CONNECT ";
	const size_t n = sizeof(word) - 1;
	uint64_t value = 0;
	size_t i;

	if (len < n + 2 || memcmp(line, word, n))
		return -EPROTO;
	for (i = n; i < len - 1; i++) {
		if (line[i] < '0' || line[i] > '9' || i - n > 9)
			return -EPROTO;
		value = value * 10 + line[i] - '0';
	}
	/* The last one means "any". */
	if (value >= UINT32_MAX)
		return -EPROTO;
	*port = value;
	return 0;
}

static uint32_t free_port(struct conns *v, uint32_t guest_port)
{
	do {
		v->next_port = v->next_port < UINT32_MAX - 1 ? v->next_port + 1 : HOST_PORT_FIRST;
	} while (conn_find(v, guest_port, v->next_port));
	return v->next_port;
}

/* What follows the line is data, and stays in the socket. */
static void take_hello(struct conns *v, struct conn *c)
{
	char line[HELLO_MAX];
	ssize_t n = recv(c->fd, line, sizeof(line), MSG_PEEK | MSG_DONTWAIT);
	const char *end = n > 0 ? memchr(line, '\n', n) : NULL;
	uint32_t port;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && n < HELLO_MAX && !end)
		return;
	if (!end || parse_hello(line, end - line + 1, &port) || recv(c->fd, line, end - line + 1, MSG_DONTWAIT) != end - line + 1) {
		conn_free(v, c);
		return;
	}
	conn_name(v, c, port, free_port(v, port));
	c->state = CONN_ASKED;
	c->readable = n > end - line + 1;
	conn_owe(v, c, OWE_REQUEST);
}

void host_opened(struct conns *v, struct conn *c)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "OK %u\n", c->host_port);

	c->state = CONN_OPEN;
	if (send(c->fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
		c->host_deaf = true;
	/* What came with the line, or since. */
	c->readable = true;
	conn_owe(v, c, 0);
}

/* ---- the guest calls ---- */

void host_dial(struct conns *v, struct conn *c)
{
	struct vsock_dial ask = { .port = c->host_port };

	if (!++v->next_dial)
		v->next_dial++;
	ask.id = c->dial = v->next_dial;
	if (send(v->control, &ask, sizeof(ask), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(ask))
		conn_reset(v, c);
}

void host_dialled(struct conns *v, const struct vsock_dialled *answer, int fd)
{
	struct conn *c = NULL;
	unsigned int i;

	for (i = 0; i < v->max && !c; i++)
		if (v->slot[i] && v->slot[i]->state == CONN_DIALLING && v->slot[i]->dial == answer->id)
			c = v->slot[i];
	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->fd = fd;
	if (answer->status || fd < 0 || conn_watch(v, c)) {
		conn_reset(v, c);
		return;
	}
	c->state = CONN_OPEN;
	c->readable = true;
	conn_owe(v, c, OWE_RESPONSE);
}

/* ---- data ---- */

/* What was forwarded makes room, of which the guest is told in time. */
static void forwarded(struct conns *v, struct conn *c, uint32_t n)
{
	c->forwarded += n;
	if (c->state == CONN_OPEN && c->forwarded - c->said >= BUF_ALLOC / 4)
		conn_owe(v, c, OWE_CREDIT);
}

static void gone_deaf(struct conns *v, struct conn *c)
{
	c->host_deaf = true;
	forwarded(v, c, c->buf_len);
	c->buf_len = 0;
	free(c->buf);
	c->buf = NULL;
	if (c->state == CONN_OPEN)
		conn_owe(v, c, 0);
}

/* Return: bytes that the socket took. */
static uint32_t push(struct conns *v, struct conn *c, const uint8_t *data, uint32_t len)
{
	ssize_t n;

	if (!c->writable)
		return 0;
	do {
		n = send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		c->writable = false;
		return 0;
	}
	if (n < 0) {
		gone_deaf(v, c);
		return len;
	}
	return n;
}

static void flush(struct conns *v, struct conn *c)
{
	while (c->buf_len && c->writable) {
		uint32_t n = push(v, c, c->buf + c->buf_off, min_t(uint32_t, c->buf_len, BUF_ALLOC - c->buf_off));

		if (c->host_deaf)
			return;
		c->buf_off = (c->buf_off + n) % BUF_ALLOC;
		c->buf_len -= n;
		forwarded(v, c, n);
	}
	if (!c->buf_len) {
		free(c->buf);
		c->buf = NULL;
		c->buf_off = 0;
	}
}

int host_write(struct conns *v, struct conn *c, const uint8_t *data, uint32_t len)
{
	uint32_t n = 0, at, first;

	if (!c->buf_len && !c->host_deaf && len)
		n = push(v, c, data, len);
	if (c->host_deaf)
		n = len;
	forwarded(v, c, n);
	data += n;
	len -= n;
	if (!len)
		return 0;
	if (!c->buf)
		c->buf = malloc(BUF_ALLOC);
	/* What was granted has room. */
	if (!c->buf || len > BUF_ALLOC - c->buf_len)
		return -ENOMEM;
	at = (c->buf_off + c->buf_len) % BUF_ALLOC;
	first = min_t(uint32_t, len, BUF_ALLOC - at);
	memcpy(c->buf + at, data, first);
	memcpy(c->buf, data + first, len - first);
	c->buf_len += len;
	return 0;
}

size_t host_read(struct conns *v, struct conn *c, void *data, size_t max)
{
	ssize_t n;

	do {
		n = recv(c->fd, data, max, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN) {
		c->readable = false;
		return 0;
	}
	c->host_eof = true;
	if (n < 0)
		gone_deaf(v, c);
	return 0;
}

/* ---- ends ---- */

void host_settle(struct conns *v, struct conn *c)
{
	if (c->buf_len)
		flush(v, c);
	if (c->buf_len)
		return;
	if (c->state == CONN_FLUSHING) {
		conn_free(v, c);
		return;
	}
	if (c->guest_eof && !c->eof_passed && c->fd >= 0) {
		c->eof_passed = true;
		shutdown(c->fd, SHUT_WR);
	}
	/* The host's program is to know that nobody reads what it writes. */
	if (c->guest_deaf && c->fd >= 0)
		shutdown(c->fd, SHUT_RD);
	if (c->guest_eof && c->guest_deaf)
		conn_reset(v, c);
}

void host_events(struct conns *v, struct conn *c, uint32_t events)
{
	if (c->state == CONN_HELLO) {
		take_hello(v, c);
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = true;
	if (events & EPOLLOUT)
		c->writable = true;
	/* Who is gone altogether will not see an answer. */
	if (events & (EPOLLHUP | EPOLLERR) && (c->state == CONN_ASKED || c->state == CONN_DIALLING)) {
		conn_reset(v, c);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR))
		gone_deaf(v, c);
	if (c->state == CONN_OPEN && c->readable)
		conn_owe(v, c, 0);
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		host_settle(v, c);
}
