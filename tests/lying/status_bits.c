// SPDX-License-Identifier: GPL-2.0-or-later
/* Status bits cleared, set out of order, and the device's own. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t status[] = {
		VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_FEATURES_OK,
		VIRTIO_CONFIG_S_NEEDS_RESET, VIRTIO_CONFIG_S_FAILED, 0xff, 0xffffff00, 0xffffffff, 0x0f,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(status); i++) {
		lie_holds(t, vdev_status(t->v, status[i]), "each is acknowledged");
		lie_send(t, lie_chain(t));
	}
	lie_holds(t, vdev_control(t->v), "and it answers on");
}

const struct lie lie_status_bits = {
	.name = "status bits",
	.to = TO_DEVICES,
	.answer = EITHER,
	.tell = tell,
};
