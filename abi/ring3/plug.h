/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Slots: devices that come and go while the guest runs. The device pages from nr_vdevs on
 * that have the magic (vdev.h) are slots, and have this in their reserved bytes.
 *
 * The monitor counts "plug" up and raises the slot's interrupt: an odd number is a device
 * that is there, with the page filled before; an even one is a device that is to go. The
 * driver acts on it, then stores the same number to "ack" and kicks. A device that is in use
 * may stay: the driver stores the number to "busy" instead, unless R3_PLUG_FORCE is set; the
 * monitor then counts up again. Nothing of a slot is used for another device before its last
 * number was acknowledged.
 *
 * A kernel that knows nothing of slots never looks at them.
 */
#ifndef _RING3_PLUG_H
#define _RING3_PLUG_H

#include "vdev.h"

#define R3_PLUG_FORCE		1	/* flags: it goes even if it is in use */
#define R3_PLUG_NAME		16

#ifndef __ASSEMBLY__
struct r3_plug {
	__u32 plug;			/* by the monitor */
	__u32 flags;			/* R3_PLUG_*; written before plug */
	__u32 ack;			/* by the driver */
	__u32 busy;			/* by the driver */
	char  name[R3_PLUG_NAME];	/* by the driver, before ack: what the guest calls it */
};

static inline struct r3_plug *r3_plug_of(struct r3_vdev *page)
{
	return (struct r3_plug *)page->reserved;
}

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct r3_plug) <= sizeof(((struct r3_vdev *)0)->reserved), "a slot's words");
#endif
#endif
#endif
