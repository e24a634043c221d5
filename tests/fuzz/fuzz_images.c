// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Image formats, against a model in memory, on files whose host fails when the
 * input says so. The first byte chooses the format, the next the size. What an
 * operation promises (image/image.h): success is all of it; failure changes
 * nothing outside of its range; outside of the image is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/util.h"
#include "fuzz.h"
#include "image/image.h"

#define CLUSTER		65536u
#define IMAGE_MAX	(3 * CLUSTER + 512)
#define STEPS_MAX	64
#define IO_MAX		(2 * CLUSTER)

enum format { RAW, RAW_RO, COW, FORMATS };

static struct image *img;
static enum format format;
static int base = -1, layer = -1;
static uint64_t size;
static uint8_t model[IMAGE_MAX + 128], known[IMAGE_MAX + 128], io[IO_MAX + 1];

/* ---- a host that fails, see the --wrap options in meson.build ---- */

static unsigned int trouble_in;	/* calls until then; 0: never */
static uint8_t trouble;

static bool in_trouble(void)
{
	return trouble_in && !--trouble_in;
}

static ssize_t transfer_trouble(int fd, const struct iovec *iov, int n, off_t off, bool write)
{
	static const int errors[] = { EIO, ENOSPC, EINTR, EDQUOT };
	struct iovec first = iov[0];

	if (trouble & 4) {
		errno = errors[trouble & 3];
		return -1;
	}
	if (trouble & 8)
		return 0;
	/* A short one is no error. */
	first.iov_len = first.iov_len / 2 + 1;
	return write ? pwrite(fd, first.iov_base, first.iov_len, off) :
		       pread(fd, first.iov_base, first.iov_len, off);
}

ssize_t __real_preadv64(int fd, const struct iovec *iov, int n, off_t off);
ssize_t __real_pwritev64(int fd, const struct iovec *iov, int n, off_t off);
int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __real_fdatasync(int fd);
ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int n, off_t off);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t off);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fdatasync(int fd);

ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int n, off_t off)
{
	return in_trouble() ? transfer_trouble(fd, iov, n, off, false) : __real_preadv64(fd, iov, n, off);
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t off)
{
	return in_trouble() ? transfer_trouble(fd, iov, n, off, true) : __real_pwritev64(fd, iov, n, off);
}

int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
	static const int errors[] = { EOPNOTSUPP, ENOSPC, EINTR, EIO };

	if (!in_trouble())
		return __real_fallocate64(fd, mode, off, len);
	errno = errors[trouble & 3];
	return -1;
}

int __wrap_fdatasync(int fd)
{
	if (!in_trouble())
		return __real_fdatasync(fd);
	errno = EIO;
	return -1;
}

/* ---- operations ---- */

/* Where and how much: mostly inside, at times anything. */
static void range(struct input *in, uint64_t *off, uint64_t *len)
{
	uint8_t how = in8(in);

	if (how == 0xff) {
		*off = in64(in);
		*len = in64(in);
		return;
	}
	*off = how & 1 ? in32(in) % (size + 1) : in16(in) * 512u % size;
	*len = how & 2 ? in32(in) % (IO_MAX + 1) : 512u * (in8(in) + 1);
	if (how & 4)
		*len = size - *off < *len ? size - *off : *len;
}

static bool inside(uint64_t off, uint64_t len)
{
	return len <= size && off <= size - len;
}

static unsigned int scatter(struct input *in, struct iovec *iov, size_t len)
{
	unsigned int n = 0, want = in8(in) % 5;
	size_t done = 0;

	for (; n < want && done < len; n++) {
		size_t part = 1 + in16(in) % (len - done);

		iov[n] = (struct iovec){ io + done, part };
		done += part;
	}
	if (done < len)
		iov[n++] = (struct iovec){ io + done, len - done };
	return n;
}

static void compare(uint64_t off, uint64_t len)
{
	uint64_t i;

	if (!memcmp(io, model + off, len))
		return;
	for (i = 0; i < len; i++)
		must(!known[off + i] || io[i] == model[off + i]);
}

/* What is there is what shall be; what nobody could know is learnt. */
static void check_all(void)
{
	uint64_t off, part;

	trouble_in = 0;
	for (off = 0; off < size; off += part) {
		struct iovec iov = { .iov_base = io };

		part = size - off < IO_MAX ? size - off : IO_MAX;
		iov.iov_len = part;
		must(!image_preadv(img, &iov, 1, off));
		compare(off, part);
		memcpy(model + off, io, part);
		memset(known + off, 1, part);
	}
}

static void settle(int ret, uint64_t off, uint64_t len, const uint8_t *data, bool unspecified)
{
	if (format == RAW_RO) {
		must(ret);
		return;
	}
	if (!ret && data)
		memcpy(model + off, data, len);
	memset(known + off, !ret && !unspecified, len);
}

static void one_step(struct input *in)
{
	static uint8_t zeros[IMAGE_MAX];
	struct iovec iov[6];
	uint64_t off, len;
	uint8_t op = in8(in);
	unsigned int n;
	int ret;

	switch (op % 8) {
	case 0:
		trouble_in = in8(in) % 8;
		trouble = in8(in);
		return;
	case 1:
		check_all();
		return;
	case 2:
		ret = image_flush(img);
		must(!ret || ret == -EIO);
		return;
	}
	range(in, &off, &len);
	if (op % 8 < 6 && len > IO_MAX)
		len = IO_MAX;
	switch (op % 8) {
	case 3:
	case 4:
		n = scatter(in, iov, len);
		memset(io, in8(in), len);
		ret = image_pwritev(img, iov, n, off);
		if (!inside(off, len))
			must(ret == -EINVAL);
		else if (len)
			settle(ret, off, len, io, false);
		break;
	case 5:
		n = scatter(in, iov, len);
		memset(io, 0xee, len);
		ret = image_preadv(img, iov, n, off);
		if (!inside(off, len))
			must(ret == -EINVAL);
		else if (!ret)
			compare(off, len);
		break;
	case 6:
		ret = image_discard(img, off, len);
		if (!inside(off, len))
			must(ret == -EINVAL);
		else if (len)
			settle(ret, off, len, NULL, true);
		break;
	case 7:
		ret = image_write_zeroes(img, off, len, in8(in) & 1);
		if (!inside(off, len))
			must(ret == -EINVAL);
		else if (len)
			settle(ret, off, len, zeros, false);
		break;
	}
}

/* ---- begin and end ---- */

/* Content that says where it is from, into a file and the model. */
static void fill(int fd, uint64_t len, unsigned int from)
{
	static uint8_t pattern[2][IMAGE_MAX];
	uint64_t i;

	if (!pattern[from][1])
		for (i = 0; i < IMAGE_MAX; i++)
			pattern[from][i] = (i / 512 + 99 * from) * 37 + i;
	memcpy(model, pattern[from], len);
	must(pwrite(fd, model, len, 0) == (ssize_t)len);
}

static int open_image(void)
{
	struct r3_err err;

	if (format == COW)
		return image_cow_create(base, layer, "fuzz", &img, &err);
	return image_raw_create(base, format == RAW_RO, "fuzz", &img, &err);
}

/* A layer of a guest that was here before, its bitmap the input's. */
static bool old_layer(struct input *in)
{
	uint64_t clusters = (size + CLUSTER - 1) / CLUSTER, len = clusters * CLUSTER + (clusters + 7) / 8, c;
	uint8_t bits = in8(in), odd = in8(in);

	fill(layer, size, 1);
	fill(base, size, 0);
	must(pwrite(layer, &bits, 1, clusters * CLUSTER) == 1);
	must(!ftruncate(layer, odd & 1 ? len + in8(in) - 128 : len));
	for (c = 0; c < clusters; c++) {
		uint64_t part = size - c * CLUSTER < CLUSTER ? size - c * CLUSTER : CLUSTER;

		if (bits >> c & 1)
			must(pread(layer, model + c * CLUSTER, part, c * CLUSTER) >= 0);
	}
	return !(odd & 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct input in = { data, length };
	unsigned int steps;
	bool good = true;
	uint8_t kind = in8(&in);
	int ret;

	trouble_in = 0;
	format = kind % FORMATS;
	size = 512u * (1 + in16(&in) % (IMAGE_MAX / 512));
	base = memfd_create("base", MFD_CLOEXEC);
	layer = memfd_create("layer", MFD_CLOEXEC);
	must(base >= 0 && layer >= 0);
	if (format == COW && kind & 0x80) {
		good = old_layer(&in);
	} else {
		fill(base, size, 0);
		if (kind & 0x40)
			must(!ftruncate(base, size += in8(&in) % 128));
	}
	memset(known, 1, sizeof(known));
	ret = open_image();
	if (size % 512)
		must(ret == -EINVAL);
	else if (good)
		must(!ret);
	if (!ret && !good)
		memset(known, 0, sizeof(known));
	for (steps = 0; !ret && in.len && steps < STEPS_MAX; steps++) {
		if (in.p[0] != 0xfe) {
			one_step(&in);
			continue;
		}
		/* As when the guest reboots into a new monitor. */
		in8(&in);
		trouble_in = 0;
		image_close(img);
		must(!open_image());
	}
	if (!ret) {
		check_all();
		image_close(img);
	}
	close(base);
	close(layer);
	return 0;
}
