// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What stands between a closed monitor and the back end of a device that came later
 * (cli/vrelay.c): what is passed on and with which descriptor; monitors and back ends that
 * say what they must not, or more than anybody reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "fds.h"
#include "tap.h"
#include "virtq/inflight.h"
#include "vrelay.h"

#define QUEUES	2

static struct loop loop;
static struct vrelay relay;
static int ram, monitor, backend, near;	/* near: what the relay has of the back end */
static bool waited;

struct message {
	struct vhost_user_header h;
	uint8_t payload[VHOST_LINK_PAYLOAD_MAX + 8];
};

static void timed(void *ctx)
{
	waited = true;
}

/* All that can be done without new bytes. */
static void settle(void)
{
	struct timer t;

	loop_timer(&loop, &t, timed, NULL);
	timer_set(&t, 5);
	for (waited = false; !waited; )
		loop_step(&loop);
	loop_untimer(&loop, &t);
}

static void begin(bool fs)
{
	const struct channel_vhost device = { .fs = fs, .queues = QUEUES, .name = "disk" };
	int fds[2], given[CHANNEL_FDS_MAX];
	struct r3_err err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) || vrelay_open(&relay, &loop, fds[0], ram, &device, &err))
		tap_bail("a relay: %s", err.msg);
	near = fds[0];
	backend = fds[1];
	is(vrelay_fds(&relay, given), channel_vhost_fds(&device), "as many descriptors as the monitor is told");
	monitor = fcntl(given[CHANNEL_VHOST_LINK], F_DUPFD_CLOEXEC, 0);
	vrelay_given(&relay);
}

static void end(void)
{
	vrelay_close(&relay);
	close(near);
	close(backend);
	close(monitor);
}

static struct message make(uint32_t request, uint32_t flags, uint32_t size)
{
	struct message m = { .h = { request, flags, size } };

	return m;
}

static void say(const struct message *m)
{
	if (write(monitor, m, sizeof(m->h) + m->h.size) < 0)
		tap_bail("write: %s", strerror(errno));
}

/* One message as the back end takes it. Return: its bytes; *fd -1: none came along. */
static ssize_t hear(struct message *m, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(backend, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	*fd = -1;
	if (c && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	else if (c)
		ok(false, "one descriptor at most");
	return n;
}

/* Both ends see that it is over, and nothing came through. */
static void refused(const char *what)
{
	struct message m;
	char byte;
	int fd;

	settle();
	is(hear(&m, &fd), 0, "%s: the back end gets nothing but the end", what);
	/* The second if it said more than was read. */
	ok(!recv(monitor, &byte, 1, MSG_DONTWAIT) || errno == ECONNRESET, "%s: so does the monitor", what);
	end();
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* What is written to a is read from b. */
static bool same_event(int a, int b)
{
	uint64_t one = 1, got = 0;

	return write(a, &one, sizeof(one)) == sizeof(one) && read(b, &got, sizeof(got)) == sizeof(got) && got == 1;
}

enum want { NOTHING, RAM, CALL, KICK, NOTES };

static void passes(const char *what, uint32_t request, uint32_t size, uint64_t first, enum want want)
{
	struct message m = make(request, VHOST_USER_VERSION, size), got;
	bool right = false;
	int fd;

	memset(m.payload, 0x5a, sizeof(m.payload));
	if (size >= sizeof(first))
		memcpy(m.payload, &first, sizeof(first));
	say(&m);
	settle();
	is(hear(&got, &fd), sizeof(m.h) + size, "%s: it is passed on", what);
	ok(!memcmp(&m, &got, sizeof(m.h) + size), "%s: as it was said", what);
	switch (want) {
	case NOTHING:
		right = fd < 0;
		break;
	case RAM:
		right = same_file(fd, ram);
		break;
	case NOTES:
		right = same_file(fd, relay.inflight);
		break;
	case CALL:
		right = same_event(fd, relay.call);
		break;
	case KICK:
		right = same_event(fd, relay.kick[first]);
		break;
	}
	ok(right, "%s: with %s", what, want == NOTHING ? "no descriptor" : "its descriptor");
	if (fd >= 0)
		close(fd);
}

static void test_passes(void)
{
	static const struct { const char *name; uint32_t request, size; } plain[] = {
		{ "GET_FEATURES", VHOST_USER_GET_FEATURES, 0 }, { "SET_FEATURES", VHOST_USER_SET_FEATURES, 8 },
		{ "SET_OWNER", VHOST_USER_SET_OWNER, 0 }, { "SET_VRING_NUM", VHOST_USER_SET_VRING_NUM, 8 },
		{ "SET_VRING_ADDR", VHOST_USER_SET_VRING_ADDR, 40 }, { "SET_VRING_BASE", VHOST_USER_SET_VRING_BASE, 8 },
		{ "GET_VRING_BASE", VHOST_USER_GET_VRING_BASE, 8 }, { "GET_PROTOCOL_FEATURES", VHOST_USER_GET_PROTOCOL_FEATURES, 0 },
		{ "SET_PROTOCOL_FEATURES", VHOST_USER_SET_PROTOCOL_FEATURES, 8 }, { "GET_QUEUE_NUM", VHOST_USER_GET_QUEUE_NUM, 0 },
		{ "SET_VRING_ENABLE", VHOST_USER_SET_VRING_ENABLE, 8 }, { "GET_CONFIG", VHOST_USER_GET_CONFIG, 72 },
	};
	struct message m = make(VHOST_USER_GET_QUEUE_NUM, VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, 0), got;
	size_t i;
	int fd;

	begin(false);
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		passes(plain[i].name, plain[i].request, plain[i].size, 1, NOTHING);
	passes("SET_MEM_TABLE", VHOST_USER_SET_MEM_TABLE, sizeof(struct vhost_user_memory), 1, RAM);
	passes("SET_VRING_CALL", VHOST_USER_SET_VRING_CALL, 8, 1, CALL);
	passes("SET_VRING_KICK 0", VHOST_USER_SET_VRING_KICK, 8, 0, KICK);
	passes("SET_VRING_KICK 1", VHOST_USER_SET_VRING_KICK, 8, 1, KICK);
	passes("and once more", VHOST_USER_SET_VRING_KICK, 8, 1, KICK);

	say(&m);
	settle();
	is(hear(&got, &fd), sizeof(m.h), "one that is to be confirmed");
	m = make(VHOST_USER_GET_QUEUE_NUM, VHOST_USER_VERSION | VHOST_USER_REPLY, 8);
	is(write(backend, &m, sizeof(m.h) + 8), sizeof(m.h) + 8, "the back end answers");
	settle();
	is(recv(monitor, &got, sizeof(got), MSG_DONTWAIT), sizeof(m.h) + 8, "and the monitor has it");
	ok(!memcmp(&m, &got, sizeof(m.h) + 8), "as it was said");
	end();
}

static void test_pieces(void)
{
	struct message m = make(VHOST_USER_SET_VRING_ADDR, VHOST_USER_VERSION, 40), got;
	size_t i;
	int fd;

	begin(false);
	for (i = 0; i < sizeof(m.h) + 40; i++) {
		is(hear(&got, &fd), -1, "nothing of it is passed on before it is complete");
		if (write(monitor, (char *)&m + i, 1) != 1)
			tap_bail("write: %s", strerror(errno));
		settle();
	}
	is(hear(&got, &fd), sizeof(m.h) + 40, "byte by byte it is one message");
	end();
}

static void test_notes(void)
{
	const size_t one = inflight_size(256);
	struct vhost_user_inflight what = { .mmap_size = 2 * one, .num_queues = 2, .queue_size = 256 };
	struct message m = make(VHOST_USER_SET_INFLIGHT_FD, VHOST_USER_VERSION, sizeof(what)), got;
	struct inflight *f;
	int fd, times;

	begin(true);
	f = relay.notes;
	for (times = 0; times < 2; times++) {
		memset(f, 0xff, 2 * one);
		memcpy(m.payload, &what, sizeof(what));
		say(&m);
		settle();
		is(hear(&got, &fd), sizeof(m.h) + sizeof(what), "SET_INFLIGHT_FD is passed on");
		ok(same_file(fd, relay.inflight), "with the memory that the monitor has");
		ok(f->version == INFLIGHT_VERSION && f->nr == 256 && !f->chain[7].taken && !f->used_idx, "in which nothing is under way");
		f = (struct inflight *)((char *)relay.notes + one);
		ok(f->version == INFLIGHT_VERSION && f->nr == 256 && !f->chain[255].taken, "of both queues");
		f = relay.notes;
		is(ftruncate(fd, 0), -1, "nobody makes it shorter");
		close(fd);
	}
	end();
}

static void hostile_notes(const char *what, struct vhost_user_inflight notes, bool fs)
{
	struct message m = make(VHOST_USER_SET_INFLIGHT_FD, VHOST_USER_VERSION, sizeof(notes));

	begin(fs);
	memcpy(m.payload, &notes, sizeof(notes));
	say(&m);
	refused(what);
}

static void hostile(const char *what, uint32_t request, uint32_t flags, uint32_t size, uint64_t first)
{
	struct message m = make(request, flags, size);

	begin(true);
	memcpy(m.payload, &first, sizeof(first));
	/* As much of it as there is. */
	m.h.size = min_t(uint32_t, size, sizeof(m.payload));
	if (write(monitor, &m.h.request, 4) < 0 || write(monitor, &m.h.flags, 4) < 0 || write(monitor, &size, 4) < 0)
		tap_bail("write: %s", strerror(errno));
	if (m.h.size && write(monitor, m.payload, m.h.size) < 0)
		tap_note("it hung up already");
	refused(what);
}

static void test_hostile_monitor(void)
{
	const uint64_t one = inflight_size(1024);
	uint32_t request;
	char what[64];

	for (request = 0; request < 48; request++) {
		static const char known[] = { 1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 24, 32, 0 };

		if (request && strchr(known, request))
			continue;
		snprintf(what, sizeof(what), "request %u, which no front end of ours makes", request);
		hostile(what, request, VHOST_USER_VERSION, 8, 0);
	}
	hostile("request 4294967295", ~0U, VHOST_USER_VERSION, 0, 0);
	hostile("another version", VHOST_USER_GET_FEATURES, 2, 0, 0);
	hostile("no version", VHOST_USER_GET_FEATURES, 0, 0, 0);
	hostile("an answer", VHOST_USER_GET_FEATURES, VHOST_USER_VERSION | VHOST_USER_REPLY, 8, 0);
	hostile("unknown flags", VHOST_USER_GET_FEATURES, VHOST_USER_VERSION | 0x100, 0, 0);
	hostile("a payload where there is none", VHOST_USER_GET_FEATURES, VHOST_USER_VERSION, 8, 0);
	hostile("one that is too short", VHOST_USER_SET_MEM_TABLE, VHOST_USER_VERSION, 8, 0);
	hostile("one that is too long", VHOST_USER_SET_FEATURES, VHOST_USER_VERSION, 16, 0);
	hostile("4 GiB", VHOST_USER_SET_MEM_TABLE, VHOST_USER_VERSION, ~0U, 0);
	hostile("a configuration that is larger than any", VHOST_USER_GET_CONFIG, VHOST_USER_VERSION, VHOST_LINK_PAYLOAD_MAX + 1, 0);
	hostile("a configuration without a head", VHOST_USER_GET_CONFIG, VHOST_USER_VERSION, 8, 0);
	hostile("a kick behind the last queue", VHOST_USER_SET_VRING_KICK, VHOST_USER_VERSION, 8, QUEUES + 1);
	hostile("a kick far behind it", VHOST_USER_SET_VRING_KICK, VHOST_USER_VERSION, 8, 1ULL << 63);
	hostile("a kick without an eventfd", VHOST_USER_SET_VRING_KICK, VHOST_USER_VERSION, 8, 256);
	hostile("a call behind the last queue", VHOST_USER_SET_VRING_CALL, VHOST_USER_VERSION, 8, ~0ULL);
	hostile_notes("requests noted of a disk", (struct vhost_user_inflight){ one, 0, 1, 1024 }, false);
	hostile_notes("requests noted at an offset", (struct vhost_user_inflight){ one, 4096, 1, 1024 }, true);
	hostile_notes("of too long a queue", (struct vhost_user_inflight){ inflight_size(65535), 0, 1, 65535 }, true);
	hostile_notes("of too many queues", (struct vhost_user_inflight){ 3 * one, 0, 3, 1024 }, true);
	hostile_notes("of another size", (struct vhost_user_inflight){ 2 * one + 64, 0, 2, 1024 }, true);
	hostile_notes("of 16 EiB", (struct vhost_user_inflight){ ~0ULL, 0, 2, 1024 }, true);
}

static void send_fd(int sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct message m = make(VHOST_USER_SET_OWNER, VHOST_USER_VERSION, 0);
	struct iovec iov = { &m, sizeof(m.h) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &ram, sizeof(int));
	if (sendmsg(sock, &msg, 0) < 0)
		tap_bail("sendmsg: %s", strerror(errno));
}

static void test_descriptors(void)
{
	struct message got;
	int before, fd;

	begin(false);
	before = open_files();
	send_fd(monitor);
	settle();
	is(hear(&got, &fd), sizeof(got.h), "a message with a descriptor of the monitor's is passed on");
	is(fd, -1, "without it");
	send_fd(backend);
	settle();
	is(recv(monitor, &got, sizeof(got), MSG_DONTWAIT), sizeof(got.h), "so is one of the back end's");
	is(open_files(), before, "and none is left here");
	end();
}

/* Writes until nobody takes any more, or it is over. */
static void flood(int sock, const void *what, size_t len)
{
	int i;

	for (i = 0; i < 20000; i++) {
		if (send(sock, what, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		loop_step(&loop);
	}
	ok(i < 20000, "who says more than is read is hung up on");
}

static void test_floods(void)
{
	struct message m = make(VHOST_USER_SET_VRING_ADDR, VHOST_USER_VERSION, 40);
	uint8_t bytes[4096] = "";

	begin(false);
	flood(backend, bytes, sizeof(bytes));
	end();
	begin(false);
	flood(monitor, &m, sizeof(m.h) + 40);
	end();
}

static void test_ends(void)
{
	struct message m;
	char byte;
	int fd;

	begin(false);
	shutdown(monitor, SHUT_WR);
	refused("a monitor that closes its end");
	begin(false);
	shutdown(backend, SHUT_WR);
	settle();
	is(recv(monitor, &byte, 1, MSG_DONTWAIT), 0, "the monitor sees that the back end has closed its end");
	is(hear(&m, &fd), 0, "which sees nothing more");
	end();
}

int main(void)
{
	int before, again;

	ram = memfd_create("ram", MFD_CLOEXEC);
	before = open_files();
	test_passes();
	test_pieces();
	test_notes();
	test_hostile_monitor();
	test_descriptors();
	test_floods();
	test_ends();
	again = open_files();
	is(again, before, "no descriptor is left");
	return tap_done();
}
