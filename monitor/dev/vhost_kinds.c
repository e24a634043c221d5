// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is different between kinds of vhost-user devices: whose configuration space it
 * is. A disk's is the back end's, and is looked at; a shared folder's is ours.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_fs.h>
#include <stddef.h>
#include <string.h>

#include "dev/vhost.h"

#define BLK_QUEUE_SIZE		256
#define BLK_CONFIG_SIZE		(offsetof(struct virtio_blk_config, write_zeroes_may_unmap) + 4)
#define BLK_SECTOR		512
#define BLK_PHYSICAL_MAX	(1u << 20)
/* Long chains: a request of 1 MiB in pages of 4 KiB, and its headers. */
#define FS_QUEUE_SIZE		1024

uint64_t vhost_features(enum dev_vhost_kind kind)
{
	if (kind == DEV_VHOST_FS)
		return 0;
	return 1ULL << VIRTIO_BLK_F_SIZE_MAX | 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_RO |
	       1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_TOPOLOGY |
	       1ULL << VIRTIO_BLK_F_MQ | 1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
}

static int refuse(const struct dev_vhost *cfg, const char *what, struct r3_err *err)
{
	return err_set(err, EPROTO, "%s: its back end says that %s, which no disk can have", cfg->name, what);
}

/* Return: what is wrong with it, or NULL. */
static const char *blk_wrong(const struct vhost *vhost, const struct virtio_blk_config *c)
{
	uint64_t f = vhost->dev.features;
	uint32_t block = le32toh(c->blk_size);

	if (le64toh(c->capacity) > INT64_MAX / BLK_SECTOR)
		return "it is larger than 8 EiB";
	if (f >> VIRTIO_BLK_F_BLK_SIZE & 1 && (block < BLK_SECTOR || block > 4096 || block & (block - 1)))
		return "its blocks are neither of 512, 1024, 2048 nor 4096 bytes";
	if (f >> VIRTIO_BLK_F_SIZE_MAX & 1 && le32toh(c->size_max) < 4096)
		return "a page is too long for a request";
	if (f >> VIRTIO_BLK_F_SEG_MAX & 1 && !c->seg_max)
		return "a request has no parts";
	if (f >> VIRTIO_BLK_F_MQ & 1 && (!c->num_queues || le16toh(c->num_queues) > vhost->max_queues))
		return "it has another number of queues than it says elsewhere";
	if (f >> VIRTIO_BLK_F_TOPOLOGY & 1 &&
	    (c->physical_block_exp > 20 || (uint64_t)BLK_SECTOR << c->physical_block_exp > BLK_PHYSICAL_MAX))
		return "its physical blocks are larger than 1 MiB";
	if (f >> VIRTIO_BLK_F_DISCARD & 1 && (!c->max_discard_sectors || !c->max_discard_seg))
		return "it can discard, but nothing";
	if (f >> VIRTIO_BLK_F_WRITE_ZEROES & 1 && (!c->max_write_zeroes_sectors || !c->max_write_zeroes_seg))
		return "it can write zeroes, but none";
	return NULL;
}

int vhost_blk_setup(struct vhost *vhost, const struct dev_vhost *cfg, struct r3_err *err)
{
	struct vhost_user_config ask = { .size = BLK_CONFIG_SIZE }, got;
	const uint32_t size = offsetof(struct vhost_user_config, region) + BLK_CONFIG_SIZE;
	struct dev *dev = &vhost->dev;
	struct virtio_blk_config config;
	unsigned int q, n = 1;
	const char *wrong;

	if (!(vhost->protocol >> VHOST_USER_PROTOCOL_F_CONFIG & 1))
		return err_set(err, EPROTO, "%s: its back end cannot say how large it is: it is not one for disks", cfg->name);
	if (vhost_link_ask(&vhost->link, VHOST_USER_GET_CONFIG, &ask, size, &got, size))
		return -EIO;
	if (got.offset || got.size != BLK_CONFIG_SIZE)
		return err_set(err, EPROTO, "%s: its back end sent other parts of its configuration than it was asked for", cfg->name);
	memset(&config, 0, sizeof(config));
	memcpy(&config, got.region, BLK_CONFIG_SIZE);
	/* qemu-storage-daemon's word for "no limit". */
	if (!config.size_max)
		dev->features &= ~(1ULL << VIRTIO_BLK_F_SIZE_MAX);
	wrong = blk_wrong(vhost, &config);
	if (wrong)
		return refuse(cfg, wrong, err);
	if (cfg->readonly && !(dev->features >> VIRTIO_BLK_F_RO & 1))
		return err_set(err, EPROTO, "%s: it is to be read only, and its back end says that it may be written to", cfg->name);

	if (dev->features >> VIRTIO_BLK_F_MQ & 1)
		n = le16toh(config.num_queues);
	if (cfg->queues)
		n = min_t(unsigned int, n, cfg->queues);
	n = min_t(unsigned int, n, VHOST_MAX_QUEUES);
	config.num_queues = htole16(n);
	dev->nr_queues = n;
	for (q = 0; q < n; q++)
		dev->queue_size[q] = BLK_QUEUE_SIZE;
	/* A request of the driver's is never longer than the queue. */
	config.seg_max = htole32(min_t(uint32_t, le32toh(config.seg_max), BLK_QUEUE_SIZE - 2));
	dev_config_set(dev, 0, &config, BLK_CONFIG_SIZE);
	return 0;
}

int vhost_fs_setup(struct vhost *vhost, const struct dev_vhost *cfg, struct r3_err *err)
{
	struct virtio_fs_config config = { .num_request_queues = 0 };
	struct dev *dev = &vhost->dev;
	unsigned int q, n;
	size_t len = strlen(cfg->tag);

	if (!len || len > sizeof(config.tag))
		return err_set(err, EINVAL, "%s: a tag has 1 to %zu bytes", cfg->name, sizeof(config.tag));
	/* Without MQ a back end does not say how many it has; one is always there. */
	n = vhost->max_queues > 1 ? vhost->max_queues - 1 : 1;
	if (cfg->queues)
		n = min_t(unsigned int, n, cfg->queues);
	/* Who serves them when the back end has died waits for all of them. */
	n = min_t(unsigned int, n, (vhost->protocol & VHOST_INFLIGHT ? DEV_MAX_POLL : VHOST_MAX_QUEUES) - 1);
	memcpy(config.tag, cfg->tag, len);
	config.num_request_queues = htole32(n);
	/* Before those that carry requests, one for what must not wait behind them. */
	dev->nr_queues = 1 + n;
	for (q = 0; q < dev->nr_queues; q++)
		dev->queue_size[q] = FS_QUEUE_SIZE;
	dev_config_set(dev, 0, &config, sizeof(config));
	return 0;
}
