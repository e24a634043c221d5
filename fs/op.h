/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of FUSE requests: bytes of the answer in r->reply, or -errno. */
#ifndef R3_FS_OP_H
#define R3_FS_OP_H

#include "file.h"
#include "inode.h"
#include "owner.h"
#include "request.h"

/* op_init.c */
int op_init(struct request *r);
int op_destroy(struct request *r);

/* op_lookup.c */
int op_lookup(struct request *r);
int op_forget(struct request *r);
int op_batch_forget(struct request *r);
int op_readlink(struct request *r);

/* op_attr.c */
int op_getattr(struct request *r);
int op_setattr(struct request *r);
int op_statfs(struct request *r);
int op_access(struct request *r);

/* op_make.c */
int op_mknod(struct request *r);
int op_mkdir(struct request *r);
int op_symlink(struct request *r);
int op_link(struct request *r);
int op_create(struct request *r);
int op_tmpfile(struct request *r);

/* op_remove.c */
int op_unlink(struct request *r);
int op_rmdir(struct request *r);
int op_rename(struct request *r);
int op_rename2(struct request *r);

/* op_file.c */
int op_open(struct request *r);
int op_read(struct request *r);
int op_write(struct request *r);
int op_flush(struct request *r);
int op_release(struct request *r);
int op_fsync(struct request *r);
int op_fallocate(struct request *r);
int op_lseek(struct request *r);
int op_copy_file_range(struct request *r);
int op_syncfs(struct request *r);

/* op_dir.c */
int op_opendir(struct request *r);
int op_readdir(struct request *r);
int op_readdirplus(struct request *r);
int op_releasedir(struct request *r);
int op_fsyncdir(struct request *r);

/* op_xattr.c */
int op_setxattr(struct request *r);
int op_getxattr(struct request *r);
int op_listxattr(struct request *r);
int op_removexattr(struct request *r);

/* op_lock.c */
int op_getlk(struct request *r);
int op_setlk(struct request *r);
int op_interrupt(struct request *r);

/* ---- what several of them need ---- */

/* An inode at work: with a reference, and a descriptor (O_PATH). */
struct at {
	struct inode *inode;
	int fd;
};

/* 0 or -errno; at_put() in both cases. */
int at_get(struct request *r, uint64_t nodeid, struct at *at);
void at_put(struct request *r, struct at *at);
#define AT_NONE		((struct at){ .fd = -1 })

/*
 * lookup_child() - what a name in a directory is
 * @found: with a reference, and counted @lookups times as known to the guest
 */
int lookup_child(struct share *s, const struct at *dir, const char *name, unsigned int lookups, struct inode **found,
		 struct stat *st, struct owner *o);

/* Whether the guest is not shown what the name is. */
bool name_hidden(const struct share *s, const struct at *dir, const char *name, const struct stat *st);

void fill_attr(const struct share *s, const struct stat *st, const struct owner *o, struct fuse_attr *attr);
void fill_entry(const struct share *s, const struct inode *i, const struct stat *st, const struct owner *o, struct fuse_entry_out *out);

/* How the guest may open a file: flags of open() that are passed to the host. */
int open_flags(uint32_t flags);
/* An inode by its O_PATH descriptor: regular files only. Return: descriptor, or -errno. */
int open_again(int fd, int flags);
/* FOPEN_* of the answer. */
uint32_t open_answer(struct share *s, struct inode *i, int fd, uint32_t flags);

#endif
