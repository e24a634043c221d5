/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device that is attached while a guest runs: what it needs of the host, opened
 * outside of the guest's jail, and the request by which the monitor gets it.
 */
#ifndef R3_PLUGDEV_H
#define R3_PLUGDEV_H

#include <json-c/json.h>

#include "diskopt.h"
#include "loop.h"
#include "net.h"
#include "vm/channel.h"

enum plugdev_kind { PLUGDEV_DISK, PLUGDEV_NET };

struct plugdev {
	enum plugdev_kind kind;
	char *text;			/* as the user has it; NULL: not open */
	const char *name;		/* whoever opened it keeps that */
	/* a disk */
	struct diskopt disk;
	struct channel_disk disk_spec;
	int fd;				/* the image, with its lock; -1 */
	/* a card */
	struct netopt *netopt;
	struct vm_config *vm;		/* of this one device */
	struct net *net;
	struct channel_net net_spec;
};

/* The key of a client's request, and of names: "disk", "net". NULL: there is no such kind. */
const char *plugdev_word(enum plugdev_kind kind);

/* guest: its name, for switches. 0, or -errno with err set and nothing left. */
int plugdev_open(struct plugdev *d, enum plugdev_kind kind, const char *text, const char *name, const char *guest, struct loop *loop,
		 struct r3_err *err);
void plugdev_close(struct plugdev *d);

/* A child has ended, it may be one of its. */
void plugdev_reap(struct plugdev *d);

/* How large files may be that it writes to. */
uint64_t plugdev_file_max(const struct plugdev *d);

/* Does the host keep what the guest writes to it? */
bool plugdev_keeps(const struct plugdev *d);

/* What the monitor is asked, with the descriptor that goes along. */
enum channel_op_nr plugdev_request(const struct plugdev *d, const void **body, size_t *len, int *fd);

/* Adds what is known of it. */
void plugdev_describe(const struct plugdev *d, struct json_object *o);

#endif
