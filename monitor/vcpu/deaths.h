/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the guest kernel is told of spaces that have ended. */
#ifndef R3_DEATHS_H
#define R3_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

#include <ring3/boot.h>
#include <ring3/space.h>

struct deaths {
	struct r3_zygote *page;
	struct r3_boot *boot;
	uint32_t head;			/* as in the page, which is the guest's to write */
	unsigned int nr_acks;
	int ack_fd[R3_MAX_CPUS];	/* as in the boot block, the same */
	unsigned int nr_late;		/* bits in late[] */
	uint64_t late[R3_MAX_SPACES / 64]; /* not in the ring yet */
};

void deaths_init(struct deaths *d, struct r3_zygote *page, struct r3_boot *boot);

/* An entry of page->space[] has become dead, or could not be made. */
void deaths_add(struct deaths *d, uint32_t id);

/**
 * deaths_tell() - puts into the ring what there is room for
 *
 * Return: whether all is told. If not, try again: nobody says when the guest
 * kernel has made room.
 */
bool deaths_tell(struct deaths *d);

#endif
