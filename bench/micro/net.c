// SPDX-License-Identifier: GPL-2.0-or-later
/* Streams between two processes: TCP over loopback, UNIX sockets. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro.h"

#define CHUNK	(64 * 1024UL)

/* A connected pair over 127.0.0.1. Returns 0, or -1 with errno. */
static int tcp_pair(int sv[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sv[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || sv[0] < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&addr, &len) ||
	    connect(sv[0], (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	sv[1] = accept(listener, NULL, NULL);
	close(listener);
	setsockopt(sv[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(sv[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return sv[1] < 0 ? -1 : 0;
}

/* What is at this place in a stream. */
static unsigned char stream_byte(uint64_t at)
{
	return at % CHUNK % 251;
}

static void send_chunks(int fd, uint64_t n)
{
	static unsigned char buf[CHUNK];
	unsigned long i;

	for (i = 0; i < CHUNK; i++)
		buf[i] = stream_byte(i);
	for (; n; n--) {
		unsigned long done = 0;

		while (done < CHUNK) {
			ssize_t ret = write(fd, buf + done, CHUNK - done);

			if (ret <= 0)
				_exit(1);
			done += ret;
		}
	}
	_exit(0);
}

static uint64_t receive(int fd, uint64_t bytes)
{
	static unsigned char buf[CHUNK];
	uint64_t start = micro_now(), at = 0;

	while (at < bytes) {
		ssize_t ret = read(fd, buf, CHUNK);

		if (ret <= 0)
			return micro_fail("read");
		if (buf[0] != stream_byte(at) || buf[ret - 1] != stream_byte(at + ret - 1))
			return micro_wrong("other bytes than sent");
		at += ret;
	}
	return micro_now() - start;
}

static void echo(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1)
		if (write(fd, &c, 1) != 1)
			break;
	_exit(0);
}

static uint64_t round_trips(int fd, uint64_t n)
{
	uint64_t start = micro_now();

	while (n--) {
		unsigned char c = n, echo;

		if (write(fd, &c, 1) != 1 || read(fd, &echo, 1) != 1)
			return micro_fail("echo");
		if (echo != c)
			return micro_wrong("echo");
	}
	return micro_now() - start;
}

static uint64_t with_peer(int sv[2], uint64_t n, int latency)
{
	pid_t pid = fork();
	uint64_t ns = 0;

	if (!pid) {
		close(sv[1]);
		if (latency)
			echo(sv[0]);
		send_chunks(sv[0], n);
	}
	close(sv[0]);
	if (pid < 0)
		micro_fail("fork");
	else
		ns = latency ? round_trips(sv[1], n) : receive(sv[1], n * CHUNK);
	close(sv[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return ns;
}

static uint64_t tcp_run(uint64_t n)
{
	int sv[2];

	return tcp_pair(sv) ? micro_fail("TCP over loopback") : with_peer(sv, n, 0);
}

static uint64_t tcp_latency_run(uint64_t n)
{
	int sv[2];

	return tcp_pair(sv) ? micro_fail("TCP over loopback") : with_peer(sv, n, 1);
}

static uint64_t unix_run(uint64_t n)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		return micro_fail("socketpair");
	return with_peer(sv, n, 0);
}

static uint64_t unix_latency_run(uint64_t n)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		return micro_fail("socketpair");
	return with_peer(sv, n, 1);
}

const struct bench net_benches[] = {
	{ "tcp_loopback", "MB/s", tcp_run, CHUNK, 0 },
	{ "tcp_round_trip", "us", tcp_latency_run, 0, 0 },
	{ "unix_stream", "MB/s", unix_run, CHUNK, 0 },
	{ "unix_round_trip", "us", unix_latency_run, 0, 0 },
	{ 0 },
};
