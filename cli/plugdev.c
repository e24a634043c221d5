// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/util.h"
#include "confine.h"
#include "image/image.h"
#include "message.h"
#include "overlay.h"
#include "qimage.h"
#include "qsd.h"
#include "share.h"

const char *plugdev_word(enum plugdev_kind kind)
{
	static const char *const words[] = { [PLUGDEV_DISK] = "disk", [PLUGDEV_NET] = "net", [PLUGDEV_SHARE] = "share" };

	return kind < ARRAY_SIZE(words) ? words[kind] : NULL;
}

/* ---- what another process serves ---- */

static int open_vhosts(struct plugdev *d, struct r3_err *err)
{
	d->vm = calloc(1, sizeof(*d->vm));
	if (!d->vm)
		return err_set(err, ENOMEM, "no memory for a device");
	d->vhosts = vhosts_new(d->vm, err);
	if (!d->vhosts)
		return err->code;
	vhosts_tell(d->vhosts);
	return 0;
}

static int open_image(struct plugdev *d, const struct plugdev_guest *guest, struct r3_err *err)
{
	/* One more would be another thread of the guest's on the same lock of the daemon's. */
	const struct qsd_how how = { .queues = min_t(unsigned int, guest->cpus, CHANNEL_VHOST_QUEUES), .rate = d->disk.rate, .iops = d->disk.iops };
	struct vm_disk *disk;
	struct qimage img;
	int ret;

	if (guest->jail == JAIL_REQUIRE && !confine_has_files())
		return err_set(err, EPERM, "--jail=require: this host has no Landlock, so qemu-storage-daemon, which %s needs, could open any file of this user's; use raw images",
			       d->disk.path);
	ret = open_vhosts(d, err) ?: qimage_open(&img, d->disk.path, d->disk.format, d->disk.ro ? QIMAGE_READ : QIMAGE_WRITE, err);
	if (ret)
		return ret;
	ret = overlay_check_base(&img, err);
	if (ret) {
		qimage_close(&img);
		return ret;
	}
	disk = &d->vm->disk[d->vm->nr_disks++];
	*disk = (struct vm_disk){ .fd = -1, .cow_fd = -1, .readonly = d->disk.ro };
	snprintf(disk->path, sizeof(disk->path), "%.*s", (int)sizeof(disk->path) - 1, d->disk.path);
	d->vhost_spec = (struct channel_vhost){ .queues = how.queues, .readonly = d->disk.ro };
	snprintf(d->vhost_spec.name, sizeof(d->vhost_spec.name), "disk %.*s", (int)sizeof(d->vhost_spec.name) - 6, d->disk.path);
	return qsd_add(d->vhosts, 0, &img, &how, err);
}

static int open_share(struct plugdev *d, const struct plugdev_guest *guest, struct r3_err *err)
{
	struct channel_vhost *v = &d->vhost_spec;
	int ret = shareopt_parse(&d->share, d->text, err);

	if (ret)
		return ret;
	if (d->share.host[0] != '/')
		return err_set(err, EINVAL, "the path %s is not absolute", d->share.host);
	ret = shareopt_check(&d->share, 1, err) ?: open_vhosts(d, err) ?: share_plug(&d->share, d->name, guest->jail, d->vhosts, d->place, err);
	if (ret)
		return ret;
	*v = (struct channel_vhost){ .fs = 1, .queues = d->vm->vhost[0].queues };
	snprintf(v->tag, sizeof(v->tag), "%s", d->vm->vhost[0].tag);
	snprintf(v->name, sizeof(v->name), "%s", d->vm->vhost[0].name);
	return 0;
}

int plugdev_start(struct plugdev *d, int ram, struct r3_err *err)
{
	int ret;

	if (!d->vhosts)
		return 0;
	ret = vhosts_start(d->vhosts, err);
	if (ret)
		return ret;
	if (!d->watched)
		vhosts_watch(d->vhosts, d->loop);
	d->watched = true;
	return vrelay_open(&d->relay, d->loop, d->kind == PLUGDEV_SHARE ? d->vm->vhost[0].fd : d->vm->disk[0].fd, ram, &d->vhost_spec, err);
}

void plugdev_given(struct plugdev *d)
{
	if (d->vhosts)
		vrelay_given(&d->relay);
}

bool plugdev_end(struct plugdev *d)
{
	vrelay_close(&d->relay);
	vhosts_end(d->vhosts);
	return vhosts_ended(d->vhosts);
}

bool plugdev_ended(const struct plugdev *d)
{
	return vhosts_ended(d->vhosts);
}

void plugdev_ready(struct plugdev *d)
{
	vhosts_ready(d->vhosts);
}

const char *plugdev_failed(const struct plugdev *d)
{
	return vhosts_failed(d->vhosts);
}

/* ---- disks ---- */

static int open_disk(struct plugdev *d, const struct plugdev_guest *guest, struct r3_err *err)
{
	const char *serial;
	int ret = diskopt_parse(&d->disk, "--disk", d->text, err);

	if (ret)
		return ret;
	if (d->disk.path[0] != '/')
		return err_set(err, EINVAL, "the path %s is not absolute", d->disk.path);
	if (strcmp(d->disk.format, QIMAGE_RAW))
		return open_image(d, guest, err);
	d->fd = image_open(d->disk.path, d->disk.ro ? IMAGE_RO : IMAGE_RW, err);
	if (d->fd < 0)
		return d->fd;
	d->disk_spec = (struct channel_disk){ .rate = d->disk.rate, .iops = d->disk.iops, .readonly = d->disk.ro };
	serial = d->disk.serial[0] ? d->disk.serial : d->name;
	memcpy(d->disk_spec.serial, serial, strnlen(serial, sizeof(d->disk_spec.serial)));
	return image_size(d->fd, d->disk.path, &d->disk_spec.size, err);
}

/* ---- cards ---- */

static void net_ready(void *ctx)
{
}

static void net_failed(void *ctx, const char *why)
{
	message("%s", why);
}

static const struct net_ops net_ops = { .ready = net_ready, .failed = net_failed };

static int check_card(struct plugdev *d, struct r3_err *err)
{
	struct netopt_card *card = &d->netopt->card[0];

	if (d->netopt->none)
		return err_set(err, EINVAL, "--net none is no card");
	if (card->kind == NETOPT_NAT || (card->kind == NETOPT_PASST && !card->target[0]))
		return err_set(err, ENOTSUP, "--net %s: a card with a NAT is given to \"ring3 run\"; while the guest runs it can have cards of switches, tap devices and sockets", d->text);
	if (card->kind == NETOPT_FD)
		return err_set(err, ENOTSUP, "--net %s: descriptors are given to \"ring3 run\"", d->text);
	if (card->nr_ip || card->nr_gw || card->nr_dns)
		return err_set(err, ENOTSUP, "--net %s: addresses of a card that comes while the guest runs are set in the guest; leave ip=, gw= and dns= out", d->text);
	if (card->with_mac)
		return 0;
	/* The same after a reboot of the guest, which knows it by that. */
	if (getrandom(card->mac, sizeof(card->mac), 0) != sizeof(card->mac))
		return err_set(err, EIO, "the host has no random bytes for a MAC address");
	card->mac[0] = (card->mac[0] | 2) & ~1;
	card->with_mac = true;
	return 0;
}

static int open_net(struct plugdev *d, const struct plugdev_guest *guest, struct r3_err *err)
{
	const struct vm_net *net;
	int ret;

	d->netopt = calloc(1, sizeof(*d->netopt));
	d->vm = calloc(1, sizeof(*d->vm));
	if (!d->netopt || !d->vm)
		return err_set(err, ENOMEM, "no memory for a network card");
	ret = netopt_card(d->netopt, d->text, err) ?: check_card(d, err);
	if (ret)
		return ret;
	d->net = net_open(d->netopt, guest->name, d->vm, err);
	if (!d->net)
		return err->code;
	net_watch(d->net, guest->loop, &net_ops, d);
	net = &d->vm->net[0];
	d->net_spec = (struct channel_net){ .stream = net->format == VM_NET_STREAM, .offload = net->offload, .mtu = net->mtu };
	memcpy(d->net_spec.mac, net->mac, sizeof(d->net_spec.mac));
	return 0;
}

/* ---- any ---- */

int plugdev_open(struct plugdev *d, enum plugdev_kind kind, const char *text, const char *name, const struct plugdev_guest *guest,
		 struct r3_err *err)
{
	static int (*const open[])(struct plugdev *d, const struct plugdev_guest *guest, struct r3_err *err) = {
		[PLUGDEV_DISK] = open_disk, [PLUGDEV_NET] = open_net, [PLUGDEV_SHARE] = open_share,
	};
	int ret;

	*d = (struct plugdev){ .kind = kind, .text = strdup(text), .name = name, .loop = guest->loop, .fd = -1 };
	if (!d->text)
		return err_set(err, ENOMEM, "no memory for a device");
	ret = open[kind](d, guest, err);
	if (ret)
		plugdev_close(d, true);
	return ret;
}

void plugdev_close(struct plugdev *d, bool force)
{
	if (d->text && d->fd >= 0)
		close(d->fd);
	vrelay_close(&d->relay);
	vhosts_close(d->vhosts, force);
	shareopt_free(&d->share);
	net_close(d->net);
	free(d->netopt);
	free(d->vm);
	free(d->text);
	*d = (struct plugdev){ .fd = -1 };
}

void plugdev_reap(struct plugdev *d)
{
	net_reap(d->net);
	vhosts_reap(d->vhosts);
}

uint64_t plugdev_file_max(const struct plugdev *d)
{
	return d->text && d->kind == PLUGDEV_DISK && !d->vhosts && !d->disk_spec.readonly ? d->disk_spec.size : 0;
}

bool plugdev_keeps(const struct plugdev *d)
{
	return (d->kind == PLUGDEV_DISK && !d->disk.ro) || (d->kind == PLUGDEV_SHARE && !d->share.ro);
}

enum channel_op_nr plugdev_request(const struct plugdev *d, const void **body, size_t *len, int fds[CHANNEL_FDS_MAX], unsigned int *nr_fds)
{
	*nr_fds = 1;
	if (d->vhosts) {
		*body = &d->vhost_spec;
		*len = sizeof(d->vhost_spec);
		*nr_fds = vrelay_fds(&d->relay, fds);
		return CHANNEL_ATTACH_VHOST;
	}
	if (d->kind == PLUGDEV_NET) {
		*body = &d->net_spec;
		*len = sizeof(d->net_spec);
		fds[0] = d->vm->net[0].fd;
		return CHANNEL_ATTACH_NET;
	}
	*body = &d->disk_spec;
	*len = sizeof(d->disk_spec);
	fds[0] = d->fd;
	return CHANNEL_ATTACH_DISK;
}

void plugdev_describe(const struct plugdev *d, struct json_object *o)
{
	json_object_object_add(o, "kind", json_object_new_string(plugdev_word(d->kind)));
	if (d->kind == PLUGDEV_NET) {
		struct json_object *cards = net_info(d->net);

		json_object_object_add(o, "card", json_object_get(json_object_array_get_idx(cards, 0)));
		json_object_put(cards);
		return;
	}
	if (d->kind == PLUGDEV_SHARE) {
		json_object_object_add(o, "path", json_object_new_string(d->share.host));
		json_object_object_add(o, "readonly", json_object_new_boolean(d->share.ro));
		return;
	}
	json_object_object_add(o, "path", json_object_new_string(d->disk.path));
	json_object_object_add(o, "readonly", json_object_new_boolean(d->disk.ro));
}
