// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. A UDP socket can be bound to an address only if the host
 * has it, and one that is connected to an address of the host's own has that
 * address at its own end as well, or goes through the loopback device, whose MTU
 * no other device has. The first is not so with net.ipv4.ip_nonlocal_bind,
 * which hostaddr_start() finds out. Nothing is sent for any of this, and all of
 * it is asked at the time of each new connection, since addresses come and go.
 * Where the host gives no answer, for want of descriptors, memory or ports, which
 * guests may bring about, the address is taken for its own.
 */
#include "hostaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bucket.h"

#define KEPT		64
#define KEPT_NS		1000000000ull
#define LOOPBACK_MTU	65536

static struct {
	struct net_addr addr;
	uint64_t until;
	bool local;
} kept[KEPT];
static bool bind_tells[2];		/* IPv4, IPv6 */

/* Not by the C library's names: those of libslirp's calls lead to gate.c. */
static int make(const struct net_addr *a)
{
	return syscall(SYS_socket, a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

enum says { NO, YES, NOTHING };

static enum says can_bind(const struct net_addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr_to_sock(a, 0, &ss);
	enum says says = YES;
	int s = make(a);

	if (s < 0)
		return errno == EAFNOSUPPORT ? NO : NOTHING;
	if (syscall(SYS_bind, s, &ss, len))
		says = errno == EADDRNOTAVAIL ? NO : NOTHING;
	syscall(SYS_close, s);
	return says;
}

/* Of errors those that say that there is no way to it. */
static bool no_way(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL ||
	       error == EADDRNOTAVAIL;
}

static enum says ends_here(const struct net_addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr_to_sock(a, 9, &ss);
	int s = make(a), mtu = 0;
	socklen_t n = sizeof(mtu);
	struct net_addr own;
	enum says says = NO;
	uint16_t port;

	if (s < 0)
		return errno == EAFNOSUPPORT ? NO : NOTHING;
	if (syscall(SYS_connect, s, &ss, len)) {
		says = no_way(errno) ? NO : NOTHING;
	} else {
		len = sizeof(ss);
		if (!getsockname(s, (void *)&ss, &len) && !net_addr_from_sock(&ss, len, &own, &port) && net_addr_same(&own, a))
			says = YES;
		if (!getsockopt(s, a->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
				a->family == AF_INET ? IP_MTU : IPV6_MTU, &mtu, &n) && mtu >= LOOPBACK_MTU)
			says = YES;
	}
	syscall(SYS_close, s);
	return says;
}

void hostaddr_start(void)
{
	struct net_addr never;

	/* Networks for documentation (RFC 5737, RFC 3849); and if a host uses one, not this address. */
	net_addr_parse("203.0.113.211", &never);
	bind_tells[0] = can_bind(&never) == NO;
	net_addr_parse("2001:db8:5f3a:91c7::d3", &never);
	bind_tells[1] = can_bind(&never) == NO;
}

bool hostaddr_local(void *arg, const struct net_addr *a)
{
	unsigned int slot = (a->b[3] + a->b[2] * 7 + a->b[15] * 13 + a->b[14] * 5) % KEPT;
	uint64_t now = clock_ns();

	(void)arg;
	if (kept[slot].until > now && net_addr_same(&kept[slot].addr, a))
		return kept[slot].local;
	kept[slot].local = (bind_tells[a->family == AF_INET6] && can_bind(a) != NO) || ends_here(a) != NO;
	kept[slot].addr = *a;
	kept[slot].until = now + KEPT_NS;
	return kept[slot].local;
}
