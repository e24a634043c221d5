/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices of one guest: the one place that knows them all.
 */
#ifndef R3_DEVS_H
#define R3_DEVS_H

#include <ring3/boot.h>
#include <ring3/vdev.h>

#include "base/err.h"
#include "dev/dev.h"
#include "mem/mem.h"
#include "vm/vm.h"

struct devs {
	struct dev *dev[R3_VDEV_MAX];
	unsigned int nr;
	struct dev *console;		/* one of dev[], or NULL */
	struct dev *balloon;		/* the same */
};

/**
 * devs_start() - create the guest's devices and start their threads
 * @devs: filled
 * @cfg: disks, ports and cards; descriptors stay the caller's
 * @mem: guest RAM, not moved or freed before devs_stop()
 * @boot: boot->vdevs is the address of R3_VDEV_MAX zeroed pages shared with the
 *	guest; they and boot->nr_vdevs are filled
 * @how: raise (device @index wants an interrupt, boot->dev_pending bit @index;
 *	called from the devices' threads, any time until devs_stop() returns),
 *	enter (may be NULL), opaque
 *
 * Threads start with all signals blocked. The order is: console (index 0, if
 * there is a port), rng, disks as in @cfg (vda, vdb, ...), network cards, further
 * vhost-user devices, vsock, the balloon.
 *
 * Return: 0, or -errno with @err set and nothing left running.
 */
int devs_start(struct devs *devs, const struct vm_config *cfg,
	       const struct guest_mem *mem, struct r3_boot *boot,
	       const struct dev_bus *how, struct r3_err *err);

/**
 * devs_stop() - end all threads, write what the guest had written, free all
 * @drain_ms: see dev_stop()
 *
 * The vCPUs have stopped.
 */
void devs_stop(struct devs *devs, int drain_ms);

/* Window size of a console port. From any thread. */
void devs_console_resize(struct devs *devs, unsigned int port,
			 unsigned int cols, unsigned int rows);

#endif
