// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/devs.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "image/image.h"

#define VDEV_STRIDE	4096

static int make_console(struct devs *devs, const struct vm_config *cfg,
			int unused, struct dev **dev, struct r3_err *err)
{
	struct dev_port port[VM_MAX_PORTS];
	int i, ret;

	for (i = 0; i < cfg->nr_ports; i++) {
		port[i].fd = cfg->port[i].fd;
		port[i].name = cfg->port[i].name;
	}
	ret = dev_console_create(port, cfg->nr_ports, dev, err);
	if (!ret)
		devs->console = *dev;
	return ret;
}

static int make_rng(struct devs *devs, const struct vm_config *cfg,
		    int unused, struct dev **dev, struct r3_err *err)
{
	return dev_rng_create(dev, err);
}

static int make_vhost_disk(const struct vm_config *cfg, const struct vm_disk *disk, struct dev **dev,
			   struct r3_err *err)
{
	char name[sizeof(disk->path) + 8];
	const struct dev_vhost vhost = {
		.kind = DEV_VHOST_BLK, .fd = disk->fd, .name = name, .queues = cfg->cpus, .readonly = disk->readonly,
	};

	snprintf(name, sizeof(name), "disk %s", disk->path);
	return dev_vhost_create(&vhost, dev, err);
}

static int make_vhost(struct devs *devs, const struct vm_config *cfg, int i, struct dev **dev, struct r3_err *err)
{
	const struct vm_vhost *v = &cfg->vhost[i];
	const struct dev_vhost vhost = {
		.kind = v->kind == VM_VHOST_FS ? DEV_VHOST_FS : DEV_VHOST_BLK,
		.fd = v->fd, .name = v->name, .queues = v->queues ? v->queues : cfg->cpus,
		.readonly = v->readonly, .tag = v->tag,
	};

	return dev_vhost_create(&vhost, dev, err);
}

static int make_blk(struct devs *devs, const struct vm_config *cfg, int i,
		    struct dev **dev, struct r3_err *err)
{
	const struct vm_disk *disk = &cfg->disk[i];
	struct image *img;
	int ret;

	if (disk->vhost)
		return make_vhost_disk(cfg, disk, dev, err);
	if (disk->cow_fd >= 0)
		ret = image_cow_create(disk->fd, disk->cow_fd, disk->path, &img,
				       err);
	else
		ret = image_raw_create(disk->fd, disk->readonly, disk->path,
				       &img, err);
	if (ret)
		return ret;
	ret = dev_blk_create(img, disk->serial, &(struct dev_blk_limits){ disk->rate, disk->iops }, dev, err);
	if (ret)
		image_close(img);
	return ret;
}

static int make_net(struct devs *devs, const struct vm_config *cfg, int i,
		    struct dev **dev, struct r3_err *err)
{
	const struct vm_net *net = &cfg->net[i];
	struct dev_net card = {
		.fd = net->fd, .nr = i, .stream = net->format == VM_NET_STREAM,
		.offload = net->offload, .mtu = net->mtu,
	};

	memcpy(card.mac, net->mac, sizeof(card.mac));
	return dev_net_create(&card, dev, err);
}

static int make_vsock(struct devs *devs, const struct vm_config *cfg, int i, struct dev **dev, struct r3_err *err)
{
	return dev_vsock_create(cfg->vsock.fd, cfg->vsock.cid, dev, err);
}

static int make_balloon(struct devs *devs, const struct vm_config *cfg, int unused, struct dev **dev, struct r3_err *err)
{
	int ret = dev_balloon_create(cfg->mem_back, dev, err);

	if (!ret)
		devs->balloon = *dev;
	return ret;
}

static int count_console(const struct vm_config *cfg)
{
	return cfg->nr_ports > 0;
}

static int count_one(const struct vm_config *cfg)
{
	return 1;
}

static int count_disks(const struct vm_config *cfg)
{
	return cfg->nr_disks;
}

static int count_nets(const struct vm_config *cfg)
{
	return cfg->nr_nets;
}

static int count_vhosts(const struct vm_config *cfg)
{
	return cfg->nr_vhosts;
}

static int count_vsocks(const struct vm_config *cfg)
{
	return cfg->nr_vsocks;
}

/* Every kind of device; the order is that of the guest's numbers. */
static const struct {
	int (*count)(const struct vm_config *cfg);
	int (*make)(struct devs *devs, const struct vm_config *cfg, int i,
		    struct dev **dev, struct r3_err *err);
} table[] = {
	{ count_console, make_console },
	{ count_one, make_rng },
	{ count_disks, make_blk },
	{ count_nets, make_net },
	{ count_vhosts, make_vhost },
	{ count_vsocks, make_vsock },
	{ count_one, make_balloon },
};

static int start_one(struct devs *devs, struct dev *dev, const struct r3_boot *boot,
		     const struct dev_bus *bus, struct r3_err *err)
{
	char *page = (char *)boot->vdevs + (uint64_t)devs->nr * VDEV_STRIDE;

	return dev_start(dev, (struct r3_vdev *)page, devs->nr, bus, err);
}

int devs_start(struct devs *devs, const struct vm_config *cfg,
	       const struct guest_mem *mem, struct r3_boot *boot,
	       const struct dev_bus *how, struct r3_err *err)
{
	struct dev_bus bus = { .mem = mem, .raise = how->raise,
			       .enter = how->enter, .opaque = how->opaque };
	unsigned int kind;
	int i, ret = 0;

	memset(devs, 0, sizeof(*devs));
	for (kind = 0; kind < ARRAY_SIZE(table); kind++) {
		int n = table[kind].count(cfg);

		for (i = 0; i < n; i++) {
			struct dev *dev;

			if (devs->nr == R3_VDEV_MAX) {
				ret = err_set(err, EINVAL, "more than %d devices; use fewer disks or shares",
					      R3_VDEV_MAX);
				goto fail;
			}
			ret = table[kind].make(devs, cfg, i, &dev, err);
			if (ret)
				goto fail;
			ret = start_one(devs, dev, boot, &bus, err);
			if (ret) {
				dev_destroy(dev);
				goto fail;
			}
			devs->dev[devs->nr++] = dev;
		}
	}
	boot->nr_vdevs = devs->nr;
	return 0;

fail:
	devs_stop(devs, 0);
	return ret;
}

void devs_stop(struct devs *devs, int drain_ms)
{
	unsigned int i;

	for (i = 0; i < devs->nr; i++) {
		dev_stop(devs->dev[i], drain_ms);
		dev_destroy(devs->dev[i]);
	}
	memset(devs, 0, sizeof(*devs));
}

void devs_console_resize(struct devs *devs, unsigned int port,
			 unsigned int cols, unsigned int rows)
{
	if (devs->console)
		dev_console_resize(devs->console, port, cols, rows);
}
