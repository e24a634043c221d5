// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages are one line each on a socket that keeps them apart; abi/ has none of
 * this, as both ends are built together.
 *
 *	blob HEX	-> ok, with the file; or no REASON
 *	scratch		-> ok, with a file
 *	image HEX	-> have; or make, with image, settings
 *	progress N, done, error TEXT
 */
#include "parent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 2

static int sock = -1;

void parent_open(int fd)
{
	sock = fd;
}

static int say(const char *text)
{
	ssize_t n;

	do
		n = send(sock, text, strlen(text), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Fills @fds, as many as came. Return: how many, or -errno. */
static int ask(const char *text, char *answer, size_t size, int *fds)
{
	union {
		struct cmsghdr head;
		char buf[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { answer, size - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;
	int ret = say(text), nr = 0;

	if (ret)
		return ret;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -EPIPE;
	answer[n] = 0;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(c), nr * sizeof(int));
		}
	return nr;
}

static int one_file(const char *text, struct r3_err *err)
{
	char answer[600];
	int fds[MAX_FDS] = { -1, -1 }, n = ask(text, answer, sizeof(answer), fds);

	if (n == 1 && !strcmp(answer, "ok"))
		return fds[0];
	if (n >= 0 && !strncmp(answer, "no ", 3))
		return err_set(err, ENOENT, "%s", answer + 3);
	return err_set(err, n < 0 ? n : -EPROTO, "nobody answers for its files");
}

int parent_blob(const char *digest, struct r3_err *err)
{
	char text[128];

	snprintf(text, sizeof(text), "blob %s", digest);
	return one_file(text, err);
}

int parent_scratch(struct r3_err *err)
{
	return one_file("scratch", err);
}

int parent_image(const char *digest, struct parent_want *want, struct r3_err *err)
{
	char text[128], answer[64];
	int fds[MAX_FDS], n;

	snprintf(text, sizeof(text), "image %s", digest);
	n = ask(text, answer, sizeof(answer), fds);
	*want = (struct parent_want){ .image = -1, .settings = -1 };
	if (n == 0 && !strcmp(answer, "have"))
		return 0;
	if (n != 2 || strcmp(answer, "make"))
		return err_set(err, n < 0 ? n : -EPROTO, "nobody takes the image");
	want->make = true;
	want->image = fds[0];
	want->settings = fds[1];
	return 0;
}

void parent_progress(unsigned int percent)
{
	char text[32];

	snprintf(text, sizeof(text), "progress %u", percent);
	say(text);
}

void parent_done(void)
{
	say("done");
}

void parent_error(const char *text)
{
	char line[1100];

	if (sock < 0) {
		fprintf(stderr, "ring3-unpack: %s\n", text);
		return;
	}
	snprintf(line, sizeof(line), "error %s", text);
	say(line);
}
