// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/vmem, cli/breaks, cli/rsp, cli/peer: what a hostile guest, and others at the debugger's port, can show a debugger. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/util.h"
#include "breaks.h"
#include "peer.h"
#include "rsp.h"
#include "tap.h"

#define RAM	(64ULL << 20)

/* A file that looks as a monitor's memory does. */
static struct vmem memory(void)
{
	struct vmem m = { .fd = memfd_create("memory", MFD_CLOEXEC), .ram = RAM, .cpus = 1, .pgd = VMEM_NONE, .user_pgd = VMEM_NONE };

	if (m.fd < 0 || ftruncate(m.fd, R3_TASK_SIZE * 2))
		tap_bail("no memory: %s", strerror(errno));
	return m;
}

static void put(const struct vmem *m, uint64_t gpa, uint64_t value)
{
	if (pwrite(m->fd, &value, sizeof(value), R3_DIRECT_BASE + gpa) != sizeof(value))
		tap_bail("cannot write memory: %s", strerror(errno));
}

static void table(const struct vmem *m, uint64_t at, uint64_t of)
{
	int i;

	for (i = 0; i < 512; i++)
		put(m, at + 8 * i, of ? of | 1 : 0);
}

static int count(void *ctx, uint64_t addr, uint64_t gpa, uint64_t len)
{
	(*(unsigned int *)ctx)++;
	return 0;
}

static uint64_t cpu_ms(void)
{
	return clock() / (CLOCKS_PER_SEC / 1000);
}

static void test_tables(void)
{
	struct vmem m = memory();
	unsigned int n = 0;
	uint64_t before;

	m.pgd = 0x1000;
	table(&m, 0x1000, 0x2000);
	table(&m, 0x2000, 0x3000);
	table(&m, 0x3000, 0x4000);
	before = cpu_ms();
	vmem_each(&m, R3_VMALLOC_BASE, R3_VMALLOC_BASE + R3_VMALLOC_SIZE, count, &n, 1000);
	ok(cpu_ms() - before < 1500, "one empty table in all others is looked at for %d ms", (int)(cpu_ms() - before));
	is(n, 0, "... and nothing is in it");
	table(&m, 0x4000, 0x1000);
	is(vmem_each(&m, R3_VMALLOC_BASE, R3_VMALLOC_BASE + R3_VMALLOC_SIZE, count, &n, 1000), -E2BIG, "a table with loops has an end");
	is(n, 1000, "... after as many pieces as may be");

	/* What is right is found. */
	table(&m, 0x4000, 0);
	put(&m, 0x4000, 0x5000 | 1);
	put(&m, 0x4008, 0x6000 | 1);
	put(&m, 0x4018, 0x7000 | 1);
	n = 0;
	is(vmem_each(&m, R3_VMALLOC_BASE, R3_VMALLOC_BASE + (2 << 20), count, &n, 1000), 0, "a table without loops");
	is(n, 2, "... has two pieces");
	is(vmem_gpa(&m, R3_VMALLOC_BASE + 0x1234), 0x6234, "... of which one address is where it should be");
	vmem_close(&m);
}

static void test_breaks(void)
{
	static struct breaks b;
	struct vmem m = memory();
	uint64_t code = R3_DIRECT_BASE + 0x9000;
	uint8_t byte = 0x55;

	b.mem = &m;
	m.user_pgd = 0x1000;
	put(&m, 0x1000, 0x2001);
	put(&m, 0x2000, 0x3001);
	put(&m, 0x3000 + 8 * 2, 0x4001);
	put(&m, 0x4000, 0x5001);
	is(vmem_gpa(&m, 0x400000), 0x5000, "an address of user code");
	is(breaks_set(&b, BREAK_SOFT, 0x400000, 1), -EFAULT, "no software breakpoint is written to it");
	vmem_read_gpa(&m, 0x5000, &byte, 1);
	is(byte, 0, "... nor anything else");
	is(breaks_set(&b, BREAK_SOFT, code, 1), 0, "one in the kernel");
	vmem_read(&m, code, &byte, 1);
	is(byte, 0xcc, "... is written");
	byte = 0x77;
	vmem_write(&m, code, &byte, 1);
	breaks_remove(&b);
	vmem_read(&m, code, &byte, 1);
	is(byte, 0x77, "memory that is something else by now is left alone at the end");
	vmem_close(&m);
}

static int received(const char *text, size_t len)
{
	static char packet[RSP_MAX + 1];
	struct rsp r;
	int p[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) || write_full(p[1], text, len))
		tap_bail("no sockets");
	shutdown(p[1], SHUT_WR);
	r = (struct rsp){ .in = p[0], .out = p[0] };
	ret = rsp_receive(&r, packet);
	close(p[0]);
	close(p[1]);
	return ret;
}

static void test_rsp(void)
{
	static const char http[] = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n$k#6b";
	static char big[3 * RSP_MAX];

	is(received("$k#6b", 5), 1, "a packet");
	is(received("+$k#6b", 6), 1, "one after an acknowledgement");
	is(received("\003$k#6b", 6), 1, "one after Ctrl-C");
	is(received(http, sizeof(http) - 1), -1, "one that a browser was made to send is none");
	memset(big, 'a', sizeof(big));
	memcpy(big, "$", 1);
	memcpy(big + sizeof(big) - 3, "#00", 3);
	/* The sum is wrong: the end comes before the next one. */
	is(received(big, sizeof(big)), -1, "one that is too long");
	is(received("$}", 2), -1, "one that ends in an escape");
}

/* A socket's owner is whose process makes it. */
static int other_user(int family, const struct sockaddr *a, socklen_t len, int listener)
{
	int client, server;

	if (geteuid() || seteuid(12345))
		return -1;
	client = socket(family, SOCK_STREAM, 0);
	if (seteuid(0) || connect(client, a, len))
		return -1;
	server = accept(listener, NULL, NULL);
	return server;
}

static void test_peer(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *a = family == AF_INET ? (void *)&a4 : (void *)&a6;
	socklen_t len = family == AF_INET ? sizeof(a4) : sizeof(a6);
	int listener = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0), server;
	uid_t uid = -1;

	if (listener < 0 || client < 0 || bind(listener, a, len) || listen(listener, 1) || getsockname(listener, a, &len) ||
	    connect(client, a, len) || (server = accept(listener, NULL, NULL)) < 0) {
		tap_skip("no such address", "whose connection it is");
		return;
	}
	ok(peer_of(server, &uid) == PEER_USER && uid == geteuid(), "whose connection on the loopback it is, by IPv%d", family == AF_INET ? 4 : 6);
	close(server);
	server = other_user(family, a, len, listener);
	if (server < 0)
		tap_skip("not root, or of no other user", "that of another user");
	else
		ok(peer_of(server, &uid) == PEER_USER && uid == 12345, "that of another user");
	close(server);
	close(client);
	/* What it has sent is still there to be read, and older hosts show its socket as root's. */
	client = socket(family, SOCK_STREAM, 0);
	ok(!connect(client, a, len) && write(client, "+", 1) == 1 && !close(client) && (server = accept(listener, NULL, NULL)) >= 0 &&
	   peer_of(server, &uid) == PEER_UNKNOWN, "one who has closed it is nobody");
	close(server);
	close(listener);
}

/* A port for IPv6 is one for IPv4 as well. */
static void test_mapped_peer(void)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;
	socklen_t len = sizeof(a6);
	uid_t uid = -1;

	if (listener < 0 || bind(listener, (void *)&a6, len) || listen(listener, 1) || getsockname(listener, (void *)&a6, &len)) {
		tap_skip("no IPv6", "whose connection by IPv4 to a port for IPv6 it is");
		return;
	}
	a4.sin_port = a6.sin6_port;
	if (connect(client, (void *)&a4, sizeof(a4)) || (server = accept(listener, NULL, NULL)) < 0) {
		tap_skip("IPv6 only", "whose connection by IPv4 to a port for IPv6 it is");
		return;
	}
	ok(peer_of(server, &uid) == PEER_USER && uid == geteuid(), "whose connection by IPv4 to a port for IPv6 it is");
	close(server);
	close(client);
	close(listener);
}

int main(void)
{
	test_tables();
	test_breaks();
	test_rsp();
	test_peer(AF_INET);
	test_peer(AF_INET6);
	test_mapped_peer();
	return tap_done();
}
