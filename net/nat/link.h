/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's side: frames, each with a virtio-net header, on a SEQPACKET socket.
 *
 * What the guest's device does not take yet is kept, up to LINK_MOST bytes, and
 * link_congested() says that no more should be fetched for it.
 */
#ifndef R3_NAT_LINK_H
#define R3_NAT_LINK_H

#include <linux/virtio_net.h>

#include "frame.h"

#define LINK_BATCH	16
#define LINK_MOST	(8 << 20)
#define LINK_HIGH	(512 << 10)

struct link_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t rx_bad;		/* too short or too long */
	uint64_t tx_dropped;		/* the guest was too slow */
};

/* @rate: bytes a second in each direction, 0: without bound. */
int link_open(int fd, uint64_t rate);
/* Frames that the guest sent, at most LINK_BATCH. Return: how many, 0: none; -EPIPE: the other side is gone. */
int link_receive(void (*frame)(const struct virtio_net_hdr_v1 *hdr, uint8_t *p, size_t len));
/* A frame for the guest; @checked: its checksums need not be looked at again. */
void link_send(const uint8_t *p, size_t len, bool checked);
/* What was kept. */
void link_flush(void);
bool link_congested(void);
/* What to poll for, and how long at most (ms, -1: as long as may be). */
short link_events(int *timeout);
const struct link_stats *link_stats(void);

#endif
