// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * More spaces can end than the ring has places for, while the guest kernel's vCPU 0
 * does not run. Those wait here. Their order does not matter, and one notice is as
 * good as two: the kernel looks at the entry's state.
 */
#include "vcpu/deaths.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "vcpu/vcpu.h"

void deaths_init(struct deaths *d, struct r3_zygote *page, struct r3_boot *boot)
{
	*d = (struct deaths) { .page = page, .boot = boot };
	for (d->nr_acks = 0; d->nr_acks < boot->nr_cpus; d->nr_acks++)
		d->ack_fd[d->nr_acks] = boot->vcpu[d->nr_acks].ack_fd;
}

void deaths_add(struct deaths *d, uint32_t id)
{
	uint64_t bit = 1ULL << id % 64;

	if (d->late[id / 64] & bit)
		return;
	d->late[id / 64] |= bit;
	d->nr_late++;
}

/* Whoever waits for a manager's acknowledgement looks whether that has ended. */
static void wake(struct deaths *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_acks; i++) {
		uint64_t notice = R3_ACK_DEATH;
		struct pollfd pfd = { .fd = d->ack_fd[i], .events = POLLOUT };
		struct timespec now = { 0 };

		/* A full counter wakes its reader as well as one more would. */
		if (ppoll(&pfd, 1, &now, NULL) == 1 && write(pfd.fd, &notice, sizeof(notice)) < 0)
			continue;
	}
	vcpu_post(d->boot, 0, R3_PEND_SPACE);
}

bool deaths_tell(struct deaths *d)
{
	uint32_t tail = load_acquire(d->page->dead_tail), before = d->head, id;

	for (id = 0; d->nr_late && d->head - tail < R3_ZYGOTE_RING && id < R3_MAX_SPACES; id++) {
		uint64_t bit = 1ULL << id % 64;

		if (!(d->late[id / 64] & bit))
			continue;
		d->late[id / 64] &= ~bit;
		d->nr_late--;
		d->page->dead[d->head++ % R3_ZYGOTE_RING] = id;
	}
	store_release(d->page->dead_head, d->head);
	if (d->head != before || d->nr_late)
		wake(d);
	return !d->nr_late;
}
