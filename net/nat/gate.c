// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. The functions at the end have the names of the C
 * library's. The dynamic linker takes the program's definitions for those of
 * every library, so libslirp's calls come here and are made as system calls.
 * gate_start() proves it: a host where it were otherwise starts nothing.
 * Before gate_start(), and in the resolver's process, which never calls it, they
 * are the C library's calls.
 *
 * What is known of a socket is in a table by descriptor, from socket() or
 * accept() to close().
 */
#include "gate.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "base/bucket.h"
#include "netlog.h"

#define BACKLOG		512
#define PEERS		1024		/* of published UDP ports */
#define PEER_MS		240000
#define MS		1000000

enum kind { NOT_OURS, TCP, UDP, PING, LISTENER };

struct entry {
	uint8_t kind;
	uint16_t published;		/* the guest's port */
	uint16_t port;			/* the last destination that was allowed */
	struct net_addr dst;
	uint64_t checked;		/* when, in ms */
	uint64_t used;			/* last, in ms */
};

struct peer {
	struct net_addr addr;
	uint16_t port, guest_port;
	uint64_t seen;
};

static struct gate_config gate;
static bool on;
static struct entry *entries;
static unsigned int nr_entries, open_now;
static const struct frame *current;
static uint16_t publishing;
static int last_listener = -1;
static struct peer peers[PEERS];

static uint64_t now_ms(void)
{
	return clock_ns() / MS;
}

static struct entry *entry(int fd)
{
	return on && fd >= 0 && (unsigned int)fd < nr_entries ? &entries[fd] : NULL;
}

static bool counted(const struct entry *e)
{
	return e->kind == TCP || e->kind == UDP || e->kind == PING;
}

static void enter(int fd, enum kind kind)
{
	struct entry *e = entry(fd);

	if (!e)
		return;
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->used = now_ms();
	if (counted(e))
		open_now++;
}

unsigned int gate_open(void)
{
	return open_now;
}

bool gate_full(void)
{
	return open_now >= gate.max;
}

void gate_frame(const struct frame *frame)
{
	current = frame;
}

void gate_publishing(uint16_t guest_port)
{
	publishing = guest_port;
	last_listener = -1;
}

int gate_bound_port(uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct net_addr a;

	if (getsockname(last_listener, (void *)&ss, &len))
		return -errno;
	return net_addr_from_sock(&ss, len, &a, port);
}

/* ---- who sent to published UDP ports ---- */

static struct peer *peer_slot(uint16_t guest_port, const struct net_addr *a, uint16_t port)
{
	uint32_t h = guest_port * 31 + port;
	unsigned int i;

	for (i = 0; i < net_addr_len(a); i++)
		h = (h ^ a->b[i]) * 16777619u;
	return &peers[(h ^ h >> 16) % PEERS];
}

bool gate_answers(uint16_t guest_port, const struct net_addr *dst, uint16_t port)
{
	struct peer *p = peer_slot(guest_port, dst, port);

	return p->seen && p->guest_port == guest_port && p->port == port &&
	       net_addr_same(&p->addr, dst) && now_ms() - p->seen < PEER_MS;
}

static void remember(uint16_t guest_port, const struct net_addr *a, uint16_t port)
{
	struct peer *p = peer_slot(guest_port, a, port);
	struct netlog_line line = { .event = "accept", .proto = "udp", .src = a, .sport = port, .dport = guest_port };

	if (!gate_answers(guest_port, a, port))
		netlog_write(&line);
	*p = (struct peer){ *a, port, guest_port, now_ms() };
}

/* The host's loopback, as a guest sees it. */
static bool as_gateway(struct net_addr *a)
{
	static const uint8_t loop6[16] = { [15] = 1 };

	if (a->family == AF_INET && a->b[0] == 127 && gate.net->v4)
		*a = gate.net->gateway4;
	else if (a->family == AF_INET6 && !memcmp(a->b, loop6, 16) && gate.net->v6)
		*a = gate.net->gateway6;
	else
		return false;
	return true;
}

/* ---- decisions ---- */

static enum policy_verdict verdict(enum policy_proto proto, const struct net_addr *a, uint16_t port, const char **name)
{
	return policy_check(gate.policy, proto, a, port, clock_ns() / 1000000000, name);
}

static int refuse(const char *proto, const struct net_addr *a, uint16_t port, const char *reason, int error)
{
	struct netlog_line line = { .event = "refused", .proto = proto, .dst = a, .dport = port, .reason = reason };

	if (current) {
		line.src = &current->src;
		line.sport = current->sport;
	}
	netlog_write(&line);
	errno = error;
	return -1;
}

static bool is_resolver(const struct net_addr *a, uint16_t port)
{
	return port == 53 && ((gate.net->v4 && net_addr_same(a, &gate.net->dns4)) ||
			      (gate.net->v6 && net_addr_same(a, &gate.net->dns6)));
}

/* The guest's connection to the resolver goes to ourselves. */
static int connect_dns(int fd)
{
	int other = gate.dns();
	int ret;

	if (other < 0) {
		errno = ECONNREFUSED;
		return -1;
	}
	ret = syscall(SYS_dup3, other, fd, O_CLOEXEC);
	syscall(SYS_close, other);
	return ret < 0 ? -1 : 0;
}

static int gated_connect(int fd, struct entry *e, const struct sockaddr *sa, socklen_t len)
{
	struct netlog_line line = { .event = "connect", .proto = "tcp" };
	enum policy_verdict v;
	struct net_addr a;
	uint16_t port;
	int ret;

	if (e->kind != TCP || net_addr_from_sock(sa, len, &a, &port)) {
		errno = EACCES;
		return -1;
	}
	/* libslirp takes each address of the guest's IPv6 network for the host: what did the guest say? */
	if (is_resolver(&a, port) || (current && is_resolver(&current->dst, current->dport)))
		return connect_dns(fd);
	v = verdict(POLICY_TCP, &a, port, &line.name);
	/* libslirp makes a reset of this one. */
	if (v != POLICY_ALLOW)
		return refuse("tcp", &a, port, policy_word(v), ECONNREFUSED);
	ret = syscall(SYS_connect, fd, sa, len);
	line.dst = &a;
	line.dport = port;
	if (current) {
		line.src = &current->src;
		line.sport = current->sport;
	}
	netlog_write(&line);
	return ret;
}

static bool may_send(struct entry *e, const struct net_addr *a, uint16_t port)
{
	enum policy_proto proto = e->kind == PING ? POLICY_ICMP : POLICY_UDP;
	struct net_addr as = *a;
	enum policy_verdict v;
	uint64_t now = now_ms();

	if (e->kind != UDP && e->kind != PING && !e->published)
		return false;
	/* Without ping sockets libslirp would ask UDP's port 7 instead. */
	if (e->kind == UDP && current && current->proto == IPPROTO_ICMP)
		return false;
	if (e->port == port && now - e->checked < 1000 && net_addr_same(&e->dst, a))
		return true;
	as_gateway(&as);
	if (!e->published || !gate_answers(e->published, &as, port)) {
		v = verdict(proto, a, port, NULL);
		if (v != POLICY_ALLOW)
			return !refuse(proto == POLICY_ICMP ? "icmp" : "udp", a, port, policy_word(v), EACCES);
	}
	e->dst = *a;
	e->port = port;
	e->checked = now;
	return true;
}

bool gate_readable(int fd)
{
	struct entry *e = entry(fd);
	struct sockaddr_storage ss;
	struct net_addr a;
	uint16_t port;
	socklen_t len;
	char byte;
	int i;

	if (!e || e->kind != UDP || e->published)
		return true;
	for (i = 0; i < 64; i++) {
		len = sizeof(ss);
		/* An error is libslirp's to tell the guest. */
		if (syscall(SYS_recvfrom, fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, &ss, &len) < 0)
			return errno != EAGAIN;
		if (net_addr_from_sock(&ss, len, &a, &port) || verdict(POLICY_UDP, &a, port, NULL) == POLICY_ALLOW)
			return true;
		syscall(SYS_recvfrom, fd, &byte, 1, MSG_DONTWAIT, NULL, NULL);
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t gate_idle(void)
{
	uint64_t now = now_ms(), used, *all = malloc(nr_entries * sizeof(*all));
	unsigned int i, n = 0;

	for (i = 0; all && i < nr_entries; i++)
		if ((entries[i].kind == UDP || entries[i].kind == PING) && !entries[i].published)
			all[n++] = entries[i].used;
	if (n) {
		qsort(all, n, sizeof(*all), compare);
		used = all[n / 8];
		/* What was used within a second is not idle. */
		now = now - used > 1000 ? now - used : 0;
	} else {
		now = 0;
	}
	free(all);
	return now;
}

static void *loaded(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

int gate_start(const struct gate_config *config, struct r3_err *err)
{
	struct rlimit lim;

	gate = *config;
	if (loaded("connect") != (void *)connect || loaded("sendto") != (void *)sendto ||
	    loaded("socket") != (void *)socket || loaded("close") != (void *)close ||
	    loaded("accept") != (void *)accept || loaded("recvfrom") != (void *)recvfrom)
		return err_set(err, -ENOSYS, "libslirp's socket calls do not lead to the egress policy: this is a build that cannot be used");
	getrlimit(RLIMIT_NOFILE, &lim);
	nr_entries = lim.rlim_cur;
	entries = calloc(nr_entries, sizeof(*entries));
	if (!entries)
		return err_set(err, -ENOMEM, "no memory for %u connections", nr_entries);
	on = true;
	return 0;
}

/* ---- in place of the C library's ---- */

int socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	bool ping = kind == SOCK_DGRAM && protocol == IPPROTO_ICMP && domain == AF_INET;
	int fd;

	if (!on)
		return syscall(SYS_socket, domain, type, protocol);
	if ((domain != AF_INET && domain != AF_INET6) || (kind != SOCK_STREAM && kind != SOCK_DGRAM) ||
	    (protocol && !ping)) {
		errno = EACCES;
		return -1;
	}
	if (!publishing && gate_full()) {
		errno = ECONNREFUSED;
		return -1;
	}
	fd = syscall(SYS_socket, domain, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return fd;
	enter(fd, publishing ? LISTENER : ping ? PING : kind == SOCK_STREAM ? TCP : UDP);
	if (publishing && entry(fd)) {
		entry(fd)->published = publishing;
		last_listener = fd;
	}
	return fd;
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct entry *e = entry(fd);

	return e ? gated_connect(fd, e, sa, len) : syscall(SYS_connect, fd, sa, len);
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *sa, socklen_t len)
{
	struct entry *e = entry(fd);
	struct net_addr a;
	uint16_t port;

	if (e && sa) {
		if (net_addr_from_sock(sa, len, &a, &port) || !may_send(e, &a, port)) {
			errno = EACCES;
			return -1;
		}
		e->used = now_ms();
		/* libslirp's datagram sockets block: a neighbour that does not answer would stop us for seconds. */
		if (syscall(SYS_sendto, fd, buf, n, flags | MSG_NOSIGNAL | MSG_DONTWAIT, sa, len) >= 0 || errno == EAGAIN)
			return n;
		return -1;
	}
	return syscall(SYS_sendto, fd, buf, n, flags | MSG_NOSIGNAL, sa, len);
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *sa, socklen_t *len)
{
	socklen_t room = len ? *len : 0;
	ssize_t ret = syscall(SYS_recvfrom, fd, buf, n, flags, sa, len);
	struct entry *e = entry(fd);
	struct sockaddr_storage ss;
	struct net_addr a;
	uint16_t port;

	if (ret < 0 || !e || !sa || !len)
		return ret;
	e->used = now_ms();
	if (!e->published || net_addr_from_sock(sa, *len, &a, &port))
		return ret;
	if (as_gateway(&a)) {
		*len = net_addr_to_sock(&a, port, &ss);
		memcpy(sa, &ss, *len < room ? *len : room);
	}
	remember(e->published, &a, port);
	return ret;
}

int listen(int fd, int backlog)
{
	/* libslirp's 1 loses connections that come together. */
	return syscall(SYS_listen, fd, entry(fd) ? BACKLOG : backlog);
}

int accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	int conn = syscall(SYS_accept4, fd, sa, len, SOCK_CLOEXEC);
	struct netlog_line line = { .event = "accept", .proto = "tcp" };
	struct entry *e = entry(fd);
	struct net_addr a;

	if (conn < 0 || !e || !sa || !len)
		return conn;
	if (!net_addr_from_sock(sa, *len, &a, &line.sport))
		line.src = &a;
	line.dport = e->published;
	if (gate_full()) {
		syscall(SYS_close, conn);
		line.event = "refused";
		line.reason = "too many connections";
		conn = -1;
	} else {
		enter(conn, TCP);
	}
	netlog_write(&line);
	errno = ECONNABORTED;
	return conn;
}

int close(int fd)
{
	struct entry *e = entry(fd);

	if (e) {
		if (counted(e))
			open_now--;
		e->kind = NOT_OURS;
		e->published = 0;
	}
	return syscall(SYS_close, fd);
}
