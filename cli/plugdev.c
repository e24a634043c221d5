// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/util.h"
#include "image/image.h"
#include "message.h"
#include "qimage.h"

const char *plugdev_word(enum plugdev_kind kind)
{
	static const char *const words[] = { [PLUGDEV_DISK] = "disk", [PLUGDEV_NET] = "net" };

	return kind < ARRAY_SIZE(words) ? words[kind] : NULL;
}

/* ---- disks ---- */

static int open_disk(struct plugdev *d, struct r3_err *err)
{
	const char *serial;
	int ret = diskopt_parse(&d->disk, "--disk", d->text, err);

	if (ret)
		return ret;
	if (d->disk.path[0] != '/')
		return err_set(err, EINVAL, "the path %s is not absolute", d->disk.path);
	if (strcmp(d->disk.format, QIMAGE_RAW))
		return err_set(err, ENOTSUP, "%s: only raw images can be attached while the guest runs; give it to \"ring3 run\", or convert it: \"ring3 image convert\"", d->disk.path);
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

static int open_net(struct plugdev *d, const char *guest, struct loop *loop, struct r3_err *err)
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
	d->net = net_open(d->netopt, guest, d->vm, err);
	if (!d->net)
		return err->code;
	net_watch(d->net, loop, &net_ops, d);
	net = &d->vm->net[0];
	d->net_spec = (struct channel_net){ .stream = net->format == VM_NET_STREAM, .offload = net->offload, .mtu = net->mtu };
	memcpy(d->net_spec.mac, net->mac, sizeof(d->net_spec.mac));
	return 0;
}

/* ---- any ---- */

int plugdev_open(struct plugdev *d, enum plugdev_kind kind, const char *text, const char *name, const char *guest, struct loop *loop,
		 struct r3_err *err)
{
	int ret;

	*d = (struct plugdev){ .kind = kind, .text = strdup(text), .name = name, .fd = -1 };
	if (!d->text)
		return err_set(err, ENOMEM, "no memory for a device");
	ret = kind == PLUGDEV_DISK ? open_disk(d, err) : open_net(d, guest, loop, err);
	if (ret)
		plugdev_close(d);
	return ret;
}

void plugdev_close(struct plugdev *d)
{
	if (d->text && d->fd >= 0)
		close(d->fd);
	net_close(d->net);
	free(d->netopt);
	free(d->vm);
	free(d->text);
	*d = (struct plugdev){ .fd = -1 };
}

void plugdev_reap(struct plugdev *d)
{
	net_reap(d->net);
}

uint64_t plugdev_file_max(const struct plugdev *d)
{
	return d->text && d->kind == PLUGDEV_DISK && !d->disk_spec.readonly ? d->disk_spec.size : 0;
}

bool plugdev_keeps(const struct plugdev *d)
{
	return d->kind == PLUGDEV_DISK && !d->disk_spec.readonly;
}

enum channel_op_nr plugdev_request(const struct plugdev *d, const void **body, size_t *len, int *fd)
{
	if (d->kind == PLUGDEV_NET) {
		*body = &d->net_spec;
		*len = sizeof(d->net_spec);
		*fd = d->vm->net[0].fd;
		return CHANNEL_ATTACH_NET;
	}
	*body = &d->disk_spec;
	*len = sizeof(d->disk_spec);
	*fd = d->fd;
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
	json_object_object_add(o, "path", json_object_new_string(d->disk.path));
	json_object_object_add(o, "readonly", json_object_new_boolean(d->disk_spec.readonly));
}
