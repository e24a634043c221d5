// SPDX-License-Identifier: GPL-2.0-or-later
/* A receive buffer that has no room for the header. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf[] = { { t->buf, 21, true }, { t->buf + 64, 22, true } };

	lie_send(t, vq_chain(lie_queue(t), buf, 2));
}

const struct lie lie_vsock_small_buffer = {
	.name = "vsock small buffer",
	.to = TO_VSOCK_RX,
	.answer = BREAKS,
	.tell = tell,
};
