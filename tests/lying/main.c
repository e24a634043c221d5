// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells each lie to each queue it is for; see lying.h. lie=FILE: only that one.
 * end=TARGET: none, but ends the guest while that target has work without end.
 */
#include "lies.h"
#include "targets.h"

#define BREAK_MS	3000
#define SLOW_MS		300

static const struct lie *const lies[] = {
#define LIE(name)	&lie_##name,
	LIES
#undef LIE
};

static const char *failed;		/* why the lie at hand has */

static struct {
	uint32_t on;
	uint32_t idle;
	void (*fn)(struct target *t);
	struct target *t;
} race;

/* ---- for the lies ---- */

uint16_t lie_chain(struct target *t)
{
	struct vbuf buf[PARTS_MAX];

	return vq_chain(lie_queue(t), buf, target_good(t, buf));
}

uint16_t lie_indirect(struct target *t, struct vring_desc **table, unsigned int *n)
{
	struct vring_desc *in = (void *)(t->buf + 16384), *d;
	struct vbuf buf[PARTS_MAX];
	unsigned int i, parts = target_good(t, buf);
	struct vq *q = lie_queue(t);
	uint16_t head = q->next_desc;

	if (!*n)
		*n = parts;
	for (i = 0; i < *n; i++) {
		/* The last part again and again where it shall be longer. */
		const struct vbuf *b = &buf[i < parts ? i : parts - 1];

		in[i].addr = bare_gpa(b->p);
		in[i].len = b->len;
		in[i].flags = (b->in ? VRING_DESC_F_WRITE : 0) | (i + 1 < *n ? VRING_DESC_F_NEXT : 0);
		in[i].next = i + 1;
	}
	d = lie_desc(t, head);
	d->addr = bare_gpa(in);
	d->len = 16 * *n;
	d->flags = VRING_DESC_F_INDIRECT;
	d->next = 0;
	q->next_desc = (head + 1) % q->size;
	*table = in;
	return head;
}

void lie_send(struct target *t, uint16_t head)
{
	vq_publish(lie_queue(t), head);
	vdev_kick(t->v, t->q);
}

static void fail(const char *what)
{
	if (!failed)
		failed = what;
}

void lie_holds(struct target *t, bool good, const char *what)
{
	if (!good)
		fail(what);
}

static bool restart(struct target *t)
{
	return vdev_reset(t->v) && t->ready(t->v);
}

void lie_broke(struct target *t, const char *what)
{
	if (!vdev_broke(t->v, BREAK_MS)) {
		bare_printf("# %s was not noticed\n", what);
		fail("a lie was not noticed");
	}
	if (!vdev_reset(t->v) || !t->start(t->v))
		fail("it does not start again");
}

void lie_stays(struct target *t, const char *what)
{
	if (!vdev_control(t->v) || vdev_needs_reset(t->v)) {
		bare_printf("# after %s\n", what);
		fail("it does not go on");
		if (!restart(t))
			fail("it does not start again");
	}
}

int lie_blk(struct target *t, uint32_t type, uint64_t sector, void *data, uint32_t len, bool in)
{
	return blk_request(t->v, type, sector, data, len, in);
}

/* ---- the other vCPU ---- */

static void other_cpu(void *arg)
{
	for (;;) {
		if (bare_read(race.on)) {
			bare_write(race.idle, 0);
			race.fn(race.t);
		} else {
			bare_write(race.idle, 1);
			bare_wait_ms(1);
		}
	}
}

void lie_race(void (*fn)(struct target *t), struct target *t)
{
	race.fn = fn;
	race.t = t;
	bare_write(race.on, 1);
	while (bare_read(race.idle))
		bare_wait_ms(1);
}

void lie_calm(void)
{
	bare_write(race.on, 0);
	while (!bare_read(race.idle))
		bare_wait_ms(1);
}

void lie_race_rounds(void (*fn)(struct target *t), struct target *t, uint16_t (*next)(struct target *t))
{
	unsigned int i;

	lie_race(fn, t);
	for (i = 0; i < RACE_ROUNDS; i++) {
		lie_send(t, next(t));
		if (vdev_needs_reset(t->v) && !(vdev_reset(t->v) && t->start(t->v)))
			break;
	}
	lie_calm();
}

/* ---- one lie, one target ---- */

static void others_work(struct target *t)
{
	unsigned int i;

	for (i = 0; i < nr_targets; i++) {
		if (targets[i].v == t->v || (i && targets[i].v == targets[i - 1].v))
			continue;
		if (!targets[i].work(targets[i].v)) {
			bare_printf("# %s does not work\n", targets[i].name);
			fail("another device does not work");
			restart(&targets[i]);
		}
	}
}

static void answer(const struct lie *lie, struct target *t)
{
	switch (lie->answer) {
	case BREAKS:
		if (!vdev_broke(t->v, BREAK_MS))
			fail("it was not noticed");
		break;
	case STAYS:
		if (!vdev_control(t->v) || vdev_needs_reset(t->v))
			fail("it does not go on");
		break;
	case EITHER:
		/* Lies about the page itself can look like either. */
		vdev_control(t->v);
	}
}

static void tell(const struct lie *lie, struct target *t)
{
	uint64_t start = bare_now_ms();
	bool ready = vdev_reset(t->v);

	failed = NULL;
	if (!lie->unstarted)
		ready = ready && t->start(t->v);
	if (!ready)
		fail("it does not start");
	else
		lie->tell(t);
	answer(lie, t);
	others_work(t);
	if (!restart(t))
		fail("it does not start again");
	else if (!t->work(t->v))
		fail("it does not work again");
	bare_ok(!failed, "%s: %s", t->name, lie->name);
	if (bare_now_ms() - start > SLOW_MS)
		bare_printf("# took %lu ms\n", bare_now_ms() - start);
	if (failed)
		bare_printf("# %s\n", failed);
}

/* Has the last word while the guest ends: requests without a pause. */
static void feed(struct target *t)
{
	struct vq *q = lie_queue(t);

	bare_write(q->avail->idx, (uint16_t)(bare_read(q->used->idx) + q->size));
	vdev_kick(t->v, t->q);
}

/* Every descriptor the same request, so that the ring can be full of it for ever. */
static void end_at_work(struct target *t)
{
	struct vring_desc *table;
	struct vq *q = lie_queue(t);
	unsigned int i, n = 0;
	uint16_t head;

	if (!restart(t))
		fail("it does not start again");
	head = lie_indirect(t, &table, &n);
	for (i = 0; i < q->size; i++)
		q->avail->ring[i] = head;
	lie_race(feed, t);
	bare_wait_ms(50);
	bare_printf("# %s: status %x, %u requests\n", t->name, t->v->page->status, q->used->idx);
	bare_exit(R3_EXIT_POWEROFF);
}

void bare_main(void)
{
	const char *only, *end;
	unsigned int i, l;

	if (!targets_find() || bare_boot->nr_cpus < 2) {
		bare_printf("Bail out! this takes two CPUs, a console, random numbers, three disks and a network card\n");
		return;
	}
	bare_cpu_start(1, other_cpu, NULL);
	while (!bare_read(race.idle))
		bare_wait_ms(1);
	for (i = 0; i < nr_targets; i++)
		if (!i || targets[i].v != targets[i - 1].v)
			bare_ok(restart(&targets[i]) && targets[i].work(targets[i].v), "%s works", targets[i].name);
	end = bare_option("end");
	for (i = 0; end && i < nr_targets; i++)
		if (!strcmp(end, targets[i].name))
			end_at_work(&targets[i]);
	only = bare_option("lie");
	for (l = 0; l < ARRAY_SIZE(lies); l++) {
		if (only && strcmp(only, lies[l]->name))
			continue;
		for (i = 0; i < nr_targets; i++)
			if (lies[l]->to & targets[i].kind)
				tell(lies[l], &targets[i]);
	}
	bare_done();
}
