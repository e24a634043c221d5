// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw images: file offset = disk offset. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/iov.h"
#include "base/util.h"
#include "image/file.h"
#include "image/image.h"

/* A flush after as few writes as these is likely to come again. */
#define FEW_WRITES	16
#define PIECE		(256 << 10)	/* bytes that are written and started at once */
#define PIECE_PARTS	256

struct raw {
	struct image img;
	int fd;
	unsigned int writes;		/* since the last flush */
	bool flushed_soon;		/* that one came after few writes */
};

static struct raw *to_raw(struct image *img)
{
	return container_of(img, struct raw, img);
}

static int raw_preadv(struct image *img, const struct iovec *iov,
		      unsigned int n, uint64_t off, uint64_t len)
{
	return file_preadv(to_raw(img)->fd, iov, n, off, len);
}

/* Each piece goes to the host's disk while the next is copied. */
static int write_and_start(int fd, const struct iovec *iov, unsigned int n,
			   uint64_t off, uint64_t len)
{
	struct iovec part[PIECE_PARTS];
	uint64_t done, size;

	for (done = 0; done < len; done += size) {
		unsigned int count;
		int ret;

		size = min_t(uint64_t, len - done, PIECE);
		count = iov_slice(part, iov, n, done, size);
		ret = file_pwritev(fd, part, count, off + done, size);
		if (ret)
			return ret;
		/* Only a start: what fails is seen, and said, by the flush. */
		sync_file_range(fd, off + done, size, SYNC_FILE_RANGE_WRITE);
	}
	return 0;
}

static int raw_pwritev(struct image *img, const struct iovec *iov,
		       unsigned int n, uint64_t off, uint64_t len)
{
	struct raw *raw = to_raw(img);

	raw->writes++;
	if (raw->flushed_soon && raw->writes <= FEW_WRITES && n <= PIECE_PARTS)
		return write_and_start(raw->fd, iov, n, off, len);
	return file_pwritev(raw->fd, iov, n, off, len);
}

static int raw_flush(struct image *img)
{
	struct raw *raw = to_raw(img);

	raw->flushed_soon = raw->writes <= FEW_WRITES;
	raw->writes = 0;
	return fdatasync(raw->fd) ? -errno : 0;
}

static int raw_discard(struct image *img, uint64_t off, uint64_t len)
{
	int ret = file_punch(to_raw(img)->fd, off, len);

	/* A hint that nobody can take is still a hint. */
	return ret == -EOPNOTSUPP ? 0 : ret;
}

static int raw_write_zeroes(struct image *img, uint64_t off, uint64_t len,
			    bool unmap)
{
	int fd = to_raw(img)->fd;

	if (unmap && !file_punch(fd, off, len))
		return 0;
	if (!fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, off, len))
		return 0;
	return file_zero(fd, off, len);
}

static void raw_close(struct image *img)
{
	struct raw *raw = to_raw(img);

	close(raw->fd);
	free(raw);
}

static const struct image_ops raw_ops = {
	.preadv = raw_preadv,
	.pwritev = raw_pwritev,
	.flush = raw_flush,
	.discard = raw_discard,
	.write_zeroes = raw_write_zeroes,
	.close = raw_close,
};

struct image *image_raw_take(int fd, uint64_t size, bool readonly)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	if (!raw)
		return NULL;
	raw->fd = fd;
	raw->img.ops = &raw_ops;
	raw->img.size = size;
	raw->img.readonly = readonly;
	return &raw->img;
}

int image_raw_create(int fd, bool readonly, const char *name,
		     struct image **img, struct r3_err *err)
{
	cleanup_close int own = -1;
	uint64_t size;
	int ret;

	ret = image_size(fd, name, &size, err);
	if (ret)
		return ret;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return err_set(err, errno, "disk image %s: %s", name, strerror(errno));
	*img = image_raw_take(own, size, readonly);
	if (!*img)
		return err_set(err, ENOMEM, "no memory for disk image %s", name);
	util_take_fd(&own);
	return 0;
}
