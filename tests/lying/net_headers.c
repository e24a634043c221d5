// SPDX-License-Identifier: GPL-2.0-or-later
/* Headers that ask for sums and segments where there are none. The other side has to bear them. */
#include <linux/virtio_net.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const uint16_t words[] = { 0, 1, 13, 0x7fff, 0xfffe, 0xffff };
	unsigned int i, k;

	for (i = 0; i < 256; i++) {
		struct virtio_net_hdr_v1 *h = (void *)t->buf;

		for (k = 0; k < ARRAY_SIZE(words); k++) {
			*h = (struct virtio_net_hdr_v1){
				.flags = i, .gso_type = bare_random(256), .hdr_len = words[k],
				.gso_size = words[bare_random(ARRAY_SIZE(words))],
				.csum_start = words[bare_random(ARRAY_SIZE(words))],
				.csum_offset = words[(k + i) % ARRAY_SIZE(words)],
				.num_buffers = words[i % ARRAY_SIZE(words)],
			};
			lie_holds(t, vdev_do(t->v, t->q, &(struct vbuf){ h, 80, false }, 1) == 0, "it takes the frame");
		}
	}
	lie_stays(t, "headers without sense");
}

const struct lie lie_net_headers = {
	.name = "net headers",
	.to = TO_NET_TX,
	.answer = STAYS,
	.tell = tell,
};
