/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest knows: an entry for each inode that it has looked up and not
 * forgotten, and for the directories above it.
 *
 * Theory of operation. An entry is (device, inode number), and the name in its
 * directory under which it was seen last. Descriptors (O_PATH) are a cache: one that
 * is needed and not there is opened again by that name, from the nearest
 * directory above that has one, and is taken only if it is the same inode; else
 * the guest gets ESTALE and looks the name up anew. An inode without a name, or
 * with others than the one that is known, keeps its descriptor (it is pinned).
 * Entries are bounded, descriptors too.
 *
 * Every function takes the table's lock itself. No system call that can wait is
 * made under it.
 */
#ifndef R3_FS_INODE_H
#define R3_FS_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "share.h"

/* What the guest is shown of an inode, besides what the host says: see owner.h. */
struct owner {
	uint32_t uid, gid;
	uint32_t mode;			/* with its type */
	uint32_t rdev;			/* as Linux encodes it for user space (new_encode_dev) */
};

struct inode {
	uint64_t nodeid;
	ino_t ino;
	dev_t dev;
	mode_t type;			/* S_IFMT, as the host has it */
	struct inode *parent;		/* NULL: the folder itself */
	char *name;			/* in parent */
	struct inode *next;		/* of the same bucket */
	struct inode *newer, *older;	/* while it has a descriptor that can be closed */
	uint64_t nlookup;		/* what the guest counts */
	uint32_t refs;			/* nlookup is not 0, entries below, requests at work */
	int fd;				/* -1: none */
	uint32_t fd_users;
	bool pinned, in_lru, hashed;
	bool kept;			/* forgotten, but where its owner is */

	/* Under the table's lock too, by inode_owner() and inode_set_owner(). */
	bool owner_known;
	bool owner_volatile;		/* it is nowhere else */
	struct owner owner;
	struct timespec owner_ctime;	/* of the inode when it was read */
	/* What its data was when the guest opened it last. */
	struct timespec data_mtime, data_ctime;
	off_t data_size;
};

int inodes_init(struct share *s);
/* The guest has forgotten all. */
void inodes_reset(struct share *s);
void inodes_free(struct share *s);
unsigned int inodes_count(struct share *s);

/* With a reference; NULL if the guest cannot know it. */
struct inode *inode_get(struct share *s, uint64_t nodeid);
void inode_ref(struct share *s, struct inode *i);
void inode_put(struct share *s, struct inode *i);

/*
 * A descriptor that stays open until inode_fd_put(); -errno, -ESTALE where the name
 * leads to something else by now.
 */
int inode_fd(struct share *s, struct inode *i);
void inode_fd_put(struct share *s, struct inode *i);

/*
 * inode_found() - an entry for what @name in @parent is
 * @fd: O_PATH descriptor of it, which becomes the table's, or -1
 * @lookups: to add to what the guest counts: 1, or 0
 *
 * Return: with a reference; NULL if the table is full or memory is out.
 */
struct inode *inode_found(struct share *s, struct inode *parent, const char *name, int fd, const struct stat *st, unsigned int lookups);

/* If there is one. With a reference. */
struct inode *inode_known(struct share *s, const struct stat *st);

void inode_forget(struct share *s, uint64_t nodeid, uint64_t n);

/* It is called otherwise now. */
void inode_moved(struct share *s, struct inode *i, struct inode *parent, const char *name);

/* Its name is about to go: keeps a descriptor. */
void inode_pin(struct share *s, struct inode *i);

/* Copies what is kept; false if nothing is, or the inode has changed since. */
bool inode_owner(struct share *s, struct inode *i, const struct stat *st, struct owner *o);
void inode_set_owner(struct share *s, struct inode *i, const struct stat *st, const struct owner *o, bool is_volatile);

/* Whether the data is what it was at the last call; it is from now on. */
bool inode_same_data(struct share *s, struct inode *i, const struct stat *st);

/* For reopen.c. */
struct inodes {
	pthread_mutex_t lock;
	struct inode *root;
	struct inode **slot;		/* by the low half of nodeid; slot 0 is nobody's */
	uint32_t *free_slots;
	uint32_t nr_slots, used_slots, nr_free;
	struct inode **bucket;
	size_t nr_buckets;
	uint32_t nr, nr_kept;		/* entries; forgotten ones that are kept */
	uint32_t generation;
	struct inode lru;		/* newer: the one used last; older: the one that is closed first */
	unsigned int nr_fds;
};

void inodes_lock(struct share *s);
void inodes_unlock(struct share *s);
/* Of reopen.c: opens the inode anew. Called with the lock, which is released and taken again. */
int inode_reopen(struct share *s, struct inode *i);

#endif
