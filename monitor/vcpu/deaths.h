/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the guest kernel is told of spaces that have ended. */
#ifndef R3_DEATHS_H
#define R3_DEATHS_H

#include <stdint.h>

#include <ring3/boot.h>
#include <ring3/space.h>

struct deaths {
	struct r3_zygote *page;
	struct r3_boot *boot;
	unsigned int nr_acks;
	int ack_fd[R3_MAX_CPUS];	/* as in the boot block, which is the guest's to write */
};

void deaths_init(struct deaths *d, struct r3_zygote *page, struct r3_boot *boot);

/* An entry of page->space[] has become dead, or could not be made. Does not wait. */
void deaths_tell(struct deaths *d, uint32_t id);

#endif
