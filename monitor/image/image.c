// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/image.h"

#include <errno.h>

#include "base/iov.h"

static int check(const struct image *img, uint64_t off, uint64_t len,
		 bool write)
{
	if (len > img->size || off > img->size - len)
		return -EINVAL;
	if (write && img->readonly)
		return -EROFS;
	return 0;
}

int image_preadv(struct image *img, const struct iovec *iov, unsigned int n,
		 uint64_t off)
{
	uint64_t len = iov_len(iov, n);
	int ret = check(img, off, len, false);

	if (ret || !len)
		return ret;
	return img->ops->preadv(img, iov, n, off, len);
}

int image_pwritev(struct image *img, const struct iovec *iov, unsigned int n,
		  uint64_t off)
{
	uint64_t len = iov_len(iov, n);
	int ret = check(img, off, len, true);

	if (ret || !len)
		return ret;
	return img->ops->pwritev(img, iov, n, off, len);
}

int image_flush(struct image *img)
{
	return img->readonly ? 0 : img->ops->flush(img);
}

int image_discard(struct image *img, uint64_t off, uint64_t len)
{
	int ret = check(img, off, len, true);

	if (ret || !len)
		return ret;
	return img->ops->discard(img, off, len);
}

int image_write_zeroes(struct image *img, uint64_t off, uint64_t len,
		       bool unmap)
{
	int ret = check(img, off, len, true);

	if (ret || !len)
		return ret;
	return img->ops->write_zeroes(img, off, len, unmap);
}

void image_close(struct image *img)
{
	if (img)
		img->ops->close(img);
}
