// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A bit for each space, so that there is room for every notice however late the
 * guest kernel reads them. One notice is as good as two: it looks at the entry's
 * state.
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

void deaths_tell(struct deaths *d, uint32_t id)
{
	unsigned int i;

	atomic_or(d->page->dead[id / 64], 1ULL << id % 64);
	/* Whoever waits for a manager's acknowledgement looks whether that has ended. */
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
