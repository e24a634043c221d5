// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What ring3-net hears from a guest (frames with their virtio headers, names to
 * resolve), from its own resolver's process, and from the user (rules, ports).
 * libslirp is the real one; its sockets are here and lead nowhere.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "gate.h"
#include "link.h"
#include "localack.h"
#include "nat.h"
#include "netlog.h"
#include "offload.h"
#include "ping6.h"
#include "publish.h"
#include "resolver.h"

#define STEPS_MAX	200

static struct virt_net net;
static struct policy *policy;
static struct resolver *resolver;
static int process = -1;		/* the resolver's process is this end */
static const struct frame *current;
static unsigned int sent;

/* ---- what the world would be ---- */

int link_open(int fd, uint64_t rate)
{
	return 0;
}

void link_send(const uint8_t *p, size_t len, bool checked)
{
	struct frame f;

	must(len >= ETH_HEAD && len <= FRAME_MAX);
	sent++;
	/* What we send is what we would take, but for other addresses. */
	must(!frame_parse(p, len, &f) || get16(p + 12) == 0x0806 || get16(p + 12) == 0x88f8);
}

void gate_frame(const struct frame *frame)
{
	current = frame;
}

bool gate_full(void)
{
	return false;
}

uint64_t gate_idle(void)
{
	return 0;
}

bool gate_answers(uint16_t guest_port, const struct net_addr *dst, uint16_t port)
{
	return false;
}

bool publish_udp(uint16_t port)
{
	return port == 53;
}

int ping6_send(const uint8_t *p, const struct frame *f)
{
	must(f->proto == IPPROTO_ICMPV6 && f->type == 128);
	must(policy_check(policy, POLICY_ICMP, &f->dst, 0, 1000, NULL) == POLICY_ALLOW);
	return -EACCES;
}

/* libslirp's calls. The guest's frame must have been one that the policy allows. */
int socket(int domain, int type, int protocol)
{
	must(!current || !current->fragment);
	if (current) {
		const struct net_addr *a = &current->dst;
		bool dns = current->dport == 53 && (net_addr_same(a, &net.dns4) || net_addr_same(a, &net.dns6));

		must(dns || policy_check(policy, current->proto == IPPROTO_TCP ? POLICY_TCP : current->proto == IPPROTO_UDP ? POLICY_UDP : POLICY_ICMP,
					 a, current->dport, 1000, NULL) == POLICY_ALLOW);
	}
	errno = EACCES;
	return -1;
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	must(false);
	return -1;
}

/* ---- inputs ---- */

static void feed(struct input *in, uint8_t *p, size_t len)
{
	struct virtio_net_hdr_v1 hdr = { 0 };

	if (in8(in) & 1) {
		hdr.flags = in8(in);
		hdr.gso_type = in8(in);
		hdr.gso_size = in16(in);
		hdr.csum_start = in8(in) & 1 ? 34 : in16(in);
		hdr.csum_offset = in8(in) & 1 ? 16 : 6;
	}
	nat_frame(&hdr, p, len);
}

/* Mostly a packet that is right, with bytes of the input in place of some of its own. */
static void frame(struct input *in)
{
	static uint8_t p[FRAME_MAX];
	static const struct { uint8_t proto; uint8_t head; } kinds[] = { { 6, 20 }, { 17, 8 }, { 1, 8 }, { 58, 24 } };
	unsigned int kind = in8(in), how = in8(in), data, i, n;
	bool v6 = kind & 4;
	uint8_t *ip = p + ETH_HEAD, *h = ip + (v6 ? 40 : 20);
	const struct net_addr *dsts[] = { &net.gateway4, &net.dns4, &net.guest4, &net.gateway6, &net.dns6, &net.guest6 };
	const uint8_t *bytes;
	struct frame f;
	size_t got, len;
	uint16_t sum;

	memset(p, 0, 200);
	data = in8(in) & 1 ? in16(in) % 60000 : in8(in);
	memset(p + 100, 'x', data);
	put16(p + 12, v6 ? 0x86dd : 0x0800);
	memcpy(p + 6, "\x52\x54\0\1\2\3", 6);
	kind &= 3;
	len = kinds[kind].head + data;
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = kinds[kind].proto;
		ip[7] = 255;
		memcpy(ip + 8, net.guest6.b, 16);
		memcpy(ip + 24, dsts[3 + how % 3]->b, 16);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + len);
		ip[8] = 64;
		ip[9] = kinds[kind].proto;
		memcpy(ip + 12, net.guest4.b, 4);
		memcpy(ip + 16, dsts[how % 3]->b, 4);
	}
	if (how & 0x40)
		memcpy(ip + (v6 ? 24 : 16), v6 ? "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7" : "\xc6\x33\x64\7", v6 ? 16 : 4);
	put16(h, 1000 + in8(in));
	put16(h + 2, how & 0x80 ? 53 : in8(in) & 1 ? 80 : in16(in));
	if (kind == 0) {
		h[12] = 5 << 4;
		h[13] = how & 8 ? in8(in) : FRAME_SYN;
		put32(h + 8, in8(in));
		put16(h + 14, in16(in));
		/* Options of a SYN are where its data would be. */
		if (h[13] & FRAME_SYN && data >= 4) {
			h[12] = 6 << 4;
			memcpy(h + 20, "\1\3\3\7", 4);
		}
	} else if (kind == 1) {
		put16(h + 4, len);
	} else {
		h[0] = how & 8 ? in8(in) : kind == 2 ? 8 : 128;
		h[1] = 0;
	}
	bytes = in_bytes(in, in8(in), &got);
	memcpy(h + kinds[kind].head, bytes, got);
	for (n = in8(in) % 8, i = 0; i < n; i++) {
		unsigned int at = in8(in);

		p[at % 110] = in8(in);
	}
	len += h - p;
	/* Checksums are right as a rule, so that libslirp gets to see more. */
	if (!v6 && (how & 0x10)) {
		put16(ip + 10, 0);
		sum = sum_end(sum_add(0, ip, (ip[0] & 15) * 4));
		memcpy(ip + 10, &sum, 2);
	}
	if ((how & 0x20) && !frame_parse(p, len, &f) && f.l4_len > frame_sum_at(&f) + 2 && f.kind != FRAME_ARP) {
		sum = frame_sum(p, &f);
		memcpy(p + f.l4 + frame_sum_at(&f), &sum, 2);
	}
	feed(in, p, len);
}

/* A TCP segment to the guest, as libslirp would make it or not. */
static void from_libslirp(struct input *in)
{
	static uint8_t p[FRAME_MAX];
	unsigned int how = in8(in), data = how & 2 ? in16(in) % 60000 : in8(in), head = how & 4 ? 24 : 20;
	bool v6 = how & 1;
	uint8_t *ip = p + ETH_HEAD, *h = ip + (v6 ? 40 : 20);
	size_t len = head + data;

	memset(p, 0, ETH_HEAD + 40 + 24);
	memcpy(p, "\x52\x54\0\1\2\3\x52\x55\x0a\0\2\2", 12);
	put16(p + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = IPPROTO_TCP;
		memcpy(ip + 8, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
		memcpy(ip + 24, net.guest6.b, 16);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + len);
		ip[9] = IPPROTO_TCP;
		memcpy(ip + 12, "\xc6\x33\x64\7", 4);
		memcpy(ip + 16, net.guest4.b, 4);
	}
	put16(h, 80);
	put16(h + 2, 1000 + in8(in));
	/* Near those of the guest, whose sequence numbers are what the input says. */
	put32(h + 4, how & 8 ? in16(in) : in8(in));
	h[12] = head / 4 << 4;
	h[13] = in8(in);
	localack_to_guest(p, ETH_HEAD + (v6 ? 40 : 20) + head + data);
}

static void raw_frame(struct input *in)
{
	size_t got;
	const uint8_t *bytes = in_bytes(in, in16(in), &got);
	uint8_t *copy = malloc(got ? got : 1);

	memcpy(copy, bytes, got);
	/* link.c passes none that is shorter. */
	if (got >= ETH_HEAD)
		feed(in, copy, got);
	free(copy);
}

static void resolver_input(struct input *in)
{
	struct pollfd fds[RESOLVER_POLLFDS];
	struct resolve_ask ask = { .id = 0 };
	static struct resolve_answer a;
	const uint8_t *bytes;
	size_t got;
	unsigned int n, i;

	while (recv(process, &ask, sizeof(ask), MSG_DONTWAIT) > 0)
		must(!memchr(ask.name, '\0', sizeof(ask.name)) == 0 && policy_name(policy, ask.name));
	memset(&a, 0, sizeof(a));
	a.id = in8(in) & 1 ? ask.id : in8(in);
	a.kind = in8(in);
	a.rcode = in8(in);
	a.n = in16(in);
	bytes = in_bytes(in, in8(in), &got);
	memcpy(a.raw, bytes, got);
	n = in8(in) & 1 ? resolve_answer_len(&a) : in16(in);
	if (a.kind == RESOLVE_ADDRS)
		for (i = 0; i < a.n && i < RESOLVER_ADDRS; i++)
			a.addr[i].family = in8(in) & 1 ? AF_INET : AF_INET6;
	if (send(process, &a, n < sizeof(a) ? n : sizeof(a), MSG_DONTWAIT) < 0)
		return;
	n = resolver_pollfds(resolver, fds);
	fds[0].revents = POLLIN;
	resolver_poll(resolver, fds, n);
}

static void rules(struct input *in)
{
	struct policy *other = NULL;
	struct net_addr loop = { .family = AF_INET, .b = { 127, 0, 0, 1 } };
	struct r3_err err = { .msg = "" };
	struct publish publish;
	char text[700];
	const uint8_t *bytes;
	size_t got;

	bytes = in_bytes(in, in8(in) & 1 ? 600 : in8(in), &got);
	memcpy(text, bytes, got);
	text[got] = '\0';
	if (!policy_new(&other, text, false, &net, &err)) {
		must(policy_check(other, POLICY_TCP, &loop, 80, 0, NULL) == POLICY_HOST);
		must(policy_name(other, "x") == policy_name(other, "x"));
		policy_free(other);
	} else {
		must(err.msg[0] && !other);
	}
	err.msg[0] = '\0';
	if (!publish_parse(&publish, text, &err))
		must(publish.guest && publish.n && publish.guest + publish.n <= 65536);
	else
		must(err.msg[0]);
}

static void start(void)
{
	struct nat_config config;
	struct r3_err err;
	int sv[2];

	must(!virt_net_set(&net, "10.0.2.0/24", "fd72:696e:6733::/64"));
	must(!policy_new(&policy, "*.test,a.b:80,198.51.100.0/24:80,2001:db8::/32", false, &net, &err));
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	process = sv[1];
	must(!resolver_new(&resolver, sv[0], policy, 65520, nat_send, &err));
	config = (struct nat_config){ .net = net, .policy = policy, .mtu = 65520 };
	must(!nat_start(&config, &err));
	nat_resolver(resolver);
	netlog_open(-1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int steps;

	if (!policy)
		start();
	for (steps = 0; in.len && steps < STEPS_MAX; steps++) {
		unsigned int op = in8(&in);

		/* These came later: what was found before means the same. */
		if ((op & 15) == 12) {
			from_libslirp(&in);
			continue;
		}
		if ((op & 15) == 13) {
			nat_acknowledge(op & 16);
			continue;
		}
		switch (op % 8) {
		case 0: raw_frame(&in); break;
		case 1: resolver_input(&in); break;
		case 2: rules(&in); break;
		case 3: nat_timers(); break;
		default: frame(&in); break;
		}
	}
	return 0;
}
