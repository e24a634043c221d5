/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's locks as the host's, so that programs of the host and of other guests see
 * them (the share's option locks=host; else the guest's kernel has them for itself).
 *
 * Theory of operation. A lock of fcntl() is its process's: for each inode and owner there is a
 * descriptor of its own, and an open file description lock on that one; the host's kernel
 * does the rest. A lock of flock() is the open file's. One that has to wait takes no worker: its
 * chain is put aside, and a thread tries again until it has the lock, the guest interrupts it,
 * or the queue stops.
 */
#ifndef R3_FS_LOCK_H
#define R3_FS_LOCK_H

#include <fcntl.h>

#include "file.h"
#include "request.h"

int locks_init(struct share *s);
void locks_reset(struct share *s);
void locks_free(struct share *s);

/* An owner closes a descriptor of the file: all it holds there is gone. */
void locks_drop(struct share *s, struct inode *i, uint64_t owner);
/* The last descriptor of an open file is closed. */
void locks_released(struct share *s, struct file *f);

/* Tries. lk->l_type is F_UNLCK to release. -EAGAIN if somebody else holds it. */
int lock_set(struct share *s, struct inode *i, uint64_t owner, const struct flock *lk);
/* Who is in the way; F_UNLCK if nobody. */
int lock_test(struct share *s, struct inode *i, uint64_t owner, struct flock *lk);

/* Puts r aside until it has the lock. f: of flock(), with the operation; else NULL. 0 or -errno. */
int lock_wait(struct request *r, struct file *f, int op, uint64_t owner, const struct flock *lk);
void lock_interrupt(struct share *s, uint64_t unique);
/* A lock was given up, or became a weaker one: those that wait are tried again. */
void locks_changed(struct share *s);
/* Answers all that wait by this queue. */
void locks_stop(struct share *s, struct queue *q);

/* The thread that tries again; returns when the share ends. */
void *locks_thread(void *share);

#endif
