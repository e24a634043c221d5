/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system image of a tree, by libext2fs. It is on one open descriptor; no path is opened. */
#ifndef R3_UNPACK_EXT4_H
#define R3_UNPACK_EXT4_H

#include <stdint.h>

#include "tree.h"

#define EXT4_BLOCK		4096u

struct ext4;

/**
 * ext4_new() - an empty file system
 * @fd: an empty file, read and written
 * @id: 16 bytes, its UUID
 */
int ext4_new(struct ext4 **fs, int fd, uint64_t size, const uint8_t *id, struct r3_err *err);

/*
 * Data of one file after the other: any number of pieces, each behind the one before,
 * and the end. -ENOSPC: a larger file system may do.
 */
int ext4_data(struct ext4 *fs, struct node *node, const void *data, size_t len, uint64_t off, struct r3_err *err);
int ext4_data_end(struct ext4 *fs, struct node *node, uint64_t size, struct r3_err *err);

/* The blocks of a file are free again. */
void ext4_drop(void *fs, struct node *node);

/* The beginning of a file, as much as it has or there is room. Return: bytes, or -errno. */
ssize_t ext4_read(struct ext4 *fs, const struct node *node, void *data, size_t len);

/* Inodes, directories and all else of the file system. */
int ext4_finish(struct ext4 *fs, struct tree *tree, struct r3_err *err);
void ext4_free(struct ext4 *fs);

#endif
