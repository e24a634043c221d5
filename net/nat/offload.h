/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest left to the other side: checksums and segmentation, as the
 * virtio-net header (virtio 1.2, 5.1.6) in front of a frame says.
 */
#ifndef R3_NAT_OFFLOAD_H
#define R3_NAT_OFFLOAD_H

#include <linux/virtio_net.h>

#include "frame.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4		/* Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

#define OFFLOAD_SEGMENTS	2048	/* of one frame; more is nobody's honest wish */

/**
 * offload_finish() - make frames of what was left out
 * @hdr: the guest's, a private copy
 * @p: the frame, which is written to
 * @mtu: TCP over IPv6 that is longer is cut; over IPv4 it may be as long as a packet can be
 * @emit: gets each frame; @arg is its own
 *
 * Return: 0, or -EBADMSG if header and frame do not fit together.
 */
int offload_finish(const struct virtio_net_hdr_v1 *hdr, uint8_t *p, const struct frame *frame,
		   unsigned int mtu, void (*emit)(void *arg, uint8_t *p, const struct frame *frame),
		   void *arg);

#endif
