/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of fuzz_devices share: the device at hand and its driver. */
#ifndef R3_FUZZ_DEVICES_H
#define R3_FUZZ_DEVICES_H

#include <linux/virtio_ring.h>

#include "dev/dev.h"
#include "fuzz.h"

#define RAM		(64u << 10)
#define DATA		(16u << 10)	/* rings are below */
#define RING_SIZE	8		/* entries, unless the input says otherwise */

extern struct dev *dev;

void *ram(uint64_t gpa);
struct vring_desc *desc_of(unsigned int q);
uint16_t *used_of(unsigned int q);
void publish(unsigned int q, uint16_t head);
void kick(unsigned int q);
/* Into the data, somewhere. */
void put(uint32_t at, const void *data, size_t len);
/* A chain of one part, with @data or to be filled. */
void add_one(unsigned int q, const void *data, size_t len, bool fill);
/* A chain that must come back at once. Return: bytes written to it. */
uint32_t transact(unsigned int q, const struct vring_desc *part, unsigned int n);

/* devices_net.c */
int net_make(uint8_t kind, struct r3_err *err);
/* What only this device has. False: the step is another's. */
bool net_step(struct input *in, uint8_t op);
void net_works(void);
void net_end(void);

#endif
