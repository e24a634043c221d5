// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk (virtio 1.2, section 5.2). One queue; requests are done in order
 * in the device's thread. What the host refuses becomes VIRTIO_BLK_S_IOERR.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "base/bucket.h"
#include "base/iov.h"
#include "base/log.h"
#include "base/util.h"
#include "dev/dev.h"
#include "image/image.h"

#define BLK_QUEUE_SIZE		256
#define BLK_SEG_MAX		(VIRTQ_SEGS_MAX - 2)	/* header and status */
#define BLK_RANGES_MAX		32			/* of one discard */
#define BLK_RANGE_SECTORS	(1u << 22)		/* 2 GiB */

#define BLK_FEATURES_RO		(1ULL << VIRTIO_BLK_F_SEG_MAX | \
				 1ULL << VIRTIO_BLK_F_BLK_SIZE | \
				 1ULL << VIRTIO_BLK_F_FLUSH)
#define BLK_FEATURES_RW		(1ULL << VIRTIO_BLK_F_DISCARD | \
				 1ULL << VIRTIO_BLK_F_WRITE_ZEROES)

struct blk {
	struct dev dev;
	struct image *img;
	char serial[VIRTIO_BLK_ID_BYTES];
	bool complained;
	struct bucket bytes, requests;
	struct virtq_chain chain;
	struct iovec data[VIRTQ_SEGS_MAX];
};

static struct blk *to_blk(struct dev *dev)
{
	return container_of(dev, struct blk, dev);
}

static const char *way_out(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "; free some space where it is kept, for an ephemeral overlay in $TMPDIR or /var/tmp";
	case EFBIG:
		return "; raise the limit of file sizes (ulimit -f)";
	}
	return "";
}

static uint8_t blk_status(struct blk *blk, int ret)
{
	if (!ret)
		return VIRTIO_BLK_S_OK;
	/* Say once why; the guest only learns that it failed. */
	if (!blk->complained && ret != -EINVAL && ret != -EROFS) {
		blk->complained = true;
		log_warn("disk %.*s: %s: the guest sees I/O errors%s", (int)sizeof(blk->serial),
			 blk->serial, strerror(-ret), way_out(-ret));
	}
	return VIRTIO_BLK_S_IOERR;
}

/* Writes are durable when done unless the driver knows how to flush. */
static int blk_write_through(struct blk *blk)
{
	if (dev_has(&blk->dev, VIRTIO_BLK_F_FLUSH))
		return 0;
	return image_flush(blk->img);
}

/* Reads and writes. @len: bytes of @n parts in blk->data. */
static uint8_t blk_rw(struct blk *blk, bool write, uint64_t sector,
		      unsigned int n, uint64_t len)
{
	int ret;

	if (len % IMAGE_SECTOR || sector > blk->img->size / IMAGE_SECTOR)
		return VIRTIO_BLK_S_IOERR;
	if (!write)
		return blk_status(blk, image_preadv(blk->img, blk->data, n,
						    sector * IMAGE_SECTOR));
	ret = image_pwritev(blk->img, blk->data, n, sector * IMAGE_SECTOR);
	if (!ret)
		ret = blk_write_through(blk);
	return blk_status(blk, ret);
}

static uint8_t blk_range(struct blk *blk, bool zero,
			 const struct virtio_blk_discard_write_zeroes *r)
{
	uint64_t sector = le64toh(r->sector);
	uint64_t len = (uint64_t)le32toh(r->num_sectors) * IMAGE_SECTOR;
	uint32_t flags = le32toh(r->flags);
	bool unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

	if (flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP || (unmap && !zero))
		return VIRTIO_BLK_S_UNSUPP;
	if (sector > blk->img->size / IMAGE_SECTOR ||
	    len > (uint64_t)BLK_RANGE_SECTORS * IMAGE_SECTOR)
		return VIRTIO_BLK_S_IOERR;

	sector *= IMAGE_SECTOR;
	return blk_status(blk, zero ?
			  image_write_zeroes(blk->img, sector, len, unmap) :
			  image_discard(blk->img, sector, len));
}

static uint8_t blk_ranges(struct blk *blk, bool zero, unsigned int n,
			  uint64_t len)
{
	struct virtio_blk_discard_write_zeroes r[BLK_RANGES_MAX];
	uint8_t status = VIRTIO_BLK_S_OK;
	unsigned int i;

	if (blk->img->readonly || !len || len % sizeof(r[0]) || len > sizeof(r))
		return VIRTIO_BLK_S_IOERR;

	iov_read(blk->data, n, 0, r, len);
	for (i = 0; i < len / sizeof(r[0]) && status == VIRTIO_BLK_S_OK; i++)
		status = blk_range(blk, zero, &r[i]);
	if (status == VIRTIO_BLK_S_OK && zero)
		status = blk_status(blk, blk_write_through(blk));
	return status;
}

/*
 * Does the request in blk->chain. The framing of a request into descriptors is
 * the driver's choice (2.7.4): a header of 16 bytes, data, one status byte.
 * Return: bytes written to the chain, or -EPROTO for what is no request.
 */
static int64_t blk_request(struct blk *blk)
{
	struct virtq_chain *c = &blk->chain;
	const struct iovec *in = c->iov + c->nr_out;
	struct virtio_blk_outhdr hdr;
	uint64_t out_len, in_len, written = 0;
	unsigned int out, n;
	uint8_t status;

	if (iov_read(c->iov, c->nr_out, 0, &hdr, sizeof(hdr)) < sizeof(hdr) ||
	    !c->in_len)
		return -EPROTO;
	out_len = c->out_len - sizeof(hdr);
	in_len = c->in_len - 1;

	switch (le32toh(hdr.type)) {
	case VIRTIO_BLK_T_IN:
		dev_count(&blk->dev, in, 1);
		dev_count(&blk->dev, in_bytes, in_len);
		n = iov_slice(blk->data, in, c->nr_in, 0, in_len);
		status = blk_rw(blk, false, le64toh(hdr.sector), n, in_len);
		if (status == VIRTIO_BLK_S_OK)
			written = in_len;
		break;
	case VIRTIO_BLK_T_OUT:
		dev_count(&blk->dev, out, 1);
		dev_count(&blk->dev, out_bytes, out_len);
		out = iov_slice(blk->data, c->iov, c->nr_out, sizeof(hdr), out_len);
		status = blk_rw(blk, true, le64toh(hdr.sector), out, out_len);
		break;
	case VIRTIO_BLK_T_FLUSH:
		status = blk_status(blk, image_flush(blk->img));
		break;
	case VIRTIO_BLK_T_GET_ID:
		written = iov_write(in, c->nr_in, 0, blk->serial,
				    min_t(uint64_t, in_len, sizeof(blk->serial)));
		status = VIRTIO_BLK_S_OK;
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		out = iov_slice(blk->data, c->iov, c->nr_out, sizeof(hdr), out_len);
		status = blk_ranges(blk, le32toh(hdr.type) == VIRTIO_BLK_T_WRITE_ZEROES,
				    out, out_len);
		break;
	default:
		status = VIRTIO_BLK_S_UNSUPP;
	}
	if (status == VIRTIO_BLK_S_IOERR)
		dev_count(&blk->dev, dropped, 1);
	iov_write(in, c->nr_in, in_len, &status, 1);
	return written + 1;
}

/* Milliseconds that the next request has to wait for. What is left at the guest's end does not wait. */
static int blk_wait(struct blk *blk)
{
	int bytes, requests;
	uint64_t now;

	if ((!blk->bytes.rate && !blk->requests.rate) || load_acquire(blk->dev.stopping))
		return 0;
	now = clock_ns();
	if (bucket_ready(&blk->bytes, now) && bucket_ready(&blk->requests, now))
		return 0;
	bytes = bucket_wait(&blk->bytes);
	requests = bucket_wait(&blk->requests);
	return bytes > requests ? bytes : requests;
}

static void blk_account(struct blk *blk)
{
	bucket_take(&blk->bytes, blk->chain.out_len + blk->chain.in_len);
	bucket_take(&blk->requests, 1);
}

static void blk_kick(struct dev *dev, unsigned int q)
{
	struct blk *blk = to_blk(dev);
	struct virtq *vq = &dev->vq[q];
	unsigned int budget = BLK_QUEUE_SIZE;

	for (; budget; budget--) {
		int ms = blk_wait(blk);
		int64_t len;

		if (ms) {
			dev_again_later(dev, q, ms);
			break;
		}
		dev_adaptive_poll(dev, q);
		if (virtq_getchain(vq, &blk->chain) <= 0)
			break;
		len = blk_request(blk);
		blk_account(blk);
		if (len < 0) {
			vq->broken = "a request without header or status";
			return;
		}
		virtq_relchain(vq, &blk->chain, len);
		/* The next request may take long; the guest need not wait. */
		dev_queue_done(dev, q);
	}
	/* Who refills it all the time must not keep us from control. */
	if (!budget)
		dev_again(dev, q);
}

static void blk_destroy(struct dev *dev)
{
	struct blk *blk = to_blk(dev);

	image_close(blk->img);
	free(blk);
}

static const struct dev_ops blk_ops = {
	.name = "blk",
	.id = VIRTIO_ID_BLOCK,
	.kick = blk_kick,
	.destroy = blk_destroy,
};

int dev_blk_create(struct image *img, const char serial[20], const struct dev_blk_limits *limits, struct dev **dev,
		   struct r3_err *err)
{
	struct virtio_blk_config config = {
		.capacity = htole64(img->size / IMAGE_SECTOR),
		.seg_max = htole32(BLK_SEG_MAX),
		.blk_size = htole32(IMAGE_SECTOR),
		.max_discard_sectors = htole32(BLK_RANGE_SECTORS),
		.max_discard_seg = htole32(BLK_RANGES_MAX),
		.discard_sector_alignment = htole32(4096 / IMAGE_SECTOR),
		.max_write_zeroes_sectors = htole32(BLK_RANGE_SECTORS),
		.max_write_zeroes_seg = htole32(BLK_RANGES_MAX),
		.write_zeroes_may_unmap = 1,
	};
	struct blk *blk = calloc(1, sizeof(*blk));

	if (!blk)
		return err_set(err, ENOMEM, "no memory for a disk");
	blk->img = img;
	memcpy(blk->serial, serial, sizeof(blk->serial));
	/* What was not used may be made up for, for a tenth of a second. */
	bucket_set(&blk->bytes, limits->bytes, limits->bytes / 10);
	bucket_set(&blk->requests, limits->requests, limits->requests / 10);
	dev_init(&blk->dev, &blk_ops, BLK_FEATURES_RO |
		 (img->readonly ? 1ULL << VIRTIO_BLK_F_RO : BLK_FEATURES_RW));
	blk->dev.nr_queues = 1;
	blk->dev.queue_size[0] = BLK_QUEUE_SIZE;
	dev_config_set(&blk->dev, 0, &config, sizeof(config));
	*dev = &blk->dev;
	return 0;
}
