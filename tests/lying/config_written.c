// SPDX-License-Identifier: GPL-2.0-or-later
/* A configuration of the driver's own: a disk without end. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	memset(t->v->page->config, 0xff, sizeof(t->v->page->config));
	lie_stays(t, "another configuration");
	lie_holds(t, t->work(t->v), "it works by the configuration it knows");
	if (t->kind == TO_BLK)
		lie_holds(t, lie_blk(t, VIRTIO_BLK_T_IN, 1ULL << 40, t->buf, 512, true) == VIRTIO_BLK_S_IOERR,
			  "its disk is as large as before");
}

const struct lie lie_config_written = {
	.name = "config written",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
