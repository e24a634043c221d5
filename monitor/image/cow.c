// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ephemeral overlay over an image that is only read.
 *
 * Theory of operation
 *
 * The layer is a sparse file as large as the image; a bitmap says for each
 * cluster which of the two files holds it. A write to part of a cluster that is
 * still the base's first copies the rest of it up, and sets the bit only when
 * all of that has succeeded: until then reads see the base, so a full host disk
 * fails requests and harms no data. The bitmap is also kept behind the image's
 * end in the layer, so a guest that reboots into a new monitor finds its disk
 * as it left it.
 *
 * A new cluster of the layer file is a hole, so zeros need not be copied. Only
 * after a failed write, or in a layer taken over, may there be something else;
 * then all is written.
 *
 * Nothing outlives the guest, so flush has nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/iov.h"
#include "base/util.h"
#include "image/file.h"
#include "image/image.h"

#define CLUSTER		65536ULL

struct cow {
	struct image img;
	int base;
	int layer;
	bool tainted;			/* the layer may hold more than the bitmap says */
	uint8_t *present;		/* a bit a cluster */
	uint64_t present_at;		/* where in the layer it is kept */
	char *buf;			/* CLUSTER bytes */
	struct iovec *part;		/* for slices of a request */
	unsigned int nr_part;
};

static struct cow *to_cow(struct image *img)
{
	return container_of(img, struct cow, img);
}

static bool is_present(const struct cow *cow, uint64_t cluster)
{
	return cow->present[cluster / 8] >> (cluster % 8) & 1;
}

/* How many of the @len bytes at @off are in the first one's cluster. */
static uint64_t cluster_part(const struct cow *cow, uint64_t off, uint64_t len)
{
	return min_t(uint64_t, len, CLUSTER - off % CLUSTER);
}

/* Makes cow->part hold @len bytes at @off of @iov. */
static int slice(struct cow *cow, const struct iovec *iov, unsigned int n,
		 uint64_t off, uint64_t len)
{
	if (n > cow->nr_part) {
		struct iovec *part = realloc(cow->part, n * sizeof(*part));

		if (!part)
			return -ENOMEM;
		cow->part = part;
		cow->nr_part = n;
	}
	return iov_slice(cow->part, iov, n, off, len);
}

static int cow_preadv(struct image *img, const struct iovec *iov,
		      unsigned int n, uint64_t off, uint64_t len)
{
	struct cow *cow = to_cow(img);
	uint64_t done = 0;

	while (done < len) {
		uint64_t pos = off + done;
		bool present = is_present(cow, pos / CLUSTER);
		uint64_t run = cluster_part(cow, pos, len - done);
		int ret;

		while (done + run < len &&
		       is_present(cow, (pos + run) / CLUSTER) == present)
			run += cluster_part(cow, pos + run, len - done - run);

		ret = slice(cow, iov, n, done, run);
		if (ret < 0)
			return ret;
		ret = file_preadv(present ? cow->layer : cow->base, cow->part,
				  ret, pos, run);
		if (ret)
			return ret;
		done += run;
	}
	return 0;
}

static bool all_zero(const char *p, size_t len)
{
	return !len || (!*p && !memcmp(p, p + 1, len - 1));
}

/* Copies @len bytes at @off, inside one cluster, from base to layer. */
static int copy_up(struct cow *cow, uint64_t off, uint64_t len)
{
	struct iovec iov = { .iov_base = cow->buf, .iov_len = len };
	int ret;

	if (!len)
		return 0;
	ret = file_preadv(cow->base, &iov, 1, off, len);
	if (ret || (!cow->tainted && all_zero(cow->buf, len)))
		return ret;
	return file_pwritev(cow->layer, &iov, 1, off, len);
}

/* Copies up what a write of @len bytes at @off leaves of the cluster at its @at. */
static int copy_rest(struct cow *cow, uint64_t at, uint64_t off, uint64_t len)
{
	uint64_t start = at / CLUSTER * CLUSTER;
	uint64_t end = min_t(uint64_t, start + CLUSTER, cow->img.size);
	int ret = 0;

	if (is_present(cow, at / CLUSTER))
		return 0;
	if (off > start)
		ret = copy_up(cow, start, off - start);
	if (!ret && off + len < end)
		ret = copy_up(cow, off + len, end - off - len);
	return ret;
}

/* The clusters of a write that has succeeded are the layer's. */
static int take_over(struct cow *cow, uint64_t off, uint64_t len)
{
	uint64_t c = off / CLUSTER, end = (off + len - 1) / CLUSTER + 1;

	while (c < end) {
		uint64_t first = c / 8;
		uint64_t n = min_t(uint64_t, (end - 1) / 8 - first + 1, CLUSTER);
		struct iovec iov = { .iov_base = cow->buf, .iov_len = n };
		int ret;

		memcpy(cow->buf, cow->present + first, n);
		for (; c < end && c / 8 < first + n; c++)
			cow->buf[c / 8 - first] |= 1 << (c % 8);
		if (!memcmp(cow->buf, cow->present + first, n))
			continue;
		ret = file_pwritev(cow->layer, &iov, 1, cow->present_at + first, n);
		if (ret)
			return ret;
		memcpy(cow->present + first, cow->buf, n);
	}
	return 0;
}

/* Only the first and the last cluster of a range can be written in part. */
static int copy_edges(struct cow *cow, uint64_t off, uint64_t len)
{
	int ret = copy_rest(cow, off, off, len);

	if (!ret && (off + len - 1) / CLUSTER != off / CLUSTER)
		ret = copy_rest(cow, off + len - 1, off, len);
	return ret;
}

static int cow_pwritev(struct image *img, const struct iovec *iov,
		       unsigned int n, uint64_t off, uint64_t len)
{
	struct cow *cow = to_cow(img);
	int ret;

	ret = copy_edges(cow, off, len);
	if (!ret)
		ret = file_pwritev(cow->layer, iov, n, off, len);
	if (!ret)
		ret = take_over(cow, off, len);
	if (ret)
		cow->tainted = true;
	return ret;
}

static int cow_flush(struct image *img)
{
	return 0;
}

static int cow_write_zeroes(struct image *img, uint64_t off, uint64_t len,
			    bool unmap)
{
	struct cow *cow = to_cow(img);
	int ret;

	ret = copy_edges(cow, off, len);
	if (!ret) {
		ret = file_punch(cow->layer, off, len);
		if (ret == -EOPNOTSUPP)
			ret = file_zero(cow->layer, off, len);
	}
	if (!ret)
		ret = take_over(cow, off, len);
	if (ret)
		cow->tainted = true;
	return ret;
}

/* Whole clusters become holes; for parts the copying would cost more. */
static int cow_discard(struct image *img, uint64_t off, uint64_t len)
{
	uint64_t start = (off + CLUSTER - 1) / CLUSTER * CLUSTER;
	uint64_t end = (off + len) / CLUSTER * CLUSTER;

	if (off + len == img->size)
		end = img->size;
	if (start >= end)
		return 0;
	return cow_write_zeroes(img, start, end - start, true);
}

static void cow_close(struct image *img)
{
	struct cow *cow = to_cow(img);

	if (cow->base >= 0)
		close(cow->base);
	if (cow->layer >= 0)
		close(cow->layer);
	free(cow->present);
	free(cow->buf);
	free(cow->part);
	free(cow);
}

static const struct image_ops cow_ops = {
	.preadv = cow_preadv,
	.pwritev = cow_pwritev,
	.flush = cow_flush,
	.discard = cow_discard,
	.write_zeroes = cow_write_zeroes,
	.close = cow_close,
};

/* Gets the bitmap from the layer, which may be new. */
static int load_present(struct cow *cow, uint64_t file_size)
{
	uint64_t clusters = (cow->img.size + CLUSTER - 1) / CLUSTER;
	uint64_t len = (clusters + 7) / 8;
	struct iovec iov = { .iov_len = len };

	cow->present = calloc(len, 1);
	if (!cow->present)
		return -ENOMEM;
	cow->present_at = clusters * CLUSTER;
	if (!file_size)
		return ftruncate(cow->layer, cow->present_at + len) ? -errno : 0;
	if (file_size != cow->present_at + len)
		return -EINVAL;
	cow->tainted = true;
	iov.iov_base = cow->present;
	return file_preadv(cow->layer, &iov, 1, cow->present_at, len);
}

int image_cow_create(int base_fd, int cow_fd, const char *name,
		     struct image **img, struct r3_err *err)
{
	struct cow *cow;
	struct stat st;
	uint64_t size;
	int ret;

	ret = image_size(base_fd, name, &size, err);
	if (ret)
		return ret;
	if (fstat(cow_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "the ephemeral overlay of disk image %s is not a file",
			       name);

	cow = calloc(1, sizeof(*cow));
	if (!cow)
		return err_set(err, ENOMEM, "no memory for disk image %s", name);
	cow->img.ops = &cow_ops;
	cow->img.size = size;
	cow->base = fcntl(base_fd, F_DUPFD_CLOEXEC, 0);
	cow->layer = fcntl(cow_fd, F_DUPFD_CLOEXEC, 0);
	cow->buf = malloc(CLUSTER);
	if (cow->base < 0 || cow->layer < 0 || !cow->buf)
		ret = -ENOMEM;
	else
		ret = load_present(cow, st.st_size);
	if (ret) {
		cow_close(&cow->img);
		if (ret == -EINVAL)
			return err_set(err, ret, "the ephemeral overlay is not one of disk image %s; give it an empty file",
				       name);
		return err_set(err, ret, "ephemeral overlay of disk image %s: %s",
			       name, strerror(-ret));
	}
	*img = &cow->img;
	return 0;
}
