/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers that lie, one file a lie. main.c tells each of them to each queue it
 * is for, and then wants: the answer that the lie names, every other device at
 * work, and the device itself at work again after a reset.
 */
#ifndef R3_TEST_LYING_H
#define R3_TEST_LYING_H

#include "bare.h"
#include "vdev.h"

#define TO_RNG		0x01		/* queue 0: to be filled */
#define TO_BLK		0x02		/* queue 0: requests; a layer, an image, a read-only one */
#define TO_TX		0x04		/* console: from the guest */
#define TO_RX		0x08		/* console: to the guest */
#define TO_CTL_TX	0x10		/* console: control messages from the guest */
#define TO_CTL_RX	0x20		/* console: control messages to the guest */
#define TO_NET_TX	0x40		/* network: from the guest */
#define TO_NET_RX	0x80		/* network: to the guest */
#define TO_NET_CTL	0x100		/* network: commands */
#define TO_NET		(TO_NET_TX | TO_NET_RX | TO_NET_CTL)
#define TO_VSOCK_TX	0x200		/* vsock: from the guest */
#define TO_VSOCK_RX	0x400		/* vsock: to the guest */
#define TO_VSOCK	(TO_VSOCK_TX | TO_VSOCK_RX)
#define TO_INFLATE	0x800		/* balloon: pages that are given */
#define TO_CONSOLE	(TO_TX | TO_RX | TO_CTL_TX | TO_CTL_RX)
#define TO_ALL		(TO_RNG | TO_BLK | TO_CONSOLE | TO_NET | TO_VSOCK | TO_INFLATE)
#define TO_DEVICES	(TO_RNG | TO_BLK | TO_TX | TO_NET_TX | TO_VSOCK_TX | TO_INFLATE) /* each device once */

#define PARTS_MAX	8
#define MARK_LEN	8		/* bytes at the start of each sector of each disk */

struct target {
	const char *name;
	unsigned int kind;		/* TO_* */
	struct vdev *v;
	unsigned int q;
	bool (*start)(struct vdev *v);	/* to where the lie is heard */
	bool (*ready)(struct vdev *v);	/* to where it can work */
	bool (*work)(struct vdev *v);	/* something a user would see */
	bool readonly;
	char *buf;			/* 64 KiB for the lie */
};

enum answer {
	BREAKS,				/* DEVICE_NEEDS_RESET */
	STAYS,				/* goes on; nothing of it was believed */
	EITHER,				/* as chance has it, but one of the two */
};

struct lie {
	const char *name;
	unsigned int to;		/* TO_* */
	enum answer answer;
	bool unstarted;			/* the device is only reset before */
	void (*tell)(struct target *t);
};

/* A chain that is right, in the descriptor table but not yet available. */
uint16_t lie_chain(struct target *t);
/* The same as an indirect table of @n entries (0: as many as it needs) in t->buf. */
uint16_t lie_indirect(struct target *t, struct vring_desc **table, unsigned int *n);
/* The same, of as many as it needs; who does not want to know passes NULL. */
static inline uint16_t lie_table(struct target *t, struct vring_desc **table, unsigned int *n)
{
	struct vring_desc *unused;
	unsigned int need = 0;
	uint16_t head = lie_indirect(t, table ? table : &unused, &need);

	if (n)
		*n = need;
	return head;
}
/* Makes it available and kicks. */
void lie_send(struct target *t, uint16_t head);
static inline struct vq *lie_queue(struct target *t)
{
	return &t->v->q[t->q];
}
static inline struct vring_desc *lie_desc(struct target *t, uint16_t i)
{
	return &lie_queue(t)->desc[i];
}

/* For lies of many words: the device breaks here, and is started again. */
void lie_broke(struct target *t, const char *what);
/* The device is still up and answers. */
void lie_stays(struct target *t, const char *what);
/* What else has to hold. */
void lie_holds(struct target *t, bool good, const char *what);

/* The other vCPU calls fn(t) again and again until lie_calm(). */
void lie_race(void (*fn)(struct target *t), struct target *t);
void lie_calm(void);
/* Rounds of a race: some milliseconds' worth. */
#define RACE_ROUNDS	200
/* A race of fn(t) against chains of next(t), sent until the device cannot be started again. */
void lie_race_rounds(void (*fn)(struct target *t), struct target *t, uint16_t (*next)(struct target *t));

/* A request to a disk. Return: its status byte, -1 if nothing came back. */
int lie_blk(struct target *t, uint32_t type, uint64_t sector, void *data, uint32_t len, bool in);

#endif
