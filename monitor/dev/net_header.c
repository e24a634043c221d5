// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers of frames from the host's side: what the driver did not accept must
 * not reach it (virtio 1.2, section 5.1.6.4).
 */
#include <endian.h>
#include <netinet/udp.h>
#include <stddef.h>

#include "base/iov.h"
#include "base/mutation.h"
#include "dev/net.h"

/* Return: the features of which the driver must have one for this type. */
static uint64_t gso_features(uint8_t type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return 1ULL << VIRTIO_NET_F_GUEST_TSO4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return 1ULL << VIRTIO_NET_F_GUEST_TSO6;
#ifdef VIRTIO_NET_HDR_GSO_UDP_L4
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return NET_GUEST_USO;
#endif
	}
	return 0;
}

static bool gso_check(const struct virtio_net_hdr_v1 *hdr, uint64_t offloads)
{
	if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN && !(offloads >> VIRTIO_NET_F_GUEST_ECN & 1))
		return false;
	if (!(gso_features(hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) & offloads))
		return false;
	if (!(offloads >> VIRTIO_NET_F_GUEST_CSUM & 1))
		return false;
	return hdr->gso_size && hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

bool net_header_check(struct virtio_net_hdr_v1 *hdr, uint64_t offloads, uint32_t len,
		      bool *complete)
{
	*complete = false;
	if (MUTATION_DEVICE_HEADER)
		return true;
	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    le16toh(hdr->csum_start) + le16toh(hdr->csum_offset) + 2U > len)
		return false;
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		hdr->gso_size = 0;
	else if (!gso_check(hdr, offloads))
		return false;
	if (le16toh(hdr->hdr_len) > len)
		hdr->hdr_len = 0;
	if (!(offloads >> VIRTIO_NET_F_GUEST_CSUM & 1)) {
		*complete = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr->flags = 0;
	}
	return true;
}

void net_header_complete(const struct virtio_net_hdr_v1 *hdr, const struct iovec *iov,
			 unsigned int n, uint32_t off, uint32_t len)
{
	uint32_t start = le16toh(hdr->csum_start), pos = start;
	uint8_t piece[512];
	uint64_t sum = 0;
	uint16_t be;

	while (pos < len) {
		size_t i, got = iov_read(iov, n, off + pos, piece, min_t(uint32_t, sizeof(piece), len - pos));

		if (!got)
			return;
		/* Pieces are of even length, but for the last. */
		for (i = 0; i < got; i++)
			sum += (uint32_t)piece[i] << (i % 2 ? 0 : 8);
		pos += got;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	/* 0 says that there is none, in UDP. In TCP it has to be 0: RFC 1624. */
	be = htobe16(~sum);
	if (!be && le16toh(hdr->csum_offset) == offsetof(struct udphdr, check))
		be = 0xffff;
	iov_write(iov, n, off + start + le16toh(hdr->csum_offset), &be, sizeof(be));
}
