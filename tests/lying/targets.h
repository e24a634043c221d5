/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_TEST_LYING_TARGETS_H
#define R3_TEST_LYING_TARGETS_H

#include "lying.h"

extern struct target targets[];
extern const unsigned int nr_targets;

/* False: this guest does not have the devices of drivers.t. */
bool targets_find(void);
/* The parts of a request that is right. Return: how many. */
unsigned int target_good(struct target *t, struct vbuf *buf);
int blk_request(struct vdev *v, uint32_t type, uint64_t sector, void *data, uint32_t len, bool in);

#endif
