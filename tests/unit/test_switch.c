// SPDX-License-Identifier: GPL-2.0-or-later
/* net/switch without sockets: frames and their headers, segmentation, cables by a clock of the test's own, learning. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "bytes.h"
#include "cable.h"
#include "fdb.h"
#include "frame.h"
#include "segment.h"
#include "tap.h"

#define MS	1000000LL

/* ---- frames ---- */

/* Straight from RFC 1071, to check what the switch computes faster. */
static uint16_t plain_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t pseudo(const struct frame *f, unsigned int proto, unsigned int len)
{
	const uint8_t *ip = f->data + ETH_HEADER;

	return ip[0] >> 4 == 6 ? plain_sum(proto + len, ip + 8, 32) : plain_sum(proto + len, ip + 12, 8);
}

/* A frame of TCP or UDP over IPv4 or IPv6 with @payload bytes, as a guest's driver makes it. */
static struct frame *make(bool v6, bool udp, unsigned int payload, unsigned int gso_size)
{
	unsigned int l4 = ETH_HEADER + (v6 ? 40 : 20), header = udp ? 8 : 32, i;
	struct frame *f = frame_new(l4 + header + payload);
	uint8_t *ip = f->data + ETH_HEADER, *h = f->data + l4;

	memset(f->data, 0, f->len);
	f->data[0] = f->data[6] = 2;
	put16(f->data + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, header + payload);
		ip[6] = udp ? 17 : 6;
		ip[8] = 0xfd;
		ip[24] = 0xfe;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + header + payload);
		put16(ip + 4, 0xfffe);
		put16(ip + 6, 0x4000);
		ip[9] = udp ? 17 : 6;
		put32(ip + 12, 0x0a000001);
		put32(ip + 16, 0x0a0000ff);
		put16(ip + 10, ~plain_sum(0, ip, 20));
	}
	if (udp) {
		put16(h + 4, 8 + payload);
	} else {
		put32(h + 4, 0xfffffff0);
		h[12] = 0x80;
		h[13] = 0x80 | 0x18 | 0x01;
	}
	for (i = 0; i < payload; i++)
		h[header + i] = i * 7 + i / 251;
	put16(h + (udp ? 6 : 16), pseudo(f, udp ? 17 : 6, header + payload));
	f->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->hdr.csum_start = htole16(l4);
	f->hdr.csum_offset = htole16(udp ? 6 : 16);
	if (gso_size) {
		f->hdr.gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 : v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		f->hdr.gso_size = htole16(gso_size);
	}
	return f;
}

static const struct vlan_rule plain = { .native = 1 };

static enum drop admit(struct frame *f)
{
	return frame_admit(f, &plain, 1500);
}

static bool is_whole(const struct frame *s, unsigned int l4, unsigned int proto)
{
	const uint8_t *ip = s->data + ETH_HEADER;
	unsigned int len = s->len - l4;

	if (ip[0] >> 4 == 4 && (plain_sum(0, ip, 20) != 0xffff || get16(ip + 2) != s->len - ETH_HEADER))
		return false;
	if (ip[0] >> 4 == 6 && get16(ip + 4) != s->len - ETH_HEADER - 40)
		return false;
	if (proto == 17 && get16(s->data + l4 + 4) != len)
		return false;
	return plain_sum(pseudo(s, proto, len), s->data + l4, len) == 0xffff;
}

/* A payload whose sum is its checksum's complement: the checksum is 0, which only UDP may not say so. */
static void test_zero_sum(bool udp)
{
	unsigned int l4 = ETH_HEADER + 20, data = l4 + (udp ? 8 : 32), at = l4 + (udp ? 6 : 16);
	uint16_t sum = 0;

	for (int i = 0; i < 2; i++) {
		struct frame *f = make(false, udp, 100, 0);

		put16(f->data + data, sum);
		frame_complete(f);
		sum = get16(f->data + at);
		frame_put(f);
	}
	is(sum, udp ? 0xffff : 0, "a %s checksum of 0", udp ? "UDP" : "TCP");
}

static void test_segments(bool v6, bool udp, unsigned int payload, unsigned int size)
{
	struct frame *f = make(v6, udp, payload, size);
	unsigned int n, i, at = 0, whole = 0, fins = 0, cwrs = 0, l4 = ETH_HEADER + (v6 ? 40 : 20), header = udp ? 8 : 32, right = 0;
	enum drop drop = admit(f);
	char what[64];

	snprintf(what, sizeof(what), "%s over %s, %u bytes by %u", udp ? "UDP" : "TCP", v6 ? "IPv6" : "IPv4", payload, size);
	if (!is(drop, DROP_NONE, "%s: taken", what))
		return;
	n = frame_packets(f);
	is(n, (payload + size - 1) / size, "%s: packets", what);
	is(frame_wire_bytes(f), payload + n * (l4 + header), "%s: bytes on the wire", what);
	for (i = 0; i < n; i++) {
		struct frame *s = segment_make(f, i);
		unsigned int len = s->len - l4 - header;

		frame_complete(s);
		whole += is_whole(s, l4, udp ? 17 : 6) && s->len - ETH_HEADER <= 1500 && !s->hdr.flags && !s->gso;
		right += !memcmp(s->data + l4 + header, f->data + l4 + header + at, len) &&
			 (udp || get32(s->data + l4 + 4) == 0xfffffff0 + at) &&
			 (v6 || get16(s->data + ETH_HEADER + 4) == (uint16_t)(0xfffe + i));
		if (!udp) {
			fins += s->data[l4 + 13] & 1 && i == n - 1;
			fins += s->data[l4 + 13] & 1;
			cwrs += (s->data[l4 + 13] & 0x80) && !i;
			cwrs += !!(s->data[l4 + 13] & 0x80);
		}
		at += len;
		frame_put(s);
	}
	is(at, payload, "%s: all of it", what);
	is(whole, n, "%s: lengths and checksums are right", what);
	is(right, n, "%s: data, numbers and identifications are right", what);
	if (!udp)
		ok(fins == 2 && cwrs == 2, "%s: FIN in the last, CWR in the first", what);
	frame_put(f);
}

static void refused(const char *what, enum drop want, void (*change)(struct frame *f))
{
	struct frame *f = make(false, false, 5000, 1400);

	change(f);
	is(admit(f), want, "refused: %s", what);
	frame_put(f);
}

#define CHANGE(name, code) static void name(struct frame *f) { code; }
CHANGE(no_size, f->hdr.gso_size = 0)
CHANGE(tiny_size, f->hdr.gso_size = htole16(47))
CHANGE(big_size, f->hdr.gso_size = htole16(1449))
CHANGE(huge_size, f->hdr.gso_size = 0xffff)
CHANGE(no_csum, f->hdr.flags = 0)
CHANGE(bad_start, f->hdr.csum_start = htole16(35))
CHANGE(far_start, f->hdr.csum_start = 0xffff)
CHANGE(bad_offset, f->hdr.csum_offset = htole16(6))
CHANGE(as_v6, f->hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6)
CHANGE(as_ufo, f->hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP)
CHANGE(as_uso, f->hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4)
CHANGE(as_nothing, f->hdr.gso_type = 0x7f)
CHANGE(uso_ecn, f->hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4 | VIRTIO_NET_HDR_GSO_ECN)
CHANGE(fragment, f->data[ETH_HEADER + 6] |= 0x20)
CHANGE(short_ihl, f->data[ETH_HEADER] = 0x44)
CHANGE(long_ihl, f->data[ETH_HEADER] = 0x4f)
CHANGE(bad_length, put16(f->data + ETH_HEADER + 2, 5051))
CHANGE(not_tcp, f->data[ETH_HEADER + 9] = 17)
CHANGE(short_doff, f->data[34 + 12] = 0x40)
CHANGE(not_ip, put16(f->data + 12, 0x0806))
CHANGE(group, f->data[6] = 3)
CHANGE(cut_header, f->len = 40; put16(f->data + ETH_HEADER + 2, 26))
CHANGE(cut_ip, f->len = 20)
CHANGE(cut_ether, f->len = 13)
CHANGE(empty, f->len = 0)

static void csum_beyond(unsigned int start, unsigned int offset, enum drop want)
{
	struct frame *f = make(false, false, 100, 0);

	f->hdr.csum_start = htole16(start);
	f->hdr.csum_offset = htole16(offset);
	is(admit(f), want, "checksum of a frame of %u bytes at %u + %u: %s", f->len, start, offset, want ? "refused" : "taken");
	if (!want)
		frame_complete(f);
	frame_put(f);
}

static void test_headers(void)
{
	struct frame *f;

	refused("GSO without a size", DROP_HEADER, no_size);
	refused("segments too small", DROP_HEADER, tiny_size);
	refused("segments longer than the MTU", DROP_MTU, big_size);
	refused("segments much longer", DROP_MTU, huge_size);
	refused("GSO without a checksum", DROP_HEADER, no_csum);
	refused("a checksum that does not begin at TCP", DROP_HEADER, bad_start);
	refused("a checksum behind the frame", DROP_HEADER, far_start);
	refused("a checksum that is not TCP's", DROP_HEADER, bad_offset);
	refused("IPv4 as IPv6", DROP_HEADER, as_v6);
	refused("UFO", DROP_HEADER, as_ufo);
	refused("TCP as UDP", DROP_HEADER, as_uso);
	refused("a type that there is not", DROP_HEADER, as_nothing);
	refused("UDP with ECN", DROP_HEADER, uso_ecn);
	refused("fragments", DROP_HEADER, fragment);
	refused("an IP header too short", DROP_HEADER, short_ihl);
	refused("an IP header of another length", DROP_HEADER, long_ihl);
	refused("an IP packet of another length", DROP_HEADER, bad_length);
	refused("UDP as TCP", DROP_HEADER, not_tcp);
	refused("a TCP header too short", DROP_HEADER, short_doff);
	refused("no IP", DROP_HEADER, not_ip);
	refused("a group as source", DROP_SOURCE, group);
	refused("a frame that ends in its TCP header", DROP_HEADER, cut_header);
	refused("a frame that ends in its IP header", DROP_HEADER, cut_ip);
	refused("a frame that ends in its Ethernet header", DROP_LENGTH, cut_ether);
	refused("an empty frame", DROP_LENGTH, empty);
	test_zero_sum(false);
	test_zero_sum(true);
	csum_beyond(34, 16, DROP_NONE);
	csum_beyond(164, 0, DROP_NONE);
	csum_beyond(165, 0, DROP_HEADER);
	csum_beyond(0xffff, 0xffff, DROP_HEADER);
	csum_beyond(13, 0, DROP_HEADER);
	f = make(false, true, 129, 1);
	is(admit(f), DROP_HEADER, "refused: more datagrams than 128");
	frame_put(f);
	f = make(false, true, 1473, 0);
	is(admit(f), DROP_MTU, "refused: a packet longer than the MTU");
	frame_put(f);
	f = make(false, true, 1472, 0);
	is(admit(f), DROP_NONE, "a packet as long as the MTU is taken");
	frame_put(f);
}

/* ---- cables ---- */

static unsigned int delivered, disorder;
static int64_t last_at, now;
static uint32_t last_number;

static void deliver(struct cable *cable, struct frame *f)
{
	uint32_t number = get32(f->data);

	disorder += delivered && number < last_number;
	last_number = number;
	last_at = now;
	delivered++;
}

static struct cables cables;
static struct cable cable;

static void put(uint32_t number, unsigned int len)
{
	struct frame *f = frame_new(len);

	memset(f->data, 0, len);
	put32(f->data, number);
	cable_put(&cable, f, now);
	frame_put(f);
}

/* Until the cable is empty, or the time has come. */
static void run_until(int64_t end)
{
	int64_t next;

	while ((next = cables_run(&cables, now)) <= end)
		now = next;
	if (end != INT64_MAX - 1)
		now = end;
}

static void start(const struct cable_config *config)
{
	cable_configure(&cable, config, now);
	delivered = disorder = 0;
	cable.refused = 0;
}

static void percent(const char *what, struct cable_config config, double want, unsigned int (*count)(unsigned int n))
{
	enum { N = 100000 };
	unsigned int i;
	double got;

	start(&config);
	for (i = 0; i < N; i++) {
		put(i, 60);
		cables_run(&cables, now);
	}
	run_until(INT64_MAX - 1);
	got = 100.0 * count(N) / N;
	ok(got > want * 0.95 && got < want * 1.05, "%s of %g %%: %.2f %%", what, want, got);
}

static unsigned int count_lost(unsigned int n)
{
	return n - delivered;
}

static unsigned int count_more(unsigned int n)
{
	return delivered - n;
}

static unsigned int count_disorder(unsigned int n)
{
	return delivered == n ? disorder : 0;
}

static void test_cables(void)
{
	struct cable_config c;
	unsigned int i, early = 0, late = 0;
	double sum = 0;
	int64_t sent;

	cables_init(&cables, 42, deliver);
	cable_init(&cable, &cables);
	now = 1000 * MS;

	start(&(struct cable_config){ 0 });
	put(1, 60);
	ok(delivered == 1 && last_at == now, "a cable that does nothing delivers at once");

	start(&(struct cable_config){ .delay_ns = 20 * MS });
	sent = now;
	put(1, 60);
	run_until(sent + 20 * MS - 50000);
	is(delivered, 0, "a delay of 20 ms: nothing before");
	run_until(sent + 20 * MS);
	is(delivered, 1, "and there then");

	start(&(struct cable_config){ .delay_ns = 20 * MS, .jitter_ns = 10 * MS });
	for (i = 0; i < 2000; i++) {
		sent = now;
		put(i, 60);
		run_until(INT64_MAX - 1);
		early += last_at - sent < 10 * MS - 50000;
		late += last_at - sent > 30 * MS;
		sum += last_at - sent;
		now = sent + 40 * MS;
	}
	ok(!early && !late && sum / 2000 > 19.5 * MS && sum / 2000 < 20.5 * MS, "jitter of 10 ms: from 10 to 30 ms, mean %.2f ms", sum / 2000 / MS);
	start(&cable.config);
	for (i = 0; i < 1000; i++) {
		put(i, 60);
		now += 100000;
	}
	run_until(INT64_MAX - 1);
	ok(delivered == 1000 && !disorder, "and no other order");

	percent("loss", (struct cable_config){ .loss = 0.01 }, 1, count_lost);
	percent("loss", (struct cable_config){ .loss = 0.5 }, 50, count_lost);
	percent("duplicates", (struct cable_config){ .duplicate = 0.05 }, 5, count_more);
	percent("reordering", (struct cable_config){ .reorder = 0.05 }, 5, count_disorder);
	percent("reordering", (struct cable_config){ .reorder = 0.4 }, 40, count_disorder);
	start(&(struct cable_config){ .reorder = 0.5 });
	put(1, 60);
	run_until(INT64_MAX - 1);
	is(delivered, 1, "a frame that nothing overtakes comes all the same");

	c = (struct cable_config){ .rate = 1e6 / 8 };
	start(&c);
	sent = now;
	for (i = 0; i < 80; i++)
		put(i, 1250);
	run_until(INT64_MAX - 1);
	ok(delivered == 80 && last_at - sent > 799 * MS && last_at - sent < 801 * MS, "100,000 bytes at 1 Mbit/s take %.1f ms", (last_at - sent) / 1e6);
	start(&c);
	for (i = 0; i < 1000; i++)
		put(i, 1250);
	ok(cable.refused > 850 && cable.n < 120, "a queue is bounded: %u of 1000 wait", cable.n);
	c.rate = 0;
	cable_configure(&cable, &c, now);
	run_until(now);
	ok(delivered == 1000 - cable.refused, "and goes at once when the rate is taken away");

	start(&(struct cable_config){ .delay_ns = 10000 * MS });
	for (i = 0; i < 200000; i++)
		put(i, 1500);
	ok(cable.bytes <= CABLE_BYTES_MAX && cable.n <= CABLE_FRAMES_MAX, "a long delay holds a bounded number of frames: %u", cable.n);
	cable_close(&cable);
	is(cables.bytes, 0, "nothing is left of a cable that is closed");
	ok(list_empty(&cables.active), "and it is not waited for");
}

/* ---- learning ---- */

static void test_fdb(void)
{
	static struct fdb fdb;
	struct fdb_port a, b;
	uint8_t mac[6] = { 2 }, mine[6] = { 2, 1 };
	unsigned int i;

	fdb_port_init(&a);
	fdb_port_init(&b);
	fdb_learn(&fdb, &a, mine, 1, 0);
	ok(fdb_find(&fdb, mine, 1, 0) == &a, "an address is learned");
	ok(!fdb_find(&fdb, mine, 2, 0), "in its VLAN only");
	for (i = 0; i < 100000; i++) {
		put32(mac + 2, i);
		fdb_learn(&fdb, &b, mac, 1, 0);
	}
	ok(fdb_find(&fdb, mine, 1, 0) == &a && b.n == FDB_SHARE, "100,000 of another port do not drive it out: that has %u", b.n);
	ok(fdb_find(&fdb, mac, 1, 0) == &b, "and knows its last ones");
	put32(mac + 2, 0);
	ok(!fdb_find(&fdb, mac, 1, 0), "and not its first ones");
	ok(fdb_find(&fdb, mine, 1, FDB_AGE_NS - 1) && !fdb_find(&fdb, mine, 1, FDB_AGE_NS), "it is old after five minutes");
	fdb_learn(&fdb, &b, mine, 1, 1);
	ok(fdb_find(&fdb, mine, 1, 1) == &b && !a.n && b.n == FDB_SHARE, "an address that moves counts for its new port");
	fdb_forget(&fdb, &b);
	ok(!fdb_find(&fdb, mine, 1, 1) && !b.n, "a port that ends is forgotten");
}

int main(void)
{
	int udp, v6;

	for (udp = 0; udp < 2; udp++)
		for (v6 = 0; v6 < 2; v6++) {
			test_segments(v6, udp, 65000 - 40 * v6, 1400);
			test_segments(v6, udp, 1401, 1400);
			test_segments(v6, udp, 1400, 1400);
			test_segments(v6, udp, 1, 1400);
			test_segments(v6, udp, 128 * 49 - 1, 49);
		}
	test_headers();
	test_cables();
	test_fdb();
	return tap_done();
}
