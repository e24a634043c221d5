// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "gate.h"

#define FREE_TRIES	16

static struct published bound[PUBLISH_BOUND];
static unsigned int nr_bound;
static uint8_t udp_ports[65536 / 8];

unsigned int publish_list(const struct published **list)
{
	*list = bound;
	return nr_bound;
}

bool publish_udp(uint16_t port)
{
	return udp_ports[port / 8] & (1 << port % 8);
}

/* Return: 0 with @host set to the port that it is, or -errno. */
static int bind_one(Slirp *slirp, const struct virt_net *net, bool udp, const struct net_addr *addr,
		    uint16_t *host, uint16_t guest)
{
	bool v6 = addr->family == AF_INET6;
	int flags = (udp ? SLIRP_HOSTFWD_UDP : 0) | (v6 ? SLIRP_HOSTFWD_V6ONLY : 0);
	struct sockaddr_storage from, to;
	socklen_t from_len = net_addr_to_sock(addr, *host, &from);
	socklen_t to_len = net_addr_to_sock(v6 ? &net->guest6 : &net->guest4, guest, &to);
	int ret = 0;

	if (!(v6 ? net->v6 : net->v4))
		return -EAFNOSUPPORT;
	if (nr_bound == PUBLISH_BOUND)
		return -EMFILE;
	gate_publishing(guest);
	errno = EIO;
	if (slirp_add_hostxfwd(slirp, (void *)&from, from_len, (void *)&to, to_len, flags))
		ret = -errno;
	else
		ret = gate_bound_port(host);
	gate_publishing(0);
	if (ret)
		return ret;
	bound[nr_bound++] = (struct published){ udp, *addr, *host, guest };
	if (udp)
		udp_ports[guest / 8] |= 1 << guest % 8;
	return 0;
}

static void unbind_last(Slirp *slirp)
{
	struct published *b = &bound[--nr_bound];
	struct sockaddr_storage ss;
	socklen_t len = net_addr_to_sock(&b->addr, b->host, &ss);

	slirp_remove_hostxfwd(slirp, (void *)&ss, len,
			      (b->udp ? SLIRP_HOSTFWD_UDP : 0) | (b->addr.family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0));
}

static int complain(const struct publish *p, const struct net_addr *addr, uint16_t port, int ret, struct r3_err *err)
{
	char text[NET_ADDR_TEXT];
	const char *proto = p->udp ? "UDP" : "TCP";

	net_addr_text(addr, text);
	switch (ret) {
	case -EADDRINUSE:
		return err_set(err, ret, "--publish %s: %s port %u of %s is in use on this host: choose another, or give 0 for a free one", p->text, proto, port, text);
	case -EADDRNOTAVAIL:
		return err_set(err, ret, "--publish %s: this host does not have the address %s", p->text, text);
	case -EACCES:
	case -EPERM:
		return err_set(err, ret, "--publish %s: this user may not bind %s port %u: take one from 1024 on, or lower net.ipv4.ip_unprivileged_port_start", p->text, proto, port);
	case -EMFILE:
		return err_set(err, ret, "--publish %s: too many ports are published", p->text);
	default:
		return err_set(err, ret, "--publish %s: %s port %u of %s cannot be bound: %s", p->text, proto, port, text, strerror(-ret));
	}
}

/* Every address of both families, the same port. A host without IPv6 has the other. */
static int bind_any(const struct publish *p, Slirp *slirp, const struct virt_net *net, uint16_t host,
		    uint16_t guest, struct r3_err *err)
{
	struct net_addr any4 = { .family = AF_INET }, any6 = { .family = AF_INET6 };
	uint16_t port = host;
	int tries, ret4, ret6;

	for (tries = 0; ; tries++) {
		port = host;
		ret4 = bind_one(slirp, net, p->udp, &any4, &port, guest);
		if (ret4 && ret4 != -EAFNOSUPPORT)
			return complain(p, &any4, port, ret4, err);
		ret6 = bind_one(slirp, net, p->udp, &any6, &port, guest);
		if (!ret6 || ((ret6 == -EAFNOSUPPORT || ret6 == -EADDRNOTAVAIL) && !ret4))
			return 0;
		if (host || ret6 != -EADDRINUSE || ret4 || tries == FREE_TRIES)
			return complain(p, &any6, port, ret6, err);
		unbind_last(slirp);
	}
}

int publish_bind(const struct publish *p, Slirp *slirp, const struct virt_net *net, struct r3_err *err)
{
	unsigned int i;
	int ret;

	for (i = 0; i < p->n; i++) {
		uint16_t host = p->host ? p->host + i : 0, guest = p->guest + i;

		if (p->any) {
			ret = bind_any(p, slirp, net, host, guest, err);
		} else {
			ret = bind_one(slirp, net, p->udp, &p->addr, &host, guest);
			if (ret)
				ret = complain(p, &p->addr, host, ret, err);
		}
		if (ret)
			return ret;
	}
	return 0;
}
