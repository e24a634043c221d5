/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control channel can ask of a running guest: the one table of it. */
#ifndef R3_OPS_H
#define R3_OPS_H

#include "mem/mem.h"
#include "vm/channel.h"
#include "vm/devs.h"
#include "vm/slots.h"
#include "vm/vm.h"

/* What operations work on; all of it lives as long as the guest. */
struct ops {
	const struct vm_config *cfg;
	const struct guest_mem *mem;
	struct r3_boot *boot;
	struct devs *devs;
	struct slots *slots;
};

/* One request on the channel. Return: false when the other side is gone. */
bool ops_serve(struct ops *ops, int fd);

#endif
