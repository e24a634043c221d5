// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A bare guest whose driver lies about devices that come and go: slots.t asks the monitor
 * for them from outside. how=WORD of the command line says how it lies.
 */
#include "bare.h"
#include "vdev.h"

#include <ring3/plug.h>

#define STEP_MS		2

struct slot {
	struct r3_vdev *page;
	struct vdev v;
	bool up;			/* its queue is, of "keeps" */
};

static struct slot slots[R3_VDEV_MAX];
static unsigned int nr_slots;

static void find_slots(void)
{
	unsigned int i;

	for (i = bare_boot->nr_vdevs; i < R3_VDEV_MAX; i++) {
		struct r3_vdev *page = (struct r3_vdev *)(bare_boot->vdevs + 4096UL * i);

		if (page->magic == R3_VDEV_MAGIC)
			slots[nr_slots++].page = page;
	}
}

static void wake(struct r3_vdev *page)
{
	uint64_t one = 1;

	bare_call3(1, page->kick_fd, &one, sizeof(one));
}

static void ack(struct r3_vdev *page, uint32_t number)
{
	if (bare_read(r3_plug_of(page)->ack) == number)
		return;
	bare_write(r3_plug_of(page)->ack, number);
	wake(page);
}

static void name(struct r3_vdev *page, const char *text, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < R3_PLUG_NAME; i++)
		r3_plug_of(page)->name[i] = i < n ? text[i] : 0;
}

/* ---- lies ---- */

static void honest(struct slot *s)
{
	name(s->page, "vdx", 3);
	ack(s->page, bare_read(r3_plug_of(s->page)->plug));
}

static void ignores(struct slot *s)
{
}

/* It takes them, and does not let them go. */
static void stays(struct slot *s)
{
	uint32_t plug = bare_read(r3_plug_of(s->page)->plug);

	if (plug & 1)
		ack(s->page, plug);
}

/* It is always in use, whether it was asked or forced. */
static void busy(struct slot *s)
{
	uint32_t plug = bare_read(r3_plug_of(s->page)->plug);

	if (plug & 1) {
		ack(s->page, plug);
	} else if (plug && bare_read(r3_plug_of(s->page)->busy) != plug) {
		bare_write(r3_plug_of(s->page)->busy, plug);
		wake(s->page);
	}
}

/* Every number that there may be next is acknowledged before. */
static void early(struct slot *s)
{
	bare_write(r3_plug_of(s->page)->ack, bare_read(r3_plug_of(s->page)->plug) + bare_random(3));
	wake(s->page);
}

static void names(struct slot *s)
{
	name(s->page, "\033[31mevil\n\"\\\302\233XY", 16);
	ack(s->page, bare_read(r3_plug_of(s->page)->plug));
}

/* The page's words, at random and all the time, the kick's number too. */
static void scribbles(struct slot *s)
{
	static int kick_fd[R3_VDEV_MAX];
	uint32_t *word = (uint32_t *)s->page;
	unsigned int i, nr = s - slots;
	uint64_t one = 1;

	if (!kick_fd[nr])
		kick_fd[nr] = s->page->kick_fd;
	for (i = 0; i < 8; i++)
		bare_write(word[bare_random(sizeof(*s->page) / sizeof(*word))], bare_random(4));
	bare_call3(1, kick_fd[nr], &one, sizeof(one));
}

/* Its queue is at work, and goes on after it has said that the device may go. */
static void keeps(struct slot *s)
{
	static char *header;
	struct vbuf buf[3];
	uint32_t plug = bare_read(r3_plug_of(s->page)->plug);

	if (!header)
		header = bare_alloc(4096, 4096);
	if (plug & 1 && !s->up) {
		struct vdev *v = &s->v;
		unsigned int q;

		v->page = s->page;
		v->kick_fd = s->page->kick_fd;
		v->nr_queues = s->page->nr_queues;
		v->offered = s->page->features;
		for (q = 0; q < v->nr_queues && q < R3_VDEV_QUEUES; q++)
			v->size_max[q] = s->page->queue[q].size_max;
		s->up = vdev_init(v, 0);
	}
	if (s->up) {
		buf[0] = (struct vbuf){ header, 16, false };
		buf[1] = (struct vbuf){ header + 512, 512, true };
		buf[2] = (struct vbuf){ header + 1024, 1, true };
		vq_publish(&s->v.q[0], vq_chain(&s->v.q[0], buf, 3));
		vdev_kick(&s->v, 0);
	}
	ack(s->page, plug);
	if (plug & 1)
		return;
	/* A control request of nobody's: it must not be waited for. */
	bare_write(s->page->ctl_seq, bare_read(s->page->ctl_seq) + 1);
	wake(s->page);
	s->up = s->up && plug < 20;
}

static const struct {
	const char *word;
	void (*tell)(struct slot *s);
} lies[] = {
	{ "honest", honest }, { "ignores", ignores }, { "stays", stays }, { "busy", busy }, { "early", early },
	{ "names", names }, { "scribbles", scribbles }, { "keeps", keeps },
};

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

void bare_main(void)
{
	const char *how = bare_option("how");
	void (*tell)(struct slot *s) = NULL;
	unsigned int i, round;

	for (i = 0; how && i < sizeof(lies) / sizeof(lies[0]); i++)
		if (same(lies[i].word, how))
			tell = lies[i].tell;
	find_slots();
	bare_printf("slots %u\n", nr_slots);
	if (!tell || !nr_slots)
		return;
	for (round = 0; ; round++) {
		for (i = 0; i < nr_slots; i++)
			tell(&slots[i]);
		if (round % 256 == 0)
			bare_printf("alive\n");
		bare_wait_ms(STEP_MS);
	}
}
