// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The load of bench/net, the same program on both sides and in every system:
 *
 *	netload serve PORT			answers, until it is killed
 *	netload run SECONDS ADDR PORT [ROW...]	one line of JSON a row
 *	netload dev NAME ADDR/BITS GATEWAY run ...	sets the interface up first; GATEWAY 0: none
 *
 * As PID 1 it loads /modules in the order of their names, keeps only the words
 * from "netload" on, and powers off. Whole bytes are counted where they arrive: upwards the server
 * says how many, with its clock, so that nothing in a buffer counts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "modules.h"

#define CHUNK		(128 * 1024)
#define OPEN_AT_ONCE	500

/* First byte of a connection. */
enum { MODE_SINK = 's', MODE_SOURCE = 'd', MODE_ECHO = 'e' };

static struct sockaddr_in server;
static char buf[CHUNK];
static double seconds;

/* A console may still have something to write. */
static void power_off(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	usleep(100000);
	reboot(RB_POWER_OFF);
}

static void die(const char *what)
{
	printf("netload: %s: %s\n", what, strerror(errno));
	if (getpid() == 1)
		power_off();
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static bool all(ssize_t (*io)(int, void *, size_t), int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = io(fd, (char *)data + done, len - done);

		if (ret <= 0)
			return false;
		done += ret;
	}
	return true;
}

static ssize_t put(int fd, void *data, size_t len)
{
	return send(fd, data, len, MSG_NOSIGNAL);
}

/* ---- the server ---- */

struct sums {
	uint64_t bytes;
	double seconds;			/* from the first byte to the last */
};

static void *serve_one(void *arg)
{
	struct sums sum = { 0 };
	int fd = (intptr_t)arg;
	char mode, few[64];
	double first = 0;
	ssize_t ret;

	if (read(fd, &mode, 1) != 1) {
		;
	} else if (mode == MODE_SOURCE) {
		while (put(fd, buf, CHUNK) > 0)
			;
	} else if (mode == MODE_SINK) {
		while ((ret = read(fd, buf, CHUNK)) > 0) {
			if (!first)
				first = now();
			else
				sum.bytes += ret;
			sum.seconds = now() - first;
		}
		put(fd, &sum, sizeof(sum));
	} else {
		while ((ret = read(fd, few, sizeof(few))) > 0 && put(fd, few, ret) == ret)
			;
	}
	close(fd);
	return NULL;
}

static void *serve_udp(void *arg)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd = (intptr_t)arg;
	char few[64];
	ssize_t ret;

	while ((ret = recvfrom(fd, few, sizeof(few), 0, (struct sockaddr *)&from, &len)) >= 0) {
		sendto(fd, few, ret, 0, (struct sockaddr *)&from, len);
		len = sizeof(from);
	}
	return NULL;
}

static void serve(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int on = 1, fd, tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_attr_t detached;
	pthread_t thread;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&detached, 64 << 10);
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(tcp, (struct sockaddr *)&addr, sizeof(addr)) || listen(tcp, 1024) ||
	    bind(udp, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
	printf("serving\n");
	fflush(stdout);
	if (pthread_create(&thread, &detached, serve_udp, (void *)(intptr_t)udp))
		die("pthread_create");
	while ((fd = accept(tcp, NULL, NULL)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (pthread_create(&thread, &detached, serve_one, (void *)(intptr_t)fd))
			die("pthread_create");
	}
	die("accept");
}

/* ---- the rows ---- */

static void say(const char *name, const char *unit, double value)
{
	printf("{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.6g}\n", name, unit, value);
	fflush(stdout);
}

static void fail(const char *name, const char *why)
{
	printf("{\"name\": \"%s\", \"value\": null, \"why\": \"%s: %s\"}\n", name, why, strerror(errno));
	fflush(stdout);
}

/* A connection with its mode said, or -1. */
static int open_one(char mode)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) || put(fd, &mode, 1) != 1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void tcp_up(const char *name)
{
	struct sums sum = { 0 };
	int fd = open_one(MODE_SINK);
	double end = now() + seconds;

	while (fd >= 0 && now() < end)
		if (put(fd, buf, CHUNK) < 0)
			break;
	shutdown(fd, SHUT_WR);
	if (fd < 0 || !all((ssize_t (*)(int, void *, size_t))read, fd, &sum, sizeof(sum)) || !sum.seconds)
		return fail(name, "the sums did not come");
	say(name, "Gbit/s", sum.bytes * 8e-9 / sum.seconds);
	close(fd);
}

static void tcp_down(const char *name)
{
	int fd = open_one(MODE_SOURCE);
	double first, last;
	uint64_t bytes = 0;
	ssize_t ret;

	if (fd < 0 || read(fd, buf, CHUNK) <= 0)
		return fail(name, "connect");
	first = now();
	do {
		ret = read(fd, buf, CHUNK);
		if (ret <= 0)
			return fail(name, "read");
		bytes += ret;
		last = now();
	} while (last - first < seconds);
	say(name, "Gbit/s", bytes * 8e-9 / (last - first));
	close(fd);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* A byte to and fro: the median. */
static void round_trip(const char *name, int fd)
{
	static double took[1 << 18];
	struct timeval patience = { .tv_sec = 5 };
	double end = now() + seconds;
	unsigned int n = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (now() < end && n < sizeof(took) / sizeof(took[0])) {
		double start = now();

		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || read(fd, buf, CHUNK) != 1)
			return fail(name, "no answer");
		took[n++] = now() - start;
	}
	qsort(took, n, sizeof(took[0]), compare);
	say(name, "us", took[n / 2] * 1e6);
}

static void tcp_round_trip(const char *name)
{
	int fd = open_one(MODE_ECHO);

	if (fd < 0)
		return fail(name, "connect");
	round_trip(name, fd);
	close(fd);
}

static void udp_round_trip(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		return fail(name, "connect");
	round_trip(name, fd);
	close(fd);
}

/* One after the other: connect, a byte to and fro, close. */
static void connections(const char *name)
{
	double start = now(), last = start;
	unsigned int n = 0;

	for (; last - start < seconds; n++, last = now()) {
		int fd = open_one(MODE_ECHO);

		if (fd < 0 || put(fd, "x", 1) != 1 || read(fd, buf, 1) != 1)
			return fail(name, "connect");
		close(fd);
	}
	say(name, "1/s", n / (last - start));
}

/* So many at once, each of which then answers; the time for all. */
static void open_at_once(const char *name)
{
	double start = now();
	int fd[OPEN_AT_ONCE], i;

	for (i = 0; i < OPEN_AT_ONCE; i++)
		if ((fd[i] = open_one(MODE_ECHO)) < 0)
			return fail(name, "connect");
	for (i = 0; i < OPEN_AT_ONCE; i++)
		if (put(fd[i], "x", 1) != 1 || read(fd[i], buf, 1) != 1)
			return fail(name, "an open connection does not answer");
	say(name, "ms", (now() - start) * 1e3);
	for (i = 0; i < OPEN_AT_ONCE; i++)
		close(fd[i]);
}

static const struct {
	const char *name;
	void (*run)(const char *name);
} rows[] = {
	{ "tcp_up", tcp_up },
	{ "tcp_down", tcp_down },
	{ "tcp_round_trip", tcp_round_trip },
	{ "udp_round_trip", udp_round_trip },
	{ "connections", connections },
	{ "open_500", open_at_once },
};

static void run(int argc, char **argv)
{
	unsigned int row;
	int i;

	if (argc < 3)
		return;
	seconds = atof(argv[0]);
	server.sin_family = AF_INET;
	server.sin_port = htons(atoi(argv[2]));
	if (!inet_aton(argv[1], &server.sin_addr))
		die(argv[1]);
	for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		bool wanted = argc == 3;

		for (i = 3; i < argc; i++)
			wanted |= !strcmp(argv[i], rows[row].name);
		if (wanted)
			rows[row].run(rows[row].name);
	}
}

/* ---- where there is no agent that sets things up ---- */

static void set_up(const char *name, char *addr, const char *gateway)
{
	struct ifreq ifr = { 0 };
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr, *to = (struct sockaddr_in *)&route.rt_gateway;
	int tries, fd = socket(AF_INET, SOCK_DGRAM, 0);
	char *bits = strchr(addr, '/');

	if (bits)
		*bits++ = 0;
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	in->sin_family = AF_INET;
	inet_aton(addr, &in->sin_addr);
	for (tries = 0; ioctl(fd, SIOCSIFADDR, &ifr); tries++) {
		if (tries == 2000)
			die(name);
		usleep(1000);
	}
	in->sin_addr.s_addr = htonl(~0U << (32 - atoi(bits ? bits : "24")));
	if (ioctl(fd, SIOCSIFNETMASK, &ifr) || ioctl(fd, SIOCGIFFLAGS, &ifr))
		die(name);
	ifr.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die(name);
	to->sin_family = route.rt_dst.sa_family = route.rt_genmask.sa_family = AF_INET;
	if (inet_aton(gateway, &to->sin_addr) && to->sin_addr.s_addr && ioctl(fd, SIOCADDRT, &route))
		die("route");
	close(fd);
}

int main(int argc, char **argv)
{
	bool alone = getpid() == 1;
	int fd, tries;

	if (alone) {
		mount("devtmpfs", "/dev", "devtmpfs", 0, "");
		for (tries = 0; (fd = open("/dev/console", O_RDWR)) < 0 && tries < 1000; tries++)
			usleep(1000);
		for (tries = 0; fd >= 0 && tries < 3; tries++)
			dup2(fd, tries);
		load_modules();
		while (argc > 1 && strcmp(argv[1], "netload"))
			argc--, argv++;
		argc--, argv++;
		/* UML adds words of its own behind ours, which have a "=". */
		while (argc > 1 && strchr(argv[argc - 1], '='))
			argc--;
	}
	memset(buf, 'b', sizeof(buf));
	if (argc > 5 && !strcmp(argv[1], "dev")) {
		set_up(argv[2], argv[3], argv[4]);
		argc -= 4;
		argv += 4;
	}
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	if (argc > 4 && !strcmp(argv[1], "run"))
		run(argc - 2, argv + 2);
	else
		printf("usage: netload [dev NAME ADDR/BITS GATEWAY] serve PORT | run SECONDS ADDR PORT [ROW...]\n");
	if (alone)
		power_off();
	return 0;
}
