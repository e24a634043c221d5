// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/iov.h"

#include <string.h>

uint64_t iov_len(const struct iovec *iov, unsigned int n)
{
	uint64_t len = 0;

	while (n--)
		len += iov[n].iov_len;
	return len;
}

unsigned int iov_slice(struct iovec *dst, const struct iovec *iov,
		       unsigned int n, uint64_t off, uint64_t len)
{
	unsigned int i, count = 0;

	for (i = 0; i < n && len; i++) {
		struct iovec part = iov[i];

		if (off >= part.iov_len) {
			off -= part.iov_len;
			continue;
		}
		part.iov_base = (char *)part.iov_base + off;
		part.iov_len -= off;
		off = 0;
		if (part.iov_len > len)
			part.iov_len = len;
		len -= part.iov_len;
		dst[count++] = part;
	}
	return count;
}

enum iov_op { IOV_READ, IOV_WRITE, IOV_ZERO };

static size_t iov_copy(const struct iovec *iov, unsigned int n, uint64_t off,
		       char *buf, size_t len, enum iov_op op)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < n && done < len; i++) {
		size_t part = iov[i].iov_len;
		char *p = iov[i].iov_base;

		if (off >= part) {
			off -= part;
			continue;
		}
		p += off;
		part -= off;
		off = 0;
		if (part > len - done)
			part = len - done;

		if (op == IOV_READ)
			memcpy(buf + done, p, part);
		else if (op == IOV_WRITE)
			memcpy(p, buf + done, part);
		else
			memset(p, 0, part);
		done += part;
	}
	return done;
}

size_t iov_read(const struct iovec *iov, unsigned int n, uint64_t off,
		void *buf, size_t len)
{
	return iov_copy(iov, n, off, buf, len, IOV_READ);
}

size_t iov_write(const struct iovec *iov, unsigned int n, uint64_t off,
		 const void *buf, size_t len)
{
	return iov_copy(iov, n, off, (char *)buf, len, IOV_WRITE);
}

size_t iov_zero(const struct iovec *iov, unsigned int n, uint64_t off,
		size_t len)
{
	return iov_copy(iov, n, off, NULL, len, IOV_ZERO);
}
