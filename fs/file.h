/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guest has open: files and directories, by the number (fh) that it was given. */
#ifndef R3_FS_FILE_H
#define R3_FS_FILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "inode.h"

/* Entries of a directory that were read and not handed out yet. */
struct dir {
	pthread_mutex_t lock;
	int64_t next;			/* position of the entry at `at` */
	size_t at, len;
	_Alignas(8) char buf[32768];
};

struct file {
	int fd;
	struct inode *inode;
	uint64_t fh;
	unsigned int users;		/* and one for being open */
	bool open;
	struct dir *dir;		/* of a directory */
};

int files_init(struct share *s);
void files_reset(struct share *s);
void files_free(struct share *s);

/* Takes the descriptor, also on failure, and a reference to the inode. 0 or -errno. */
int file_open(struct share *s, struct inode *i, int fd, bool dir, uint64_t *fh);

/* With a reference; NULL if the guest has no such thing open. */
struct file *file_get(struct share *s, uint64_t fh, bool dir);
void file_put(struct share *s, struct file *f);

void file_close(struct share *s, uint64_t fh, bool dir);

#endif
