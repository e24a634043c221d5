// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. A frame of the guest passes, in this order:
 *
 *	frame_parse()		what is it, and does it agree with itself
 *	fragments_add()		is it all of a packet
 *	offload_finish()	checksums and segments that the guest left out
 *	filter()		whose address is it from; what is it for
 *	localack.c		TCP: windows, and what libslirp has been told already
 *	libslirp		which makes of it a call to a socket
 *	gate.c			the policy again, with the address of that call
 *
 * filter() answers what is not allowed at once, so that programs in the guest
 * get an error and do not wait: TCP by a reset, everything else by ICMP
 * "administratively prohibited". Only a TCP segment that opens a connection is
 * asked about; others belong to one that libslirp has, or are reset by it.
 */
#include "nat.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "base/bucket.h"
#include "fragments.h"
#include "localack.h"
#include "neighbours.h"
#include "netlog.h"
#include "offload.h"
#include "ping6.h"
#include "publish.h"

#define PORT_DNS	53
#define PORT_DHCP	67
#define PORT_TFTP	69
#define PORT_DHCP6	547
#define FLOWS		1024
#define FLOW_S		240
#define UDP_EXPIRE_MS	240000		/* libslirp's SO_EXPIRE */
#define TIMERS		8

struct timer {
	bool used;
	SlirpTimerCb cb;
	void *opaque;
	int64_t at;			/* ms, -1: not set */
};

static struct nat_config config;
static Slirp *slirp;
static struct resolver *resolver;
static struct timer timers[TIMERS];
static int64_t skew_ns;
static struct bucket connections;
static struct nat_stats stats;
static struct flow {
	struct net_addr dst;
	uint16_t sport, dport;
	uint64_t seen;
} flows[FLOWS];

static uint64_t now_s(void)
{
	return clock_ns() / 1000000000;
}

const struct nat_stats *nat_stats(void)
{
	return &stats;
}

void nat_send(const uint8_t *p, size_t len)
{
	link_send(p, len, true);
}

/* ---- refusals ---- */

static const char *proto_name(const struct frame *f)
{
	return f->proto == IPPROTO_TCP ? "tcp" : f->proto == IPPROTO_UDP ? "udp" : "icmp";
}

static void log_frame(const char *event, const struct frame *f, const char *name, const char *reason)
{
	struct netlog_line line = {
		.event = event, .proto = proto_name(f), .src = &f->src, .dst = &f->dst,
		.sport = f->sport, .dport = f->dport, .name = name, .reason = reason,
	};

	netlog_write(&line);
}

/* Return: false, for "return refuse(...)" in the filter. */
static bool refuse(const uint8_t *p, const struct frame *f, const char *name, const char *reason)
{
	uint8_t out[REPLY_MAX];
	size_t len;

	stats.refused++;
	log_frame("refused", f, name, reason);
	len = f->proto == IPPROTO_TCP ? reply_reset(out, p, f) : reply_prohibited(out, p, f);
	if (len)
		nat_send(out, len);
	return false;
}

static bool ignore(void)
{
	stats.ignored++;
	return false;
}

/* ---- the filter ---- */

static struct flow *flow_slot(const struct frame *f)
{
	uint32_t h = f->sport * 31 + f->dport, i;

	for (i = 0; i < net_addr_len(&f->dst); i++)
		h = (h ^ f->dst.b[i]) * 16777619u;
	return &flows[(h ^ h >> 16) % FLOWS];
}

/* Whether this is the first datagram for long between these two. */
static bool new_flow(const struct frame *f)
{
	const struct flow *flow = flow_slot(f);

	return !flow->seen || now_s() - flow->seen >= FLOW_S || flow->sport != f->sport ||
	       flow->dport != f->dport || !net_addr_same(&flow->dst, &f->dst);
}

/* Only what was let pass: a second try is as new as the first. */
static void know_flow(const struct frame *f)
{
	*flow_slot(f) = (struct flow){ f->dst, f->sport, f->dport, now_s() };
}

/* A token for a connection; without one the guest tries again a second later. */
static bool too_fast(const struct frame *f)
{
	if (bucket_ready(&connections, clock_ns())) {
		bucket_take(&connections, 1);
		return false;
	}
	stats.refused++;
	log_frame("refused", f, NULL, "more connections a second than --connection-rate");
	return true;
}

static bool source_ok(const struct frame *f)
{
	const struct virt_net *n = &config.net;

	if (f->kind == FRAME_IP4)
		return n->v4 && net_addr_in(&f->src, &n->net4, n->prefix4) &&
		       !net_addr_same(&f->src, &n->gateway4) && !net_addr_same(&f->src, &n->dns4) &&
		       !net_addr_same(&f->src, &n->net4) && !net_addr_same(&f->src, &n->broadcast4);
	return n->v6 && net_addr_in(&f->src, &n->net6, n->prefix6) &&
	       !net_addr_same(&f->src, &n->gateway6) && !net_addr_same(&f->src, &n->dns6);
}

static bool to_resolver(const uint8_t *p, const struct frame *f)
{
	struct reply_to to;

	if (f->proto == IPPROTO_UDP && f->dport == PORT_DNS) {
		reply_to(&to, p, f);
		if (resolver)
			resolver_datagram(resolver, &to, p + f->l4 + 8, f->l4_len - 8);
		return false;
	}
	if ((f->proto == IPPROTO_TCP && f->dport == PORT_DNS) || f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6)
		return true;
	return refuse(p, f, NULL, "not the resolver's port");
}

static bool echo(const struct frame *f)
{
	return f->type == (f->kind == FRAME_IP4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
}

/* To the outside, or to the host by the gateway's address. */
static bool outside(const uint8_t *p, const struct frame *f)
{
	enum policy_proto proto = f->proto == IPPROTO_TCP ? POLICY_TCP : f->proto == IPPROTO_UDP ? POLICY_UDP : POLICY_ICMP;
	enum policy_verdict verdict;
	const char *name;

	if (f->proto == IPPROTO_TCP && (f->flags & (FRAME_SYN | FRAME_ACK)) != FRAME_SYN)
		return true;
	if (f->proto == IPPROTO_UDP && publish_udp(f->sport) && gate_answers(f->sport, &f->dst, f->dport))
		return true;
	if (proto == POLICY_ICMP && !echo(f))
		return ignore();
	verdict = policy_check(config.policy, proto, &f->dst, f->dport, now_s(), &name);
	if (verdict != POLICY_ALLOW)
		return refuse(p, f, name, policy_word(verdict));
	if (f->proto == IPPROTO_TCP) {
		if (gate_full())
			return refuse(p, f, name, "too many connections");
		return !too_fast(f);
	}
	if (new_flow(f)) {
		if (too_fast(f))
			return false;
		log_frame(proto == POLICY_UDP ? "flow" : "ping", f, name, NULL);
	}
	know_flow(f);
	if (f->proto == IPPROTO_ICMPV6) {
		if (ping6_send(p, f))
			return refuse(p, f, name, "this host gives no ping sockets, or has no way there");
		return false;
	}
	return true;
}

static bool filter4(const uint8_t *p, const struct frame *f)
{
	const struct virt_net *n = &config.net;

	if (!n->v4)
		return ignore();
	if (f->proto == IPPROTO_UDP && f->dport == PORT_DHCP)
		return get32(f->dst.b) == UINT32_MAX || net_addr_same(&f->dst, &n->gateway4) || ignore();
	if ((f->dst.b[0] & 0xf0) == 0xe0 || get32(f->dst.b) == UINT32_MAX || net_addr_same(&f->dst, &n->broadcast4))
		return ignore();
	if (!source_ok(f))
		return refuse(p, f, NULL, "a source address that is not the guest's");
	if (net_addr_same(&f->dst, &n->dns4))
		return to_resolver(p, f);
	if (net_addr_same(&f->dst, &n->gateway4)) {
		if (f->proto == IPPROTO_ICMP)
			return echo(f) ? true : ignore();
		/* libslirp's own server, which has nothing to give. */
		if (f->proto == IPPROTO_UDP && f->dport == PORT_TFTP)
			return refuse(p, f, NULL, policy_word(POLICY_HOST));
	}
	return outside(p, f);
}

static void to_slirp(const uint8_t *p, size_t len)
{
	slirp_input(slirp, p, len);
}

/* Neighbours and routers: of the link only. */
static bool is_neighbour6(const struct frame *f)
{
	return f->proto == IPPROTO_ICMPV6 && f->type >= ND_ROUTER_SOLICIT && f->type <= ND_NEIGHBOR_ADVERT;
}

static bool filter6(const uint8_t *p, const struct frame *f)
{
	const struct virt_net *n = &config.net;
	bool link_local = f->dst.b[0] == 0xfe && (f->dst.b[1] & 0xc0) == 0x80, from_link;

	if (!n->v6)
		return ignore();
	from_link = f->src.b[0] == 0xfe && (f->src.b[1] & 0xc0) == 0x80;
	/* libslirp has nothing to say to who has no address yet, as in duplicate address detection. */
	if (!from_link && !source_ok(f))
		return (f->src.b[0] | f->src.b[15]) ? refuse(p, f, NULL, "a source address that is not the guest's") : ignore();
	if (!neighbours_see(&f->src, p + 6, now_s(), to_slirp))
		return refuse(p, f, NULL, "more IPv6 addresses than a guest may use at a time");
	if (is_neighbour6(f))
		return f->dst.b[0] == 0xff || link_local || net_addr_in(&f->dst, &n->net6, n->prefix6) || ignore();
	if (f->proto == IPPROTO_UDP && f->dport == PORT_DHCP6 && f->dst.b[0] == 0xff)
		return true;
	if (f->dst.b[0] == 0xff)
		return ignore();
	if (link_local)
		/* The router answers pings. */
		return f->proto == IPPROTO_ICMPV6 && echo(f) ? true : ignore();
	if (from_link)
		return ignore();
	if (net_addr_same(&f->dst, &n->dns6))
		return to_resolver(p, f);
	if (net_addr_same(&f->dst, &n->gateway6)) {
		if (f->proto == IPPROTO_ICMPV6)
			return echo(f) ? true : ignore();
		if (f->proto == IPPROTO_UDP && (f->dport == PORT_TFTP || f->dport == PORT_DHCP6))
			return refuse(p, f, NULL, policy_word(POLICY_HOST));
	}
	return outside(p, f);
}

/* Where the guest is, as soon as it says anything: a server in it may never speak first over IPv6. */
static void learn_guest(const uint8_t *p)
{
	static bool known;

	if (known || !config.net.v6 || (p[6] & 1))
		return;
	known = true;
	neighbours_see(&config.net.guest6, p + 6, now_s(), to_slirp);
}

static void finished(void *arg, uint8_t *p, const struct frame *f)
{
	struct frame whole;
	size_t len;

	(void)arg;
	learn_guest(p);
	if (f->fragment) {
		p = fragments_add(p, f, clock_ns() / 1000000, &len);
		if (!p)
			return;
		if (frame_parse(p, len, &whole)) {
			stats.malformed++;
			return;
		}
		f = &whole;
	}
	if (f->kind == FRAME_ARP ? !config.net.v4 : f->kind == FRAME_IP4 ? !filter4(p, f) : !filter6(p, f))
		return;
	if (f->kind != FRAME_ARP && f->proto == IPPROTO_TCP && !localack_from_guest(p, f, clock_ns() / 1000000))
		return;
	gate_frame(f);
	slirp_input(slirp, p, f->len);
	gate_frame(NULL);
}

void nat_frame(const struct virtio_net_hdr_v1 *hdr, uint8_t *p, size_t len)
{
	struct frame f;

	switch (frame_parse(p, len, &f)) {
	case 0:
		if (offload_finish(hdr, p, &f, config.mtu, finished, NULL))
			stats.malformed++;
		break;
	case -EOPNOTSUPP:
		/* Of multicast listeners, mostly. */
		if (f.kind == FRAME_IP6 && f.dst.b[0] == 0xff)
			stats.ignored++;
		else
			refuse(p, &f, NULL, "IP options, extension headers or a fragment of TCP");
		break;
	case -EPROTONOSUPPORT:
		stats.ignored++;
		break;
	default:
		stats.malformed++;
	}
}

/* ---- what libslirp needs ---- */

static ssize_t cb_send(const void *p, size_t len, void *opaque)
{
	(void)opaque;
	localack_to_guest(p, len);
	return len;
}

static void cb_error(const char *msg, void *opaque)
{
	(void)msg;
	(void)opaque;
	stats.malformed++;
}

static int64_t cb_clock(void *opaque)
{
	(void)opaque;
	return clock_ns() + skew_ns;
}

static void *cb_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
	int i;

	(void)opaque;
	for (i = 0; i < TIMERS; i++)
		if (!timers[i].used) {
			timers[i] = (struct timer){ true, cb, cb_opaque, -1 };
			return &timers[i];
		}
	return NULL;
}

static void cb_timer_free(void *timer, void *opaque)
{
	struct timer *t = timer;

	(void)opaque;
	t->used = false;
}

static void cb_timer_mod(void *timer, int64_t at, void *opaque)
{
	struct timer *t = timer;

	(void)opaque;
	t->at = at;
}

static void cb_poll_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void cb_notify(void *opaque)
{
	(void)opaque;
}

static const struct localack_ops localack = { .to_guest = nat_send, .to_slirp = to_slirp };

static const SlirpCb callbacks = {
	.send_packet = cb_send,
	.guest_error = cb_error,
	.clock_get_ns = cb_clock,
	.timer_new = cb_timer_new,
	.timer_free = cb_timer_free,
	.timer_mod = cb_timer_mod,
	.register_poll_fd = cb_poll_fd,
	.unregister_poll_fd = cb_poll_fd,
	.notify = cb_notify,
};

int nat_timers(void)
{
	int64_t now = clock_ns() / 1000000, next = -1;
	int retry, i;

	for (i = 0; i < TIMERS; i++) {
		struct timer *t = &timers[i];

		if (!t->used || t->at < 0)
			continue;
		if (t->at <= now) {
			t->at = -1;
			t->cb(t->opaque);
		}
		if (t->at >= 0 && (next < 0 || t->at - now < next))
			next = t->at > now ? t->at - now : 0;
	}
	retry = localack_timers(now);
	return retry >= 0 && (next < 0 || retry < next) ? retry : next;
}

bool nat_acknowledge(bool congested)
{
	return localack_run(congested, clock_ns() / 1000000);
}

static int no_poll(int fd, int events, void *opaque)
{
	(void)fd;
	(void)events;
	(void)opaque;
	return -1;
}

static int no_events(int index, void *opaque)
{
	(void)index;
	(void)opaque;
	return 0;
}

/*
 * libslirp ends a datagram socket when it has been idle for four minutes, and
 * knows no other way. So it is shown a clock that is ahead by as much as is
 * missing, for as long as it looks which ones these are.
 */
void nat_make_room(void)
{
	uint64_t idle = gate_full() ? gate_idle() : 0;
	uint32_t timeout = 0;

	if (!idle)
		return;
	if (idle < UDP_EXPIRE_MS)
		skew_ns = (UDP_EXPIRE_MS - idle + 1) * 1000000;
	slirp_pollfds_poll(slirp, 1, no_events, NULL);
	slirp_pollfds_fill(slirp, &timeout, no_poll, NULL);
	skew_ns = 0;
	slirp_pollfds_poll(slirp, 1, no_events, NULL);
}

Slirp *nat_slirp(void)
{
	return slirp;
}

void nat_resolver(struct resolver *r)
{
	resolver = r;
}

static struct in_addr in4(const struct net_addr *a)
{
	struct in_addr in;

	memcpy(&in, a->b, 4);
	return in;
}

static struct in6_addr in6(const struct net_addr *a)
{
	struct in6_addr in;

	memcpy(&in, a->b, 16);
	return in;
}

int nat_start(const struct nat_config *wanted, struct r3_err *err)
{
	const struct virt_net *n = &wanted->net;
	uint32_t mask = htonl(n->v4 ? ~0u << (32 - n->prefix4) : 0);
	SlirpConfig cfg = {
		.version = 4,
		.in_enabled = n->v4,
		.vnetwork = in4(&n->net4),
		.vnetmask = { mask },
		.vhost = in4(&n->gateway4),
		.vdhcp_start = in4(&n->guest4),
		.vnameserver = in4(&n->dns4),
		.in6_enabled = n->v6,
		.vprefix_addr6 = in6(&n->net6),
		.vprefix_len = n->prefix6,
		.vhost6 = in6(&n->gateway6),
		.vnameserver6 = in6(&n->dns6),
		.if_mtu = wanted->mtu,
		.if_mru = wanted->mtu,
		/* The policy has the last word, and answers of published ports go to loopback. */
		.disable_host_loopback = false,
		.disable_dns = true,
	};

	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	config = *wanted;
	bucket_set(&connections, config.connection_rate, config.connection_rate);
	localack_start(&localack);
	slirp = slirp_new(&cfg, &callbacks, NULL);
	if (!slirp)
		return err_set(err, -EINVAL, "libslirp refuses an MTU of %u or these networks", wanted->mtu);
	/* Until the guest has said where it is, for connections from outside. */
	if (n->v6)
		neighbours_see(&n->guest6, everybody, now_s(), to_slirp);
	return 0;
}
