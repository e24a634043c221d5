// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define TAG_8021Q	0x8100
#define KEEP_MIN	16384	/* a buffer this full is not copied but replaced */
#define EXTENSIONS_MAX	8

/* ---- memory ---- */

struct frame *frame_new(uint32_t len)
{
	struct frame *f = malloc(sizeof(*f) + len);

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->refs = 1;
	f->len = len;
	f->size = sizeof(*f) + len;
	f->data = f->room;
	return f;
}

struct frame *frame_copy(const struct frame *f)
{
	struct frame *copy = frame_new(f->len);

	if (!copy)
		return NULL;
	copy->gso = f->gso;
	copy->l4 = f->l4;
	copy->payload = f->payload;
	copy->tci = f->tci;
	copy->hdr = f->hdr;
	memcpy(copy->data, f->data, f->len);
	return copy;
}

struct frame *frame_get(struct frame *f)
{
	f->refs++;
	return f;
}

void frame_put(struct frame *f)
{
	if (f && !--f->refs)
		free(f);
}

struct frame *frame_keep(struct frame *f)
{
	if (f->pooled && f->len < KEEP_MIN)
		return frame_copy(f);
	f->pooled = false;
	return frame_get(f);
}

/* ---- VLANs ---- */

bool vlan_allows(const struct vlan_rule *rule, uint16_t vlan)
{
	return rule->native == vlan || (rule->is_trunk && rule->tagged[vlan / 8] & 1 << vlan % 8);
}

/* Takes the tag out of the frame. */
static enum drop classify(struct frame *f, const struct vlan_rule *rule)
{
	struct virtio_net_hdr_v1 *hdr = &f->hdr;
	uint16_t tci = 0, vlan;

	if (get16(f->data + 12) == TAG_8021Q) {
		if (f->len < ETH_HEADER + TAG_BYTES)
			return DROP_LENGTH;
		if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
			unsigned int start = le16toh(hdr->csum_start);

			if (start < ETH_HEADER + TAG_BYTES)
				return DROP_HEADER;
			hdr->csum_start = htole16(start - TAG_BYTES);
		}
		tci = get16(f->data + 14);
		memmove(f->data + TAG_BYTES, f->data, 12);
		f->data += TAG_BYTES;
		f->len -= TAG_BYTES;
		/* Without its outer tag it would be another VLAN's on the next cable. */
		if (get16(f->data + 12) == TAG_8021Q)
			return DROP_VLAN;
	}
	vlan = VLAN_ID(tci);
	/* VLAN 0 is a priority only. */
	if (!vlan)
		vlan = rule->native;
	else if (!rule->is_trunk)
		return DROP_VLAN;
	if (!vlan || vlan == 4095 || !vlan_allows(rule, vlan))
		return DROP_VLAN;
	f->tci = (tci & 0xf000) | vlan;
	return DROP_NONE;
}

/* ---- offload headers ---- */

struct layers {
	unsigned int l4;
	uint8_t proto;			/* of IP */
	unsigned int version;
};

static bool ipv4_layers(const struct frame *f, struct layers *l)
{
	const uint8_t *ip = f->data + ETH_HEADER;
	unsigned int header;

	if (f->len < ETH_HEADER + 20 || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 15) * 4;
	if (header < 20 || get16(ip + 2) != f->len - ETH_HEADER || get16(ip + 6) & 0x3fff)
		return false;
	*l = (struct layers){ .l4 = ETH_HEADER + header, .proto = ip[9], .version = 4 };
	return true;
}

static bool ipv6_layers(const struct frame *f, struct layers *l)
{
	const uint8_t *ip = f->data + ETH_HEADER;
	unsigned int at = ETH_HEADER + 40, i;
	uint8_t next;

	if (f->len < at || ip[0] >> 4 != 6 || get16(ip + 4) != f->len - at)
		return false;
	next = ip[6];
	for (i = 0; i < EXTENSIONS_MAX && (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS); i++) {
		if (f->len < at + 8)
			return false;
		next = f->data[at];
		at += (f->data[at + 1] + 1) * 8;
	}
	if (at > 255)
		return false;
	*l = (struct layers){ .l4 = at, .proto = next, .version = 6 };
	return true;
}

static bool find_layers(const struct frame *f, struct layers *l)
{
	switch (get16(f->data + 12)) {
	case 0x0800:
		return ipv4_layers(f, l);
	case 0x86dd:
		return ipv6_layers(f, l);
	}
	return false;
}

/* TCP's and UDP's header: where the checksum is, and where the payload. */
static bool find_payload(struct frame *f, const struct layers *l, unsigned int *csum_offset)
{
	const uint8_t *h = f->data + l->l4;
	unsigned int header;

	if (f->gso == VIRTIO_NET_HDR_GSO_UDP_L4) {
		if (l->proto != IPPROTO_UDP || f->len < l->l4 + 8 || get16(h + 4) != f->len - l->l4)
			return false;
		*csum_offset = 6;
		f->payload = l->l4 + 8;
		return f->len > f->payload;
	}
	if (l->proto != IPPROTO_TCP || l->version != (f->gso == VIRTIO_NET_HDR_GSO_TCPV4 ? 4 : 6) || f->len < l->l4 + 20)
		return false;
	header = (h[12] >> 4) * 4;
	*csum_offset = 16;
	f->payload = l->l4 + header;
	return header >= 20 && f->len > f->payload;
}

/* A frame that stands for several packets: which, and that each of them could be. */
static enum drop check_gso(struct frame *f, unsigned int mtu)
{
	struct virtio_net_hdr_v1 *hdr = &f->hdr;
	unsigned int size = le16toh(hdr->gso_size), csum_offset, packets;
	struct layers l;

	f->gso = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	if (f->gso != VIRTIO_NET_HDR_GSO_TCPV4 && f->gso != VIRTIO_NET_HDR_GSO_TCPV6 &&
	    hdr->gso_type != VIRTIO_NET_HDR_GSO_UDP_L4)
		return DROP_HEADER;
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !size)
		return DROP_HEADER;
	if (!find_layers(f, &l) || !find_payload(f, &l, &csum_offset))
		return DROP_HEADER;
	if (le16toh(hdr->csum_start) != l.l4 || le16toh(hdr->csum_offset) != csum_offset)
		return DROP_HEADER;
	if (f->payload - ETH_HEADER + size > mtu)
		return DROP_MTU;
	packets = (f->len - f->payload + size - 1) / size;
	if (f->gso == VIRTIO_NET_HDR_GSO_UDP_L4 ? packets > DATAGRAMS_MAX : size < SEGMENT_MIN)
		return DROP_HEADER;
	f->l4 = l.l4;
	hdr->hdr_len = htole16(f->payload);
	return DROP_NONE;
}

enum drop frame_admit(struct frame *f, const struct vlan_rule *rule, unsigned int mtu)
{
	struct virtio_net_hdr_v1 *hdr = &f->hdr;
	enum drop drop;

	f->gso = VIRTIO_NET_HDR_GSO_NONE;
	if (f->len < ETH_HEADER || f->len > FRAME_MAX)
		return DROP_LENGTH;
	drop = classify(f, rule);
	if (drop)
		return drop;
	if (f->data[6] & 1)
		return DROP_SOURCE;
	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;
	hdr->num_buffers = 0;
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return check_gso(f, mtu);
	hdr->gso_size = 0;
	hdr->hdr_len = 0;
	if (f->len - ETH_HEADER > mtu)
		return DROP_MTU;
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		unsigned int start = le16toh(hdr->csum_start), offset = le16toh(hdr->csum_offset);

		if (start < ETH_HEADER || start + offset + 2 > f->len)
			return DROP_HEADER;
	} else {
		hdr->csum_start = 0;
		hdr->csum_offset = 0;
	}
	return DROP_NONE;
}

/* ---- on the wire ---- */

unsigned int frame_packets(const struct frame *f)
{
	unsigned int size = le16toh(f->hdr.gso_size);

	return f->gso ? (f->len - f->payload + size - 1) / size : 1;
}

uint64_t frame_wire_bytes(const struct frame *f)
{
	return f->len + (uint64_t)(frame_packets(f) - 1) * f->payload;
}

/* ---- checksums ---- */

uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t more = 0;
	uint32_t word;
	uint16_t half;

	/* Sums of words in host order are sums of bytes in network order, swapped. */
	for (; len >= 4; len -= 4, p += 4) {
		memcpy(&word, p, 4);
		more += word;
	}
	if (len >= 2) {
		memcpy(&half, p, 2);
		more += half;
		p += 2;
		len -= 2;
	}
	if (len)
		more += *p;
	return sum + more;
}

uint16_t csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htobe16((uint16_t)sum);
}

uint16_t csum_finish(uint64_t sum, unsigned int csum_offset)
{
	uint16_t folded = ~csum_fold(sum);

	/* 0 says that there is none, in UDP. In TCP it has to be 0: RFC 1624. */
	return !folded && csum_offset == offsetof(struct udphdr, check) ? 0xffff : folded;
}

void frame_complete(struct frame *f)
{
	unsigned int start = le16toh(f->hdr.csum_start), offset = le16toh(f->hdr.csum_offset);

	if (!(f->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	put16(f->data + start + offset, csum_finish(csum_add(0, f->data + start, f->len - start), offset));
	f->hdr.flags = 0;
	f->hdr.csum_start = 0;
	f->hdr.csum_offset = 0;
}
