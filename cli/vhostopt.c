// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "values.h"
#include "vhostopt.h"

#define FORMS	"fs:SOCKET,tag=NAME or blk:SOCKET"

static int wrong(const char *text, const char *why, struct r3_err *err)
{
	return err_set(err, EINVAL, "--vhost-user %s: %s", text, why);
}

static int take_key(struct vm_vhost *dev, const char *text, const char *key, struct r3_err *err)
{
	if (dev->kind == VM_VHOST_BLK && !strcmp(key, "ro")) {
		dev->readonly = true;
		return 0;
	}
	if (dev->kind == VM_VHOST_FS && !strncmp(key, "tag=", 4)) {
		if (strlen(key + 4) >= sizeof(dev->tag))
			return wrong(text, "a tag has at most 36 bytes", err);
		strcpy(dev->tag, key + 4);
		return 0;
	}
	if (!strncmp(key, "queues=", 7))
		return value_number("vhost-user queues", key + 7, 1, 31, &dev->queues, err);
	return wrong(text, dev->kind == VM_VHOST_FS ? "keys for fs are tag= and queues=" :
		     "keys for blk are ro and queues=; the path of the socket has no comma", err);
}

int vhostopt_add(struct vhosts *v, const char *text, struct r3_err *err)
{
	cleanup_free char *copy = strdup(text);
	struct vhost_spec spec = { 0 };
	struct vm_vhost dev = { .fd = -1 };
	char *rest, *key;
	int ret;

	if (!copy)
		return err_set(err, ENOMEM, "no memory for --vhost-user");
	rest = copy;
	if (!strncmp(rest, "fs:", 3))
		dev.kind = VM_VHOST_FS;
	else if (!strncmp(rest, "blk:", 4))
		dev.kind = VM_VHOST_BLK;
	else
		return wrong(text, "give " FORMS, err);
	rest = strchr(rest, ':') + 1;
	spec.path = strsep(&rest, ",");
	if (!*spec.path)
		return wrong(text, "the socket that the back end listens on is missing: give " FORMS, err);
	while ((key = strsep(&rest, ","))) {
		ret = take_key(&dev, text, key, err);
		if (ret)
			return ret;
	}
	if (dev.kind == VM_VHOST_FS && !dev.tag[0])
		return wrong(text, "tag=NAME is missing, by which the guest mounts it: mount -t virtiofs NAME DIRECTORY", err);
	snprintf(dev.name, sizeof(dev.name), "--vhost-user %s", text);
	ret = vhosts_add(v, &dev, &spec, err);
	if (!ret)
		/* It has the path. */
		util_take_ptr(&copy);
	return ret;
}
