/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of a disk, whatever holds it. Knows nothing of virtio.
 *
 * Offsets and lengths are bytes; any alignment works. An operation that fails
 * part-way may have changed any part of its own range and nothing else, as a
 * real disk would. One thread uses an image.
 */
#ifndef R3_IMAGE_H
#define R3_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"

#define IMAGE_SECTOR	512

struct image;

/*
 * Ranges are inside the image and not empty; each returns 0 with all of it
 * done, or -errno.
 */
struct image_ops {
	int (*preadv)(struct image *img, const struct iovec *iov,
		      unsigned int n, uint64_t off, uint64_t len);
	int (*pwritev)(struct image *img, const struct iovec *iov,
		       unsigned int n, uint64_t off, uint64_t len);
	int (*flush)(struct image *img);
	/* The content is not needed; what is read afterwards may be anything. */
	int (*discard)(struct image *img, uint64_t off, uint64_t len);
	/* Reads as zero; @unmap: the space may be given back. */
	int (*write_zeroes)(struct image *img, uint64_t off, uint64_t len,
			    bool unmap);
	void (*close)(struct image *img);
};

struct image {
	const struct image_ops *ops;
	uint64_t size;			/* bytes, multiple of IMAGE_SECTOR */
	bool readonly;
};

/* Checked fronts of the ops: -EINVAL outside the image, -EROFS, 0 for nothing. */
int image_preadv(struct image *img, const struct iovec *iov, unsigned int n,
		 uint64_t off);
int image_pwritev(struct image *img, const struct iovec *iov, unsigned int n,
		  uint64_t off);
int image_flush(struct image *img);
int image_discard(struct image *img, uint64_t off, uint64_t len);
int image_write_zeroes(struct image *img, uint64_t off, uint64_t len,
		       bool unmap);
void image_close(struct image *img);

enum image_mode {
	IMAGE_RO,			/* read only, may be shared */
	IMAGE_RW,			/* written, by nobody else */
	IMAGE_COW,			/* read only, under an ephemeral overlay */
};

/**
 * image_open() - open a disk image and lock it
 * @path: regular file or block device
 *
 * The lock belongs to the descriptor (an open file description lock): it lasts
 * until the last copy of it is closed, in whatever process. IMAGE_RW excludes
 * everybody, the others exclude IMAGE_RW.
 *
 * Return: descriptor, or -errno with @err naming the way out.
 */
int image_open(const char *path, enum image_mode mode, struct r3_err *err);

/**
 * image_layer() - make the file of an ephemeral overlay
 * @dir: directory on a file system with room for what the guest writes
 *
 * Return: descriptor of an empty file without a name, or -errno.
 */
int image_layer(const char *dir, struct r3_err *err);

/**
 * image_raw_create() - the bytes of a file are the bytes of the disk
 * @fd: duplicated (so the lock lives on)
 * @name: for messages
 */
int image_raw_create(int fd, bool readonly, const char *name,
		     struct image **img, struct r3_err *err);

/*
 * The same of a descriptor whose size is known, which is the image's from then on: asks the
 * host for nothing. NULL: no memory, and the descriptor stays the caller's.
 */
struct image *image_raw_take(int fd, uint64_t size, bool readonly);

/**
 * image_cow_create() - a file that is only read, and a layer for the changes
 * @base_fd: duplicated
 * @cow_fd: duplicated; an empty file, or one that was this base's layer before,
 *	which then goes on from there
 */
int image_cow_create(int base_fd, int cow_fd, const char *name,
		     struct image **img, struct r3_err *err);

/* Size of the disk that @fd holds; complains about what cannot be a disk. */
int image_size(int fd, const char *name, uint64_t *size, struct r3_err *err);

#endif
