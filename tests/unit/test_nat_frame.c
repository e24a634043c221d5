// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of a guest: the parser, checksums and segments, answers; DNS messages. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"
#include "fragments.h"
#include "offload.h"
#include "reply.h"
#include "tap.h"

static uint8_t buf[FRAME_MAX];
static struct frame f;

/* A frame from fd00::1 to fd00::2 or 10.0.0.1 to 10.0.0.2, with its IP header right. */
static size_t make(bool v6, uint8_t proto, const void *transport, size_t len)
{
	uint8_t *ip = buf + ETH_HEAD;
	uint16_t sum;

	memset(buf, 0, ETH_HEAD + 40);
	put16(buf + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = proto;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
		memcpy(ip + 40, transport, len);
		return ETH_HEAD + 40 + len;
	}
	ip[0] = 0x45;
	put16(ip + 2, 20 + len);
	ip[8] = 64;
	ip[9] = proto;
	ip[12] = ip[16] = 10;
	ip[15] = 1;
	ip[19] = 2;
	sum = sum_end(sum_add(0, ip, 20));
	memcpy(ip + 10, &sum, 2);
	memcpy(ip + 20, transport, len);
	return ETH_HEAD + 20 + len;
}

static size_t make_udp(bool v6, size_t data)
{
	uint8_t *h = calloc(1, 8 + data);
	size_t n, i;

	put16(h, 1000);
	put16(h + 2, 53);
	put16(h + 4, 8 + data);
	for (i = 0; i < data; i++)
		h[8 + i] = i * 7;
	n = make(v6, IPPROTO_UDP, h, 8 + data);
	free(h);
	return n;
}

static size_t make_tcp(bool v6, uint8_t flags, size_t data)
{
	uint8_t *h = calloc(1, 20 + data);
	size_t n, i;

	put16(h, 1000);
	put16(h + 2, 80);
	put32(h + 4, 0xfffffff0);
	h[12] = 5 << 4;
	h[13] = flags;
	for (i = 0; i < data; i++)
		h[20 + i] = i * 3;
	n = make(v6, IPPROTO_TCP, h, 20 + data);
	free(h);
	return n;
}

static void test_parse(void)
{
	size_t n = make_udp(false, 100), i;
	unsigned int accepted = 0;

	is(frame_parse(buf, n, &f), 0, "UDP over IPv4");
	ok(f.sport == 1000 && f.dport == 53 && f.l4 == 34 && f.l4_len == 108 && f.len == n, "its fields");
	is(frame_parse(buf, n + 20, &f), 0, "what follows the packet is left out");
	is(f.len, n, "of its length");
	for (i = 0; i < n; i++)
		accepted += !frame_parse(buf, i, &f);
	is(accepted, 0, "no frame that is cut");
	n = make_udp(true, 100);
	is(frame_parse(buf, n, &f), 0, "UDP over IPv6");
	for (i = 0; i < n; i++)
		accepted += !frame_parse(buf, i, &f);
	is(accepted, 0, "none that is cut either");
	n = make_tcp(false, FRAME_SYN, 0);
	is(frame_parse(buf, n, &f), 0, "TCP");
	ok(f.flags == FRAME_SYN && !f.options, "with its flags");
	buf[34 + 12] = 4 << 4;
	is(frame_parse(buf, n, &f), -EBADMSG, "a header shorter than it may be");
	buf[34 + 12] = 6 << 4;
	is(frame_parse(buf, n, &f), -EBADMSG, "one longer than the packet");
	buf[34 + 12] = 5 << 4;
	put16(buf + ETH_HEAD + 6, 0x2000);
	is(frame_parse(buf, n, &f), -EOPNOTSUPP, "a fragment of TCP");
	n = make_udp(false, 100);
	put16(buf + ETH_HEAD + 6, 0x2000);
	is(frame_parse(buf, n, &f), 0, "the first fragment of UDP");
	ok(f.fragment && f.first && f.dport == 53, "has ports");
	put16(buf + ETH_HEAD + 6, 10);
	is(frame_parse(buf, n, &f), 0, "a later one");
	ok(f.fragment && !f.first && !f.dport, "has none");
	put16(buf + ETH_HEAD + 6, 0x1fff);
	is(frame_parse(buf, n, &f), -EBADMSG, "one beyond the longest packet");
	n = make_udp(false, 100);
	buf[ETH_HEAD] = 0x46;
	is(frame_parse(buf, n, &f), -EOPNOTSUPP, "IP options");
	buf[ETH_HEAD] = 0x44;
	is(frame_parse(buf, n, &f), -EBADMSG, "an IP header that is too short");
	buf[ETH_HEAD] = 0x65;
	is(frame_parse(buf, n, &f), -EBADMSG, "another version's packet");
	n = make_udp(false, 100);
	put16(buf + 34 + 4, 109);
	is(frame_parse(buf, n, &f), -EBADMSG, "a UDP length beyond the packet");
	put16(buf + 34 + 4, 7);
	is(frame_parse(buf, n, &f), -EBADMSG, "one shorter than its header");
	n = make(true, 44, "\x11\0\0\0\0\0\0\0", 8);
	is(frame_parse(buf, n, &f), -EOPNOTSUPP, "an IPv6 fragment");
	n = make(false, 132, "xxxxxxxxxxxx", 12);
	is(frame_parse(buf, n, &f), -EPROTONOSUPPORT, "SCTP");
	n = make(true, IPPROTO_ICMP, "xxxxxxxxxxxx", 12);
	is(frame_parse(buf, n, &f), -EPROTONOSUPPORT, "ICMP of the other family");
	put16(buf + 12, 0x88f8);
	is(frame_parse(buf, 60, &f), -EPROTONOSUPPORT, "another Ethernet type");
}

static bool sums_ok(const uint8_t *p, const struct frame *of)
{
	uint16_t have;

	memcpy(&have, p + of->l4 + frame_sum_at(of), 2);
	return have == frame_sum(p, of) && (of->kind != FRAME_IP4 || !sum_end(sum_add(0, p + ETH_HEAD, 20)));
}

static struct {
	unsigned int n, bad;
	size_t data, longest;
	uint32_t next_seq;
	uint8_t last_flags;
	const uint8_t *whole;
} cut;

static void emit(void *arg, uint8_t *p, const struct frame *of)
{
	struct frame again;
	size_t data = of->l4_len - of->head;

	(void)arg;
	cut.n++;
	if (frame_parse(p, of->len, &again) || again.len != of->len || !sums_ok(p, of))
		cut.bad++;
	if (cut.whole && memcmp(p + of->l4 + of->head, cut.whole + cut.data, data))
		cut.bad++;
	if (of->proto == IPPROTO_TCP) {
		if (cut.n > 1 && get32(p + of->l4 + 4) != cut.next_seq)
			cut.bad++;
		cut.next_seq = get32(p + of->l4 + 4) + data;
		cut.last_flags = p[of->l4 + 13];
	}
	cut.data += data;
	if (of->len > cut.longest)
		cut.longest = of->len;
}

static int finish(size_t n, unsigned int flags, unsigned int gso, unsigned int size, unsigned int start, unsigned int off, unsigned int mtu)
{
	struct virtio_net_hdr_v1 hdr = { .flags = flags, .gso_type = gso, .gso_size = size, .csum_start = start, .csum_offset = off };

	memset(&cut, 0, sizeof(cut));
	if (frame_parse(buf, n, &f))
		tap_bail("the test's own frame");
	cut.whole = malloc(f.l4_len);
	memcpy((void *)cut.whole, buf + f.l4 + f.head, f.l4_len - f.head);
	return offload_finish(&hdr, buf, &f, mtu, emit, NULL);
}

static void test_offload(void)
{
	size_t len, wrong = 0;
	bool v6;

	for (v6 = false; ; v6 = true) {
		for (len = 0; len < 200; len++)
			wrong += finish(make_udp(v6, len), 1, 0, 0, v6 ? 54 : 34, 6, 1500) || cut.n != 1 || cut.bad;
		for (len = 0; len < 200; len++)
			wrong += finish(make_tcp(v6, 0x10, len), 1, 0, 0, v6 ? 54 : 34, 16, 1500) || cut.n != 1 || cut.bad;
		is(wrong, 0, "checksums of all lengths, IPv%d", v6 ? 6 : 4);
		if (v6)
			break;
	}
	is(finish(make_tcp(false, 0x19, 60000), 1, VIRTIO_NET_HDR_GSO_TCPV4, 1400, 34, 16, 1500), 0, "TSO over IPv4");
	ok(cut.n == 1 && !cut.bad && cut.data == 60000, "stays one, with its checksum");
	is(finish(make_tcp(true, 0x99, 60000), 1, VIRTIO_NET_HDR_GSO_TCPV6, 1400, 54, 16, 1500), 0, "TSO over IPv6 at an MTU of 1500");
	ok(cut.n == 43 && !cut.bad && cut.data == 60000 && cut.longest == 1400 + 74, "is cut into 43, in order, each right");
	is(cut.last_flags, 0x19, "only the last has FIN and PSH, only the first CWR");
	is(finish(make_tcp(true, 0x18, 65460), 1, VIRTIO_NET_HDR_GSO_TCPV6, 1400, 54, 16, 65520), 0, "at 65520 what fits");
	is(cut.n, 1, "stays one");
	is(finish(make_tcp(true, 0x18, 65470), 1, VIRTIO_NET_HDR_GSO_TCPV6, 1400, 54, 16, 65520), 0, "and what does not");
	ok(cut.n == 2 && !cut.bad && cut.longest <= 65520 + 14, "is two");
	is(finish(make_udp(false, 5001), 1, 5, 1000, 34, 6, 1500), 0, "USO");
	ok(cut.n == 6 && !cut.bad && cut.data == 5001, "is cut into its datagrams");
	is(finish(make_udp(true, 5000), 1, 5, 1000, 54, 6, 1500), 0, "USO over IPv6");
	ok(cut.n == 5 && !cut.bad, "too");
	is(finish(make_udp(false, 5000), 1, 5, 1, 34, 6, 1500), -EBADMSG, "too many segments");
	is(finish(make_udp(false, 5000), 1, 5, 0, 34, 6, 1500), -EBADMSG, "segments of nothing");
	is(finish(make_udp(false, 5000), 0, 5, 1000, 34, 6, 1500), -EBADMSG, "segments without a checksum");
	is(finish(make_udp(false, 5000), 1, VIRTIO_NET_HDR_GSO_TCPV4, 1000, 34, 6, 1500), -EBADMSG, "UDP as TCP");
	is(finish(make_tcp(true, 0, 5000), 1, VIRTIO_NET_HDR_GSO_TCPV4, 1000, 54, 16, 1500), -EBADMSG, "IPv6 as IPv4");
	is(finish(make_udp(false, 50), 1, 0, 0, 33, 6, 1500), -EBADMSG, "a checksum elsewhere");
	is(finish(make_udp(false, 50), 1, 0, 0, 34, 16, 1500), -EBADMSG, "another protocol's place");
	is(finish(make_udp(false, 50), 1, 3, 1000, 34, 6, 1500), -EBADMSG, "UFO, which nobody offered");
	is(cut.n, 0, "nothing of these is passed on");
}

static void test_replies(void)
{
	uint8_t out[REPLY_MAX + 64], data[2000];
	struct reply_to to;
	struct frame of;
	size_t n, i;
	bool v6;

	for (v6 = false; ; v6 = true) {
		n = make_tcp(v6, FRAME_SYN, 0);
		frame_parse(buf, n, &f);
		n = reply_reset(out, buf, &f);
		ok(n && !frame_parse(out, n, &of) && sums_ok(out, &of) && of.flags == 0x14 && of.dport == 1000 && net_addr_same(&of.src, &f.dst) &&
		   get32(out + of.l4 + 8) == 0xfffffff1, "a reset, IPv%d", v6 ? 6 : 4);
		for (i = 0; i < 3; i++) {
			n = make_udp(v6, i * 700);
			frame_parse(buf, n, &f);
			n = reply_prohibited(out, buf, &f);
			ok(n && n <= REPLY_MAX && !frame_parse(out, n, &of) && sums_ok(out, &of) && net_addr_same(&of.dst, &f.src), "a refusal of %zu bytes", i * 700);
		}
		reply_to(&to, buf, &f);
		memset(data, 1, sizeof(data));
		n = reply_udp(out, &to, data, 1000);
		ok(!frame_parse(out, n, &of) && sums_ok(out, &of) && of.l4_len == 1008 && of.sport == 53, "a datagram");
		if (v6)
			break;
	}
	n = make(false, IPPROTO_ICMP, "\3\1xxxxxx", 8);
	frame_parse(buf, n, &f);
	is(reply_prohibited(out, buf, &f), 0, "no error about an error");
	n = make_udp(false, 10);
	buf[0] = 0xff;
	frame_parse(buf, n, &f);
	is(reply_prohibited(out, buf, &f), 0, "nor to what everybody got");
}

/* One part of what make_udp() made; 0 if it is not all of the packet. */
static size_t part(const uint8_t *whole, unsigned int off, unsigned int n, bool more, uint16_t id, uint64_t now)
{
	uint8_t p[ETH_HEAD + 20 + 4000], *out;
	struct frame part_f, all;
	uint16_t sum;
	size_t len;

	memcpy(p, whole, ETH_HEAD + 20);
	memcpy(p + 34, whole + 34 + off, n);
	put16(p + ETH_HEAD + 2, 20 + n);
	put16(p + ETH_HEAD + 4, id);
	put16(p + ETH_HEAD + 6, off / 8 | (more ? 0x2000 : 0));
	put16(p + ETH_HEAD + 10, 0);
	sum = sum_end(sum_add(0, p + ETH_HEAD, 20));
	memcpy(p + ETH_HEAD + 10, &sum, 2);
	if (frame_parse(p, ETH_HEAD + 20 + n, &part_f) || !part_f.fragment)
		return 0;
	out = fragments_add(p, &part_f, now, &len);
	if (!out)
		return 0;
	ok(!frame_parse(out, len, &all) && !all.fragment && !memcmp(out + 34, whole + 34, len - 34) && !sum_end(sum_add(0, out + ETH_HEAD, 20)),
	   "a whole packet of %zu bytes", len);
	return len;
}

static void test_fragments(void)
{
	static uint8_t whole[ETH_HEAD + 20 + 4000];
	size_t n = make_udp(false, 3000), data = n - 34;
	unsigned int i;

	memcpy(whole, buf, n);
	ok(!part(whole, 0, 1000, true, 1, 0) && !part(whole, 1000, 1000, true, 1, 0) && part(whole, 2000, data - 2000, false, 1, 0) == n, "three parts in order");
	ok(!part(whole, 2000, data - 2000, false, 2, 0) && !part(whole, 1000, 1000, true, 2, 0) && part(whole, 0, 1000, true, 2, 0) == n, "and the other way round");
	ok(!part(whole, 0, 1000, true, 3, 0) && !part(whole, 1000, 1000, true, 4, 0) && !part(whole, 2000, data - 2000, false, 3, 0), "parts of different packets");
	ok(!part(whole, 0, 1000, true, 5, 0) && !part(whole, 992, 1000, true, 5, 0) && !part(whole, 2000, data - 2000, false, 5, 0), "parts that overlap");
	ok(!part(whole, 0, 1000, true, 6, 0) && !part(whole, 0, 1000, true, 6, 0) && !part(whole, 1000, data - 1000, false, 6, 0), "one that comes twice");
	ok(!part(whole, 2000, 1000, true, 7, 0) && !part(whole, 0, 2000, false, 7, 0) && !part(whole, 0, 2000, true, 7, 0), "a last one that is not the last");
	ok(!part(whole, 0, 2000, false, 8, 0) && !part(whole, 2000, 1000, true, 8, 0) && !part(whole, 0, 2000, true, 8, 0), "one behind the last");
	ok(!part(whole, 0, 1001, true, 9, 0) && !part(whole, 1008, data - 1008, false, 9, 0), "one of no whole blocks");
	ok(!part(whole, 0, 1000, true, 10, 0) && !part(whole, 1000, data - 1000, false, 10, FRAGMENTS_MS + 1), "one that comes too late");
	for (i = 0; i < 1000; i++)
		part(whole, 0, 1000, true, 100 + i, 20000 + i);
	ok(part(whole, 1000, data - 1000, false, 1099, 22000) == n, "of a thousand packets the last are kept");
	ok(!part(whole, 1000, data - 1000, false, 100, 22000), "the first are not");
}

static int query(const char *bytes, size_t len, struct dns_query *q)
{
	return dns_parse((const uint8_t *)bytes, len, q);
}

static void test_dns(void)
{
	static const char plain[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3WwW\4Test\0\0\1\0\1";
	static const char edns[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\1\3www\4test\0\0\x1c\0\1\0\0\x29\x10\0\0\0\0\0\0\0";
	struct dns_query q;
	struct net_addr a[3];
	uint8_t out[1024];
	char name[256];
	size_t n, i;

	is(query(plain, sizeof(plain) - 1, &q), 0, "a query");
	ok(q.id == 0x1234 && q.type == DNS_A && !strcmp(q.name, "www.test") && q.recursion && !q.edns, "its fields");
	for (i = 0, n = 0; i < sizeof(plain) - 1; i++)
		n += !query(plain, i, &q);
	is(n, 0, "none that is cut");
	is(query(edns, sizeof(edns) - 1, &q), 0, "with EDNS");
	is(q.edns, 4096, "which says how long answers may be");
	net_addr_parse("2001:db8::1", &a[0]);
	n = dns_answer(out, 512, &q, DNS_OK, a, 1, 30);
	ok(n == DNS_HEAD + 14 + 28 + 11 && get16(out + 6) == 1 && get16(out + 10) == 1, "an answer");
	n = dns_answer(out, 40, &q, DNS_OK, a, 1, 30);
	ok(get16(out + 2) & 0x200 && !get16(out + 6), "one that is too long is cut");
	n = dns_answer_name(out, 512, &q, "a.test", 30);
	ok(n && get16(out + 6) == 1, "a name");
	is(dns_answer_name(out, 512, &q, "a..test", 30) && (out[3] & 15), DNS_SERVFAIL != 0, "no name");
	n = dns_answer_raw(out, 512, &q, (const uint8_t *)"xx", 2);
	is(out[3] & 15, DNS_SERVFAIL, "what is no answer is none");
	strcpy(name, "1.2.0.192.in-addr.arpa");
	ok(!dns_reverse(name, a) && a->b[0] == 192 && a->b[3] == 1, "a reverse name");
	ok(dns_reverse("1.2.0.in-addr.arpa", a) && dns_reverse("256.2.0.192.in-addr.arpa", a) && dns_reverse("1.2.0.192.in-addr.arpa.x", a) &&
	   dns_reverse("", a) && dns_reverse("ip6.arpa", a), "others are none");
}

int main(void)
{
	test_parse();
	test_offload();
	test_replies();
	test_fragments();
	test_dns();
	return tap_done();
}
