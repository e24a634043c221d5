// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/types.h>

#include "base/iov.h"
#include "base/util.h"

#define FILE_BATCH	256

static int transfer(int fd, const struct iovec *iov, unsigned int n,
		    uint64_t off, uint64_t len, bool write)
{
	uint64_t done = 0;

	while (done < len) {
		struct iovec part[FILE_BATCH];
		unsigned int count = 0, i;
		uint64_t skip = done;
		ssize_t ret;

		for (i = 0; i < n && skip >= iov[i].iov_len; i++)
			skip -= iov[i].iov_len;
		count = iov_slice(part, iov + i,
				  min_t(unsigned int, n - i, FILE_BATCH),
				  skip, len - done);
		ret = write ? pwritev(fd, part, count, off + done) :
			      preadv(fd, part, count, off + done);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -EIO;
		done += ret;
	}
	return 0;
}

int file_preadv(int fd, const struct iovec *iov, unsigned int n, uint64_t off,
		uint64_t len)
{
	return transfer(fd, iov, n, off, len, false);
}

int file_pwritev(int fd, const struct iovec *iov, unsigned int n,
		 uint64_t off, uint64_t len)
{
	return transfer(fd, iov, n, off, len, true);
}

int file_zero(int fd, uint64_t off, uint64_t len)
{
	static const char zeros[65536];
	struct iovec iov[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(iov); i++) {
		iov[i].iov_base = (void *)zeros;
		iov[i].iov_len = sizeof(zeros);
	}
	while (len) {
		uint64_t part = min_t(uint64_t, len, sizeof(zeros) * ARRAY_SIZE(iov));
		int ret = file_pwritev(fd, iov, ARRAY_SIZE(iov), off, part);

		if (ret)
			return ret;
		off += part;
		len -= part;
	}
	return 0;
}

int file_punch(int fd, uint64_t off, uint64_t len)
{
	int ret;

	do {
		ret = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				off, len);
	} while (ret < 0 && errno == EINTR);
	if (!ret)
		return 0;
	/* Old kernels and odd drivers say it in other words. */
	if (errno == ENOSYS || errno == ENODEV || errno == EINVAL || errno == EPERM)
		return -EOPNOTSUPP;
	return -errno;
}
