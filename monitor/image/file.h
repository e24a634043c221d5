/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole transfers between files and scattered memory, for image formats. */
#ifndef R3_IMAGE_FILE_H
#define R3_IMAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * Transfer @len bytes at @off of @fd. @iov holds at least that many. Short
 * transfers are continued; a file that ends early is -EIO.
 */
int file_preadv(int fd, const struct iovec *iov, unsigned int n, uint64_t off,
		uint64_t len);
int file_pwritev(int fd, const struct iovec *iov, unsigned int n,
		 uint64_t off, uint64_t len);

/* Writes zero bytes. */
int file_zero(int fd, uint64_t off, uint64_t len);

/* Makes a hole. -EOPNOTSUPP where the file system has none. */
int file_punch(int fd, uint64_t off, uint64_t len);

#endif
