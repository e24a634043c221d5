/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device that is attached while a guest runs: what it needs of the host, opened
 * outside of the guest's jail, and the request by which the monitor gets it.
 */
#ifndef R3_PLUGDEV_H
#define R3_PLUGDEV_H

#include <json-c/json.h>

#include "diskopt.h"
#include "jail/jail.h"
#include "loop.h"
#include "net.h"
#include "shareopt.h"
#include "vhosts.h"
#include "vm/channel.h"
#include "vrelay.h"

enum plugdev_kind { PLUGDEV_DISK, PLUGDEV_NET, PLUGDEV_SHARE };

struct plugdev {
	enum plugdev_kind kind;
	char *text;			/* as the user has it; NULL: not open */
	const char *name;		/* whoever opened it keeps that */
	struct loop *loop;
	/* a disk */
	struct diskopt disk;
	struct channel_disk disk_spec;
	int fd;				/* the image, with its lock; -1 */
	/* a card, and what another process serves */
	struct vm_config *vm;		/* of this one device */
	/* a card */
	struct netopt *netopt;
	struct net *net;
	struct channel_net net_spec;
	/* a shared folder, or a disk of another format than raw */
	struct vhosts *vhosts;		/* NULL: neither */
	bool watched;
	struct vrelay relay;
	struct channel_vhost vhost_spec;
	struct shareopt share;
	char place[PATH_MAX];		/* where a shared folder is in the guest */
};

/* The guest that it is for. */
struct plugdev_guest {
	const char *name;		/* for switches */
	struct loop *loop;
	enum jail_mode jail;
	unsigned int cpus;
};

/* The key of a client's request, and of names: "disk", "net", "share". NULL: there is no such kind. */
const char *plugdev_word(enum plugdev_kind kind);

/* 0, or -errno with err set and nothing left. */
int plugdev_open(struct plugdev *d, enum plugdev_kind kind, const char *text, const char *name, const struct plugdev_guest *guest,
		 struct r3_err *err);

/* force: whoever wants it gone does not wait for what was not written. */
void plugdev_close(struct plugdev *d, bool force);

/* For one life of a monitor, before plugdev_request(). ram: the guest's memory. 0, or -errno with err set. */
int plugdev_start(struct plugdev *d, int ram, struct r3_err *err);

/* The monitor has let it go. Return: whether it is over; else plugdev_reap() will see that it is. */
bool plugdev_end(struct plugdev *d);
bool plugdev_ended(const struct plugdev *d);

/* The guest has it: from now on messages say what goes wrong. */
void plugdev_ready(struct plugdev *d);

/* A child has ended, it may be one of its. */
void plugdev_reap(struct plugdev *d);

/* NULL, or why it will never be ready. */
const char *plugdev_failed(const struct plugdev *d);

/* How large files may be that the monitor writes to for it. */
uint64_t plugdev_file_max(const struct plugdev *d);

/* Does the host keep what the guest writes to it? */
bool plugdev_keeps(const struct plugdev *d);

/* What the monitor is asked, with the descriptors that go along. */
enum channel_op_nr plugdev_request(const struct plugdev *d, const void **body, size_t *len, int fds[CHANNEL_FDS_MAX], unsigned int *nr_fds);

/* The monitor was asked. */
void plugdev_given(struct plugdev *d);

/* Adds what is known of it. */
void plugdev_describe(const struct plugdev *d, struct json_object *o);

#endif
