// SPDX-License-Identifier: GPL-2.0-or-later
#include "cable.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "segment.h"

#define NSEC		1000000000LL
#define HOLD_NS		(20 * 1000000LL)	/* a frame that nothing overtakes goes then */
#define EARLY_NS	20000			/* sooner than a timer could be set anew */
#define QUEUE_NS	(100 * 1000000LL)	/* of frames that wait for the cable's rate */
#define QUEUE_MIN	(128 << 10)
/* Slower cables carry packets, as a large frame would block them for long. */
#define PACKETS_BELOW	(200e6 / 8)

/* xorshift128+: no secret, but as random as loss needs it. */
static uint64_t next_random(struct cables *all)
{
	uint64_t a = all->random[0], b = all->random[1];

	all->random[0] = b;
	a ^= a << 23;
	all->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return all->random[1] + b;
}

/* From 0 to less than 1. */
static double draw(struct cables *all)
{
	return (next_random(all) >> 11) * 0x1p-53;
}

static bool happens(struct cables *all, double probability)
{
	return probability > 0 && draw(all) < probability;
}

void cables_init(struct cables *all, uint64_t seed, void (*deliver)(struct cable *cable, struct frame *f))
{
	memset(all, 0, sizeof(*all));
	list_init(&all->active);
	all->random[0] = seed;
	all->random[1] = ~seed * 0x9e3779b97f4a7c15ULL | 1;
	all->deliver = deliver;
}

void cable_init(struct cable *cable, struct cables *all)
{
	memset(cable, 0, sizeof(*cable));
	cable->all = all;
	list_init(&cable->active);
}

static bool is_plain(const struct cable *cable)
{
	const struct cable_config *c = &cable->config;

	return !c->delay_ns && !c->jitter_ns && !(c->loss > 0) && !(c->duplicate > 0) && !(c->reorder > 0) && !(c->rate > 0);
}

static struct waiting *at(const struct cable *cable, unsigned int i)
{
	return &cable->ring[(cable->head + i) & (cable->room - 1)];
}

static void account(struct cable *cable, const struct frame *f, int sign)
{
	cable->bytes += sign * (int64_t)f->size;
	cable->all->bytes += sign * (int64_t)f->size;
}

static void update_active(struct cable *cable)
{
	bool active = cable->n || cable->held;

	if (active == !list_empty(&cable->active))
		return;
	if (active)
		list_append(&cable->all->active, &cable->active);
	else
		list_remove(&cable->active);
}

static bool grow(struct cable *cable)
{
	unsigned int room = cable->room ? cable->room * 2 : 64, i;
	struct waiting *ring;

	if (room > CABLE_FRAMES_MAX)
		return false;
	ring = malloc(room * sizeof(*ring));
	if (!ring)
		return false;
	for (i = 0; i < cable->n; i++)
		ring[i] = *at(cable, i);
	free(cable->ring);
	cable->ring = ring;
	cable->room = room;
	cable->head = 0;
	return true;
}

void cable_close(struct cable *cable)
{
	for (; cable->n; cable->n--) {
		struct waiting *w = at(cable, 0);

		account(cable, w->frame, -1);
		frame_put(w->frame);
		cable->head++;
	}
	if (cable->held) {
		account(cable, cable->held, -1);
		frame_put(cable->held);
		cable->held = NULL;
	}
	update_active(cable);
	free(cable->ring);
	cable->ring = NULL;
	cable->room = 0;
}

static int64_t delay_of(struct cable *cable)
{
	const struct cable_config *c = &cable->config;
	int64_t delay = c->delay_ns;

	if (c->jitter_ns)
		delay += (draw(cable->all) * 2 - 1) * c->jitter_ns;
	return delay > 0 ? delay : 0;
}

/* Not before the frame in front of it. */
static int64_t due_after(const struct cable *cable, unsigned int i, int64_t due)
{
	int64_t before = i ? at(cable, i - 1)->due : 0;

	return due > before ? due : before;
}

void cable_configure(struct cable *cable, const struct cable_config *config, int64_t now)
{
	unsigned int i;

	cable->config = *config;
	if (!(config->rate > 0))
		cable->rate_free = 0;
	for (i = 0; i < cable->n; i++) {
		struct waiting *w = at(cable, i);

		if (!(config->rate > 0) && w->sent > now)
			w->sent = now;
		w->due = due_after(cable, i, w->sent + delay_of(cable));
	}
}

/* The frame's turn at the cable's rate: when its last byte is sent, or -1 if too many are before it. */
static int64_t send_at_rate(struct cable *cable, const struct frame *f, int64_t now)
{
	double rate = cable->config.rate, backlog;
	int64_t start = cable->rate_free > now ? cable->rate_free : now;

	if (!(rate > 0))
		return now;
	backlog = (start - now) * rate / NSEC;
	if (backlog > QUEUE_MIN && start - now > QUEUE_NS)
		return -1;
	cable->rate_free = start + frame_wire_bytes(f) * NSEC / rate;
	return cable->rate_free;
}

/* Takes the reference. */
static void append(struct cable *cable, struct frame *f, int64_t now)
{
	int64_t sent = send_at_rate(cable, f, now), due;

	if (sent < 0 || cable->bytes + f->size > CABLE_BYTES_MAX || cable->all->bytes + f->size > CABLE_BYTES_ALL ||
	    (cable->n == cable->room && !grow(cable))) {
		cable->refused += frame_packets(f);
		frame_put(f);
		return;
	}
	due = due_after(cable, cable->n, sent + delay_of(cable));
	*at(cable, cable->n++) = (struct waiting){ .frame = f, .sent = sent, .due = due };
	account(cable, f, 1);
}

static void release_held(struct cable *cable, int64_t now)
{
	struct frame *f = cable->held;

	cable->held = NULL;
	account(cable, f, -1);
	append(cable, f, now);
}

/* Of pairs of frames, so that of all frames the asked part is out of order. */
static bool hold_back(struct cable *cable, struct frame *f, int64_t now)
{
	double r = cable->config.reorder;

	if (cable->held || !happens(cable->all, r / (1 - r)) || cable->bytes + f->size > CABLE_BYTES_MAX)
		return false;
	cable->held = f;
	cable->held_until = now + HOLD_NS;
	account(cable, f, 1);
	return true;
}

/* One packet, or all of a GSO frame's; takes the reference. */
static void put_one(struct cable *cable, struct frame *f, int64_t now)
{
	const struct cable_config *c = &cable->config;

	if (happens(cable->all, c->loss)) {
		cable->lost += frame_packets(f);
		frame_put(f);
		return;
	}
	if (happens(cable->all, c->duplicate)) {
		cable->duplicated++;
		append(cable, frame_get(f), now);
	}
	if (c->reorder > 0 && hold_back(cable, f, now))
		return;
	append(cable, f, now);
	if (cable->held) {
		cable->reordered++;
		release_held(cable, now);
	}
}

static bool by_packets(const struct cable_config *c)
{
	return (c->loss > 0 && c->loss < 1) || c->duplicate > 0 || c->reorder > 0 || (c->rate > 0 && c->rate < PACKETS_BELOW);
}

void cable_put(struct cable *cable, struct frame *f, int64_t now)
{
	unsigned int n, i;
	struct frame *kept;

	if (is_plain(cable) && !cable->n && !cable->held) {
		cable->all->deliver(cable, f);
		return;
	}
	n = f->gso && by_packets(&cable->config) ? frame_packets(f) : 1;
	for (i = 0; i < n; i++) {
		kept = n > 1 ? segment_make(f, i) : frame_keep(f);
		if (kept)
			put_one(cable, kept, now);
		else
			cable->refused++;
	}
	update_active(cable);
}

static int64_t run(struct cable *cable, int64_t now)
{
	int64_t next = INT64_MAX;

	if (cable->held && cable->held_until <= now)
		release_held(cable, now);
	while (cable->n && at(cable, 0)->due <= now + EARLY_NS) {
		struct frame *f = at(cable, 0)->frame;

		cable->head++;
		cable->n--;
		account(cable, f, -1);
		cable->all->deliver(cable, f);
		frame_put(f);
	}
	update_active(cable);
	if (cable->n)
		next = at(cable, 0)->due;
	if (cable->held && cable->held_until < next)
		next = cable->held_until;
	return next;
}

int64_t cables_run(struct cables *all, int64_t now)
{
	int64_t next = INT64_MAX, t;
	struct list *e, *before;

	/* What is delivered may make another cable active: it comes at the end of the list. */
	for (e = all->active.next; e != &all->active; e = list_empty(e) ? before->next : e->next) {
		before = e->prev;
		t = run(container_of(e, struct cable, active), now);
		if (t < next)
			next = t;
	}
	return next;
}
