/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet frames with virtio's offload header, as members send them: checked
 * once, when they come in, on a copy that is the switch's own. From then on a
 * frame has no 802.1Q tag (it is in tci), its header's fields are true, and who
 * reads it need not check again.
 */
#ifndef R3_SWITCH_FRAME_H
#define R3_SWITCH_FRAME_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Newer than the oldest headers we build with: Linux 6.2. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

#define ETH_HEADER	14
#define TAG_BYTES	4
#define FRAME_MAX	(ETH_HEADER + TAG_BYTES + 65535)
#define FRAME_HDR	((unsigned int)sizeof(struct virtio_net_hdr_v1))
/* Datagrams and segments that one frame may stand for. */
#define DATAGRAMS_MAX	128
#define SEGMENT_MIN	48
#define VLAN_ID(tci)	((tci) & 0xfff)

struct frame {
	unsigned int refs;
	bool pooled;			/* in a buffer for receiving: frame_keep() before it is kept */
	uint8_t gso;			/* VIRTIO_NET_HDR_GSO_..., without ECN */
	uint8_t l4;			/* of a GSO frame: offset of TCP or UDP's header */
	uint16_t payload;		/* of a GSO frame: offset of what is segmented */
	uint16_t tci;			/* VLAN and priority; never 0 inside of the switch */
	uint32_t len;			/* without tag and FCS */
	uint32_t size;			/* memory that it takes */
	struct virtio_net_hdr_v1 hdr;
	uint8_t *data;
	uint8_t room[];
};

/* What is not passed on, and why. */
enum drop {
	DROP_NONE,
	DROP_LENGTH,			/* no Ethernet frame */
	DROP_HEADER,			/* an offload header that is not true */
	DROP_SOURCE,			/* a group's or another member's address as its source */
	DROP_MTU,
	DROP_VLAN,			/* not one of the port's */
	DROP_QUEUE,			/* the member does not read */
	DROP_MEMORY,
	DROP_NR
};

struct vlan_rule {
	uint16_t native;		/* of untagged frames, 0: they are not taken */
	bool is_trunk;
	uint8_t tagged[4096 / 8];
};

/* Room for @len bytes; NULL without memory. */
struct frame *frame_new(uint32_t len);
struct frame *frame_copy(const struct frame *f);
struct frame *frame_get(struct frame *f);
void frame_put(struct frame *f);
/* A reference that may be kept: of a copy, if the buffer is too good for it. */
struct frame *frame_keep(struct frame *f);

bool vlan_allows(const struct vlan_rule *rule, uint16_t vlan);
/* Whether frames of this VLAN have a tag on this port. */
static inline bool vlan_tagged(const struct vlan_rule *rule, uint16_t vlan)
{
	return rule->native != vlan;
}

/**
 * frame_admit() - a message from a member becomes a frame, or a reason not to
 * @f: data and hdr as they were received, @f->len bytes of data
 * @mtu: no packet on any cable is longer
 */
enum drop frame_admit(struct frame *f, const struct vlan_rule *rule, unsigned int mtu);

/* Packets on the wire, and their bytes from address to payload. */
unsigned int frame_packets(const struct frame *f);
uint64_t frame_wire_bytes(const struct frame *f);

/* Ones' complement sum, to be continued; and a sum's 16 bits. */
uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len);
uint16_t csum_fold(uint64_t sum);
/* The checksum of a packet whose bytes from csum_start on have that sum. */
uint16_t csum_finish(uint64_t sum, unsigned int csum_offset);

/* Completes a checksum that was left to the receiver, in a frame of the caller's own. */
void frame_complete(struct frame *f);

#endif
