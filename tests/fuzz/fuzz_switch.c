// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A switch with four members that send anything, and clients that ask anything.
 * Ports 0 to 2 have no VLAN in common, so that nothing may ever go from one to
 * the other; port 3 is a trunk for all. What comes out has true headers.
 */
#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "fuzz.h"
#include "options.h"
#include "segment.h"
#include "switch.h"

#define MEMBERS		4
#define STEPS_MAX	64
#define MTU		1500
/* Where a frame says who sent it: before the source address's last byte. */
#define SENDER		10

static struct sw sw;
static int member[MEMBERS];
static int64_t fake_now;

int64_t clock_ns(void)
{
	return fake_now;
}

void source_events(struct sw *s, struct source *src, uint32_t events)
{
	src->events = events;
}

void source_close(struct sw *s, struct source *src)
{
	if (src->fd >= 0)
		close(src->fd);
}

int source_add(struct sw *s, struct source *src, enum source_kind kind, int fd, uint32_t events)
{
	*src = (struct source){ .kind = kind, .fd = fd, .events = events };
	return 0;
}

static bool is_tagged(const uint8_t *frame, size_t len)
{
	return len >= 16 && get16(frame + 12) == 0x8100;
}

static void check(int to, const uint8_t *message, size_t len)
{
	struct virtio_net_hdr_v1 h;
	const uint8_t *frame = message + FRAME_HDR;
	unsigned int tag, start, from;

	must(len >= FRAME_HDR + ETH_HEADER);
	memcpy(&h, message, sizeof(h));
	len -= FRAME_HDR;
	tag = is_tagged(frame, len) ? TAG_BYTES : 0;
	must(!tag || to >= 2);
	from = frame[SENDER] & 3;
	must(from != (unsigned int)to);
	must(to == 3 || from == 3);
	must(!(h.flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)));
	start = le16toh(h.csum_start);
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		must(start >= ETH_HEADER + tag && start + le16toh(h.csum_offset) + 2 <= len);
	if (h.gso_type) {
		must(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
		must(le16toh(h.hdr_len) > start && le16toh(h.hdr_len) < len && h.gso_size);
		must(le16toh(h.hdr_len) + le16toh(h.gso_size) <= MTU + ETH_HEADER + tag);
	} else {
		must(len <= MTU + ETH_HEADER + tag);
	}
}

static void drain(void)
{
	static uint8_t message[70000];
	ssize_t n;
	int i;

	for (i = 0; i < MEMBERS; i++)
		while ((n = recv(member[i], message, sizeof(message), MSG_DONTWAIT)) > 0)
			check(i, message, n);
}

static void start(void)
{
	static const char *const rules[MEMBERS] = {
		"{\"vlan\":1}", "{\"vlan\":10}", "{\"trunk\":[20,30]}", "{\"vlan\":30,\"trunk\":[1,10,20]}",
	};
	int i, s[2];

	memset(&sw, 0, sizeof(sw));
	sw.name = "fuzz";
	sw.mtu = MTU;
	fake_now = sw.now = 1000000000;
	cables_init(&sw.cables, 7, forward_cable);
	for (i = 0; i < MEMBERS; i++) {
		struct port_options o = { .rule.native = 1 };
		struct json_object *json = json_tokener_parse(rules[i]);
		struct r3_err err;
		struct port *p;

		must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
		member[i] = s[0];
		p = port_new(&sw, "port", s[1]);
		must(p && !options_parse(&o, json, true, &err));
		json_object_put(json);
		p->rule = o.rule;
		p->offload = i != 1;
	}
}

static void stop(void)
{
	int i;

	for (i = 0; i < MEMBERS; i++) {
		port_end(sw.port[i]);
		port_free(sw.port[i]);
		close(member[i]);
	}
	for (i = 0; i < CAPTURES_MAX; i++)
		if (sw.capture[i])
			capture_free(sw.capture[i]);
	for (i = 0; i < BATCH; i++)
		frame_put(sw.rx[i]);
	must(!sw.cables.bytes && !sw.out_bytes && list_empty(&sw.cables.active));
}

/* A message that is mostly right, in a buffer of its length. */
static void send_frame(struct input *in, unsigned int from)
{
	static const uint16_t types[] = { 0x0800, 0x0800, 0x86dd, 0x8100, 0x8100, 0x88b5, 0x88a8, 0x0806 };
	static const uint16_t vlans[] = { 1, 10, 20, 30, 0, 4095, 40, 0xa001 };
	static uint8_t m[70000];
	struct virtio_net_hdr_v1 *h = (void *)m;
	uint8_t *f = m + FRAME_HDR, choice = in8(in);
	unsigned int len = choice & 1 ? 60 + in8(in) : choice & 2 ? in16(in) % 66000 : 1500, at = 12, l4, type;
	bool v6, udp;

	memset(m, 0, FRAME_HDR + 200);
	memcpy(f, choice & 4 ? "\xff\xff\xff\xff\xff\xff" : "\2\0\0\0\0\1", 6);
	f[5] = f[5] == 1 ? in8(in) & 7 : 0xff;
	f[6] = 2;
	f[SENDER] = from;
	f[11] = in8(in) & 7;
	type = types[in8(in) & 7];
	while (type == 0x8100 && at < 24) {
		put16(f + at, type);
		put16(f + at + 2, vlans[in8(in) & 7]);
		at += 4;
		type = types[in8(in) & 7];
	}
	put16(f + at, type);
	at += 2;
	v6 = type == 0x86dd;
	udp = choice & 8;
	if (len < at + 80)
		len = at + 80;
	l4 = at + (v6 ? 40 : 20);
	f[at] = v6 ? 0x60 : 0x45;
	put16(f + at + (v6 ? 4 : 2), len - at - (v6 ? 40 : 0));
	f[at + (v6 ? 6 : 9)] = udp ? 17 : 6;
	f[l4 + 12] = 0x50;
	if (udp)
		put16(f + l4 + 4, len - l4);
	if (choice & 16) {
		h->flags = 1;
		h->csum_start = htole16(l4);
		h->csum_offset = htole16(udp ? 6 : 16);
		h->gso_type = len > 1500 || choice & 32 ? (udp ? 5 : v6 ? 4 : 1) : 0;
		h->gso_size = h->gso_type ? htole16(udp || choice & 64 ? 1400 : in16(in)) : 0;
	}
	/* And then something is not. */
	for (; choice & 128 && in->len; choice &= in8(in)) {
		unsigned int where = in8(in);
		uint8_t what = in8(in);

		if (where != FRAME_HDR + SENDER)
			m[where] = what;
	}
	if (is_tagged(f, len) && f[SENDER] != from)
		f[SENDER] = from;
	send(member[from], m, FRAME_HDR + len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Anything, but for who sent it. */
static void send_bytes(const uint8_t *data, size_t size, unsigned int from)
{
	uint8_t m[40] = { 0 };

	size = size < sizeof(m) ? size : sizeof(m);
	memcpy(m, data, size);
	m[FRAME_HDR + SENDER] = from;
	send(member[from], m, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void configure(struct input *in, struct port *p)
{
	struct cable_config c = { 0 };
	uint8_t what = in8(in);

	if (what & 1)
		c.loss = in8(in) / 256.0;
	if (what & 2)
		c.duplicate = in8(in) / 256.0;
	if (what & 4)
		c.reorder = in8(in) / 512.0;
	if (what & 8)
		c.rate = 1000.0 * (1 + in16(in));
	if (what & 16)
		c.delay_ns = in16(in) * 1000LL;
	if (what & 32)
		c.jitter_ns = c.delay_ns / 2;
	cable_configure(what & 128 ? &p->tx : &p->rx, &c, sw.now);
}

/* What clients of the user's send; the answer is of no interest. */
static void ask(struct input *in)
{
	size_t n = in8(in);
	struct port_options o = { .rule.native = 1 };
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *json;
	struct r3_err err;
	char text[512];

	n = n < in->len ? n : in->len;
	snprintf(text, sizeof(text), "{\"%.*s", (int)n, (const char *)in->p);
	in->p += n;
	in->len -= n;
	json = json_tokener_parse_ex(tok, text, strlen(text));
	if (json && !options_parse(&o, json, true, &err)) {
		must(o.rx.jitter_ns <= o.rx.delay_ns && o.tx.jitter_ns <= o.tx.delay_ns);
		must(o.rx.loss >= 0 && o.rx.loss <= 1 && o.tx.reorder >= 0 && o.tx.reorder <= 0.5 && o.rule.native < 4095);
		json_object_put(options_trunk(&o.rule));
	}
	json_object_put(json);
	json_tokener_free(tok);
}

static void capture(struct input *in)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return;
	if (capture_start(&sw, p[1], in8(in) & 1 ? NULL : sw.port[in8(in) % MEMBERS]))
		close(p[1]);
	close(p[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int steps, i;

	signal(SIGPIPE, SIG_IGN);
	start();
	for (steps = 0; in.len && steps < STEPS_MAX; steps++) {
		uint8_t op = in8(&in);
		unsigned int who = op >> 6;

		switch (op & 7) {
		case 0:
		case 1:
		case 2:
		case 3:
			send_frame(&in, who);
			break;
		case 4:
			configure(&in, sw.port[who]);
			break;
		case 5:
			sw.now = fake_now += in16(&in) * 10000LL;
			break;
		case 6:
			ask(&in);
			break;
		default:
			if (op & 8)
				capture(&in);
			else
				send_bytes(data, size, who);
		}
		for (i = 0; i < MEMBERS; i++)
			port_readable(sw.port[i]);
		cables_run(&sw.cables, sw.now);
		forward_flush(&sw);
		drain();
	}
	stop();
	return 0;
}
