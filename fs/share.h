/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shared folder: what was asked for it, and all state of its server. */
#ifndef R3_FS_SHARE_H
#define R3_FS_SHARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum share_cache {
	SHARE_AUTO,			/* what others change is seen on open, and within a second */
	SHARE_ALWAYS,			/* nobody else writes */
	SHARE_NONE,			/* nothing is kept */
};

struct hide;
struct inodes;
struct files;
struct locks;

struct share {
	int root_fd;			/* O_PATH: the folder */
	int proc_fd;			/* O_PATH: /proc/self/fd, and the working directory */
	bool ro;
	struct hide *hide;		/* NULL: all of the folder is shown; else it is a host's root */
	bool no_ids;			/* a user namespace hides whose files are */
	bool host_locks;		/* the guest's locks are the host's too */
	enum share_cache cache;
	uid_t uid;			/* as whose the guest sees files of own_uid */
	gid_t gid;
	uid_t own_uid;			/* who serves */
	gid_t own_gid;
	dev_t dev;			/* of the folder */
	unsigned int max_fds;		/* descriptors for inodes, files and locks, all together */
	unsigned int max_inodes;

	struct inodes *inodes;
	struct files *files;
	struct locks *locks;
	/* A request reads; one that begins or ends the session writes. */
	pthread_rwlock_t session;
	bool begun;			/* INIT was answered */
	bool no_xattr;			/* the host's file system has none: see owner.c */
	uint32_t max_write;
};

#endif
