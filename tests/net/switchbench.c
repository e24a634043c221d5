// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Throughput of a switch from member to member: switchbench SOCKET SECONDS BYTES
 * sends TSO frames of so many bytes, by one process to another, and prints Gbit/s
 * and what was lost. With BYTES below 1500 single packets.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int join(const char *path, int n)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), size = 4 << 20;
	char text[256];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	snprintf(text, sizeof(text), "{\"join\":{\"name\":\"bench%d\",\"mac\":\"52:54:00:00:00:%02x\"}}", n, n);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || send(fd, text, strlen(text), 0) < 0 || recv(fd, text, sizeof(text), 0) < 3 ||
	    strncmp(text, "{\"ok", 4)) {
		fprintf(stderr, "cannot join %s\n", path);
		exit(1);
	}
	return fd;
}

static void receive(int fd)
{
	static uint8_t m[70000];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	double first = 0, last = 0, bytes = 0;
	unsigned long n = 0;
	ssize_t len;

	while (poll(&pfd, 1, 2000) > 0 && (len = recv(fd, m, sizeof(m), 0)) > 0) {
		last = seconds();
		if (!n++)
			first = last;
		else
			bytes += len - 66;
	}
	printf("%.2f Gbit/s, %lu frames\n", bytes * 8 / (last - first) / 1e9, n);
}

int main(int argc, char **argv)
{
	static uint8_t m[70000];
	int from, to, len;
	unsigned long n = 0;
	double end;

	if (argc != 4)
		return 2;
	len = atoi(argv[3]);
	from = join(argv[1], 1);
	to = join(argv[1], 2);
	if (!fork()) {
		close(from);
		receive(to);
		fflush(stdout);
		_exit(0);
	}
	close(to);
	memcpy(m + 12, "\x52\x54\0\0\0\2\x52\x54\0\0\0\1\x08\0\x45", 15);
	m[28] = (len + 40) >> 8;
	m[29] = len + 40;
	m[35] = 6;
	m[12 + 34 + 12] = 0x50;
	if (len > 1448) {
		m[0] = 1;
		m[1] = 1;
		m[2] = 54;
		m[4] = 1448 & 255;
		m[5] = 1448 >> 8;
		m[6] = 34;
		m[8] = 16;
	}
	for (end = seconds() + atof(argv[2]); seconds() < end; n++)
		if (send(from, m, 66 + len, 0) < 0) {
			perror("send");
			break;
		}
	fprintf(stderr, "%lu frames sent\n", n);
	wait(NULL);
	return 0;
}
