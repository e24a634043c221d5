/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte ranges of scattered memory. Offsets count from the first byte of iov[0]. */
#ifndef R3_IOV_H
#define R3_IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

uint64_t iov_len(const struct iovec *iov, unsigned int n);

/**
 * iov_slice() - the parts of @iov that hold bytes @off up to @off + @len
 * @dst: room for @n entries; may be @iov itself
 *
 * Return: entries written; their lengths add up to less than @len only if @iov
 * ends before.
 */
unsigned int iov_slice(struct iovec *dst, const struct iovec *iov,
		       unsigned int n, uint64_t off, uint64_t len);

/* Copy, and fill. Return: bytes done, less than @len only if @iov ends before. */
size_t iov_read(const struct iovec *iov, unsigned int n, uint64_t off,
		void *buf, size_t len);
size_t iov_write(const struct iovec *iov, unsigned int n, uint64_t off,
		 const void *buf, size_t len);
size_t iov_zero(const struct iovec *iov, unsigned int n, uint64_t off,
		size_t len);

#endif
