/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one message on a vsock device's descriptor is: shared with ring3-vsock, see docs/vsock.md. */
#ifndef R3_DEV_VSOCK_H
#define R3_DEV_VSOCK_H

#include <linux/virtio_vsock.h>
#include <stdint.h>

#define VSOCK_HDR		sizeof(struct virtio_vsock_hdr)
#define VSOCK_PAYLOAD_MAX	65536u	/* of one packet, as Linux has it */

/*
 * One byte, from the device: the driver has started anew, and knows of no connection. And
 * the answer: what comes from now on is for that driver.
 */
#define VSOCK_RESET_LEN		1

/*
 * Between ring3-vsock and `ring3 run`, on a SOCK_SEQPACKET socket: the guest wants to
 * connect to this port of the host; and the answer, with the descriptor if status is 0.
 * Id 0 from ring3-vsock: it is ready.
 */
struct vsock_dial {
	uint32_t id, port;
};

struct vsock_dialled {
	uint32_t id;
	int32_t status;			/* 0 or -errno */
};

#endif
