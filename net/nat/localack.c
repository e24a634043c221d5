// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. libslirp knows no window scaling: without more than
 * 64 KB under way it waits for the guest again and again. So it does not wait
 * for the guest, but for us:
 *
 *	- the guest is told of window scaling (RFC 7323): by an option that is
 *	  added to libslirp's SYN. The scale is 0, so libslirp's own windows mean
 *	  what they say; the guest's are understood here
 *	- what libslirp sends is kept, sent to the guest, and acknowledged to
 *	  libslirp at once, as far as the guest's true window reaches
 *	- what the guest does not acknowledge is sent again from here: after three
 *	  duplicate acknowledgements (RFC 5681), and after a time
 *
 * A FIN is never acknowledged before the guest has done so. A connection that
 * is not in the table any more, or never was, is as if this file was not there,
 * with windows that are smaller than the guest meant. One is dropped from it
 * only if the guest has acknowledged all that libslirp was told it had.
 *
 * Everything that comes from the guest is bounded: what is kept, by
 * LOCALACK_MOST; connections, by LOCALACK_FLOWS; work for a frame of the guest,
 * by one frame that is sent again.
 */
#include "localack.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "reply.h"

#define FIN		0x01
#define RST		0x04
#define OPT_END		0
#define OPT_NOP		1
#define OPT_SCALE	3
#define SCALE_MOST	14		/* RFC 7323, section 2.3 */
#define BUCKETS		1024
#define RETRY_MS	200		/* the first; then twice as long each time */
#define RETRY_MOST_MS	60000
#define RETRIES		15		/* about nine minutes, as libslirp's */
#define ROUNDS		32		/* of acknowledgements, before others have their turn */

struct kept {
	struct kept *next;
	uint32_t end;
	size_t len;
	uint8_t frame[];
};

struct flow {
	struct flow *next;		/* in its bucket, or of those that are free */
	struct flow *owes, **owed_by;	/* in the list of those with something kept */
	bool used;
	bool active;			/* both sides have said SYN */
	bool fin, guest_fin;		/* libslirp and the guest have sent one */
	struct reply_to route;		/* of frames to libslirp */
	uint8_t scale;			/* of the guest's window */
	uint32_t sent;			/* end of what went to the guest */
	uint32_t copied;		/* end of what is kept without a gap */
	uint32_t told;			/* what libslirp knows as acknowledged */
	uint32_t acked;			/* what is */
	uint32_t edge;			/* of the guest's window */
	uint32_t next_seq;		/* of the guest */
	uint16_t window;		/* that libslirp was told last */
	struct kept *first, **last;
	size_t bytes;
	unsigned int dups, tries;
	bool recovering;		/* up to "recover" */
	uint32_t recover;
	int64_t since;			/* ms; of the last progress */
	uint64_t stamp;			/* of the last use */
};

static const struct localack_ops *ops;
static struct flow flows[LOCALACK_FLOWS];
static struct flow *buckets[BUCKETS], *unused, *owing;
static unsigned int nr_flows;		/* of flows[] that were ever used */
static size_t all_bytes;
static uint64_t stamps;
static int64_t now;			/* ms */
static bool due;			/* some flow may have something to acknowledge */

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* ---- the table ---- */

static unsigned int bucket_of(const struct net_addr *peer, uint16_t pport, uint16_t gport)
{
	uint32_t h = gport * 65599u + pport;
	unsigned int i;

	for (i = 0; i < net_addr_len(peer); i++)
		h = (h ^ peer->b[i]) * 16777619u;
	return (h ^ h >> 16) % BUCKETS;
}

static struct flow *find(const struct net_addr *guest, uint16_t gport, const struct net_addr *peer, uint16_t pport)
{
	struct flow *w;

	for (w = buckets[bucket_of(peer, pport, gport)]; w; w = w->next)
		if (w->route.sport == gport && w->route.dport == pport && net_addr_same(&w->route.src, guest) &&
		    net_addr_same(&w->route.dst, peer)) {
			w->stamp = ++stamps;
			return w;
		}
	return NULL;
}

static void owes(struct flow *w)
{
	w->owes = owing;
	w->owed_by = &owing;
	if (owing)
		owing->owed_by = &w->owes;
	owing = w;
}

static void owes_nothing(struct flow *w)
{
	*w->owed_by = w->owes;
	if (w->owes)
		w->owes->owed_by = w->owed_by;
}

static void drop_first(struct flow *w)
{
	struct kept *k = w->first;

	w->first = k->next;
	w->bytes -= k->len;
	all_bytes -= k->len;
	free(k);
	if (!w->first) {
		w->last = &w->first;
		owes_nothing(w);
	}
}

static void forget(struct flow *w)
{
	struct flow **at = &buckets[bucket_of(&w->route.dst, w->route.dport, w->route.sport)];

	while (w->first)
		drop_first(w);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->used = false;
	w->next = unused;
	unused = w;
}

/* A new one, in place of the one that was not used longest. NULL: all owe something. */
static struct flow *make(const struct reply_to *route)
{
	struct flow *w = find(&route->src, route->sport, &route->dst, route->dport), *oldest = NULL;
	unsigned int b, i;

	if (w)
		forget(w);
	/* Memory is touched only for as many as there are. */
	if (!unused && nr_flows < LOCALACK_FLOWS) {
		unused = &flows[nr_flows++];
		unused->next = NULL;
	}
	for (i = 0; i < nr_flows && !unused; i++)
		if (!flows[i].first && (!oldest || flows[i].stamp < oldest->stamp))
			oldest = &flows[i];
	if (oldest)
		forget(oldest);
	w = unused;
	if (!w)
		return NULL;
	unused = w->next;
	memset(w, 0, sizeof(*w));
	w->used = true;
	w->route = *route;
	w->last = &w->first;
	w->stamp = ++stamps;
	b = bucket_of(&route->dst, route->dport, route->sport);
	w->next = buckets[b];
	buckets[b] = w;
	return w;
}

/* ---- options ---- */

/* Return: the scale that a SYN offers, -1: none. */
static int scale_of(const uint8_t *tcp, unsigned int head)
{
	unsigned int at = 20, len;

	while (at < head && tcp[at] != OPT_END) {
		if (tcp[at] == OPT_NOP) {
			at++;
			continue;
		}
		len = at + 1 < head ? tcp[at + 1] : 0;
		if (len < 2 || at + len > head)
			return -1;
		if (tcp[at] == OPT_SCALE && len == 3)
			return tcp[at + 2] < SCALE_MOST ? tcp[at + 2] : SCALE_MOST;
		at += len;
	}
	return -1;
}

/* The SYN with one more option. Return: its length, 0: there is no room. */
static size_t with_scale(uint8_t *out, size_t room, const uint8_t *p, const struct frame *f)
{
	static const uint8_t option[4] = { OPT_NOP, OPT_SCALE, 3, 0 };
	unsigned int head = f->l4 + f->head;
	struct frame of = *f;
	uint16_t sum;

	if (f->head > 60 - sizeof(option) || f->len + sizeof(option) > room)
		return 0;
	memcpy(out, p, head);
	memcpy(out + head, option, sizeof(option));
	memcpy(out + head + sizeof(option), p + head, f->len - head);
	of.l4_len += sizeof(option);
	of.head += sizeof(option);
	of.len += sizeof(option);
	out[of.l4 + 12] = of.head / 4 << 4;
	if (of.kind == FRAME_IP4) {
		put16(out + ETH_HEAD + 2, of.len - ETH_HEAD);
		put16(out + ETH_HEAD + 10, 0);
		sum = sum_end(sum_add(0, out + ETH_HEAD, 20));
		memcpy(out + ETH_HEAD + 10, &sum, 2);
	} else {
		put16(out + ETH_HEAD + 4, of.l4_len);
	}
	sum = frame_sum(out, &of);
	memcpy(out + of.l4 + frame_sum_at(&of), &sum, 2);
	return of.len;
}

/* ---- from libslirp to the guest ---- */

static void keep(struct flow *w, const uint8_t *p, size_t len, uint32_t end)
{
	struct kept *k = malloc(sizeof(*k) + len);

	/* Of what there is no copy the guest's own acknowledgement is waited for. */
	if (!k)
		return;
	*k = (struct kept){ .end = end, .len = len };
	memcpy(k->frame, p, len);
	if (!w->first) {
		owes(w);
		w->since = now;
	}
	*w->last = k;
	w->last = &k->next;
	w->bytes += len;
	all_bytes += len;
	w->copied = end;
	due = true;
}

static void data_to_guest(struct flow *w, const uint8_t *p, const struct frame *f)
{
	uint32_t seq = get32(p + f->l4 + 4), end = seq + f->l4_len - f->head;

	/* What libslirp sends again is there already, but for what could not be kept. */
	if (seq == w->copied && before(seq, end))
		keep(w, p, f->len, end);
	if (f->flags & FIN) {
		w->fin = true;
		end++;
	}
	if (before(w->sent, end))
		w->sent = end;
}

void localack_to_guest(const uint8_t *p, size_t len)
{
	uint8_t out[ETH_HEAD + 40 + 60 + 64];
	struct reply_to route;
	struct flow *w;
	struct frame f;
	size_t n = 0;

	if (frame_parse(p, len, &f) || f.kind == FRAME_ARP || f.proto != IPPROTO_TCP)
		return ops->to_guest(p, len);
	w = find(&f.dst, f.dport, &f.src, f.sport);
	if (f.flags & FRAME_SYN) {
		if (!(f.flags & FRAME_ACK)) {
			/* Of a published port. */
			memcpy(route.guest_mac, p + 6, 6);
			memcpy(route.our_mac, p, 6);
			route.src = f.dst;
			route.dst = f.src;
			route.sport = f.dport;
			route.dport = f.sport;
			w = make(&route);
		}
		if (w)
			n = with_scale(out, sizeof(out), p, &f);
		if (w && n && !w->active) {
			w->sent = w->copied = w->told = w->acked = get32(p + f.l4 + 4) + 1;
			/* Until the guest has said more, its window is that of its SYN. */
			w->edge = w->sent + w->window;
			w->active = f.flags & FRAME_ACK;
		} else if (w && !n) {
			forget(w);
		}
		return n ? ops->to_guest(out, n) : ops->to_guest(p, len);
	}
	if (w && f.flags & RST)
		forget(w);
	else if (w && w->active)
		data_to_guest(w, p, &f);
	ops->to_guest(p, len);
}

/* ---- from the guest to libslirp ---- */

static void resend(struct flow *w)
{
	ops->to_guest(w->first->frame, w->first->len);
	w->since = now;
}

static uint16_t window_of(const struct flow *w)
{
	uint32_t left = before(w->told, w->edge) ? w->edge - w->told : 0;

	return left < 65535 ? left : 65535;
}

static void set_sum(uint8_t *sum, uint16_t old, uint16_t new)
{
	/* RFC 1624, equation 3. */
	uint32_t s = (uint16_t)~get16(sum) + (uint32_t)(uint16_t)~old + new;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	put16(sum, ~s);
}

static void change16(uint8_t *tcp, unsigned int at, uint16_t v)
{
	set_sum(tcp + 16, get16(tcp + at), v);
	put16(tcp + at, v);
}

static void progress(struct flow *w, uint32_t ack)
{
	w->acked = ack;
	w->dups = w->tries = 0;
	w->since = now;
	if (before(w->told, ack))
		w->told = ack;
	if (before(w->copied, ack))
		w->copied = ack;
	while (w->first && !before(ack, w->first->end))
		drop_first(w);
	if (w->recovering && !before(ack, w->recover))
		w->recovering = false;
	/* More than one was lost. */
	if (w->recovering && w->first)
		resend(w);
	due = true;
}

static void duplicate(struct flow *w)
{
	if (!w->first || w->recovering || ++w->dups < 3)
		return;
	w->dups = 0;
	w->recovering = true;
	w->recover = w->sent;
	resend(w);
}

static bool from_guest_syn(const uint8_t *p, const struct frame *f)
{
	const uint8_t *tcp = p + f->l4;
	int scale = scale_of(tcp, f->head);
	struct reply_to route;
	struct flow *w;

	if (f->flags & FRAME_ACK) {
		w = find(&f->src, f->sport, &f->dst, f->dport);
		if (!w || w->active)
			return true;
		if (scale < 0 || get32(tcp + 8) != w->sent) {
			forget(w);
			return true;
		}
		w->active = true;
		w->edge = w->sent + get16(tcp + 14);
	} else {
		if (scale < 0) {
			w = find(&f->src, f->sport, &f->dst, f->dport);
			if (w)
				forget(w);
			return true;
		}
		reply_to(&route, p, f);
		/* reply_to() is for frames to the guest. */
		memcpy(route.guest_mac, p, 6);
		memcpy(route.our_mac, p + 6, 6);
		route.src = f->src;
		route.dst = f->dst;
		route.sport = f->sport;
		route.dport = f->dport;
		w = make(&route);
		if (!w)
			return true;
	}
	w->scale = scale;
	w->window = get16(tcp + 14);
	w->next_seq = get32(tcp + 4) + 1;
	return true;
}

bool localack_from_guest(uint8_t *p, const struct frame *f, int64_t now_ms)
{
	uint8_t *tcp = p + f->l4;
	uint32_t seq = get32(tcp + 4), ack = get32(tcp + 8), end = seq + f->l4_len - f->head, edge;
	bool bare = seq == end && !(f->flags & (FIN | FRAME_SYN | RST)), news;
	struct flow *w;
	uint16_t window;

	now = now_ms;
	if (f->flags & FRAME_SYN)
		return from_guest_syn(p, f);
	w = find(&f->src, f->sport, &f->dst, f->dport);
	if (!w || !w->active)
		return true;
	if (f->flags & RST) {
		forget(w);
		return true;
	}
	/* What acknowledges what was never sent is libslirp's to judge. */
	if (!(f->flags & FRAME_ACK) || before(w->sent, ack) || before(ack, w->acked))
		return true;
	edge = ack + ((uint32_t)get16(tcp + 14) << w->scale);
	if (ack != w->acked)
		progress(w, ack);
	else if (bare && edge == w->edge)
		duplicate(w);
	if (edge != w->edge)
		due = true;
	w->edge = edge;
	window = window_of(w);
	/* Of what the guest says libslirp has heard already. */
	news = !bare || seq != w->next_seq || w->told == w->acked || window != w->window;
	if (before(w->next_seq, end + !!(f->flags & FIN)))
		w->next_seq = end + !!(f->flags & FIN);
	if (!news)
		return false;
	w->window = window;
	change16(tcp, 14, window);
	change16(tcp, 8, w->told >> 16);
	change16(tcp, 10, w->told);
	w->guest_fin |= f->flags & FIN;
	/* What still comes is the end of it, which has no windows. */
	if (w->fin && w->guest_fin && w->acked == w->sent)
		forget(w);
	return true;
}

/* ---- acknowledgements ---- */

static uint32_t may_tell(const struct flow *w, bool congested)
{
	uint32_t to = before(w->edge, w->copied) ? w->edge : w->copied;

	if (congested || w->bytes > LOCALACK_FLOW_MOST || all_bytes > LOCALACK_MOST)
		return w->told;
	return before(w->told, to) ? to : w->told;
}

bool localack_run(bool congested, int64_t now_ms)
{
	struct flow *w, *next;
	uint8_t out[REPLY_MAX];
	unsigned int round;

	now = now_ms;
	for (round = 0; due && round < ROUNDS; round++) {
		due = false;
		/* libslirp may reset any of them when it is told; that one is in the list no more. */
		for (w = owing; w; w = next) {
			uint32_t to = may_tell(w, congested);

			next = w->owes;
			if (to == w->told)
				continue;
			w->told = to;
			w->window = window_of(w);
			ops->to_slirp(out, reply_tcp(out, &w->route, w->next_seq, w->told, FRAME_ACK, w->window));
			if (!w->used || !w->first || (next && (!next->used || !next->first)))
				break;
		}
		/* The rest of the list has its turn again. */
		due |= w != NULL;
	}
	return due;
}

static void give_up(struct flow *w)
{
	uint8_t out[REPLY_MAX];
	size_t len = reply_tcp(out, &w->route, w->next_seq, w->told, RST | FRAME_ACK, 0);

	forget(w);
	ops->to_slirp(out, len);
}

int localack_timers(int64_t now_ms)
{
	int64_t next = -1, at;
	struct flow *w, *following;

	now = now_ms;
	for (w = owing; w; w = following) {
		following = w->owes;
		at = (int64_t)RETRY_MS << (w->tries < 10 ? w->tries : 10);
		at = w->since + min_t(int64_t, at, RETRY_MOST_MS);
		if (at <= now && w->tries == RETRIES) {
			/* libslirp may answer; the others have their turn at once. */
			give_up(w);
			return 0;
		}
		if (at <= now) {
			w->tries++;
			w->recovering = true;
			w->recover = w->sent;
			resend(w);
			at = now + RETRY_MS;
		}
		if (next < 0 || at < next)
			next = at;
	}
	return next < 0 ? -1 : next > now ? next - now : 0;
}

void localack_start(const struct localack_ops *o)
{
	ops = o;
}
