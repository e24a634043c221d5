// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening and locking disk images, and what to say when that fails. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/util.h"
#include "image/image.h"

int image_size(int fd, const char *name, uint64_t *size, struct r3_err *err)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "disk image %s: %s", name,
			       strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, EISDIR, "disk image %s is a directory; name the image file in it",
			       name);
	if (S_ISREG(st.st_mode))
		bytes = st.st_size;
	else if (!S_ISBLK(st.st_mode))
		return err_set(err, EINVAL, "disk image %s is neither a file nor a block device",
			       name);
	else if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		return err_set(err, errno, "size of block device %s: %s", name,
			       strerror(errno));

	if (!bytes)
		return err_set(err, EINVAL, "disk image %s is empty; make it as large as the disk shall be (truncate -s 1G %s)",
			       name, name);
	if (bytes % IMAGE_SECTOR)
		return err_set(err, EINVAL, "disk image %s is %llu bytes, not a multiple of %d: it may be truncated, or not a raw image",
			       name, (unsigned long long)bytes, IMAGE_SECTOR);
	*size = bytes;
	return 0;
}

/*
 * Who writes locks all of the file. QEMU's programs lock single bytes, one for each thing
 * that somebody does with it and for each that nobody else may do meanwhile. So a reader
 * takes those that keep a writer of theirs away, and no others, as they may read too.
 */
static const struct {
	off_t start, len;
} reader_locks[] = {
	{ 0, 101 },			/* ring3's own, and QEMU's "reads" */
	{ 201, 1 },			/* nobody else writes */
	{ 203, 1 },			/* nobody else changes its size */
};
#define QEMU_FIRST	100
#define QEMU_WRITES	101

static int set_lock(int fd, short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static int lock_all(int fd, enum image_mode mode)
{
	struct flock writes = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = QEMU_WRITES, .l_len = 1 };
	size_t i;

	if (mode == IMAGE_RW)
		return set_lock(fd, F_WRLCK, 0, 0);
	for (i = 0; i < ARRAY_SIZE(reader_locks); i++)
		if (set_lock(fd, F_RDLCK, reader_locks[i].start, reader_locks[i].len))
			return -1;
	if (fcntl(fd, F_OFD_GETLK, &writes))
		return -1;
	/* A reader's lock that begins further down is no writer's; older ring3s lock all of the file. */
	if (writes.l_type == F_UNLCK || (writes.l_type == F_RDLCK && writes.l_start < QEMU_FIRST))
		return 0;
	errno = EAGAIN;
	return -1;
}

static int image_lock(int fd, const char *path, enum image_mode mode,
		      struct r3_err *err)
{
	if (!lock_all(fd, mode))
		return 0;
	if (errno == EAGAIN || errno == EACCES) {
		if (mode == IMAGE_RW)
			return err_set(err, EBUSY, "disk image %s is in use by another guest; stop that guest, or use the image read-only or under an ephemeral overlay in both",
				       path);
		return err_set(err, EBUSY, "disk image %s is being written by another guest; stop that guest, or use a copy of the image",
			       path);
	}
	/* Some file systems have no locks; reading is safe enough there. */
	if (mode != IMAGE_RW)
		return 0;
	return err_set(err, errno, "cannot lock disk image %s (%s); copy it to a local disk to write to it",
		       path, strerror(errno));
}

int image_open(const char *path, enum image_mode mode, struct r3_err *err)
{
	cleanup_close int fd = -1;
	uint64_t size;
	int ret;

	/* Not blocking on a FIFO; images do not care for the flag. */
	fd = open(path, (mode == IMAGE_RW ? O_RDWR : O_RDONLY) | O_CLOEXEC |
		  O_NONBLOCK);
	if (fd < 0) {
		switch (errno) {
		case ENOENT:
			return err_set(err, ENOENT, "disk image %s does not exist; check the path",
				       path);
		case EISDIR:
			return err_set(err, EISDIR, "disk image %s is a directory; name the image file in it",
				       path);
		case EACCES:
		case EPERM:
		case EROFS:
			return err_set(err, errno, "disk image %s cannot be %s (%s); change its permissions%s",
				       path, mode == IMAGE_RW ? "written" : "read",
				       strerror(errno), mode == IMAGE_RW ?
				       ", or use it read-only or under an ephemeral overlay" : "");
		default:
			return err_set(err, errno, "disk image %s: %s", path,
				       strerror(errno));
		}
	}
	ret = image_size(fd, path, &size, err);
	if (ret)
		return ret;
	ret = image_lock(fd, path, mode, err);
	if (ret)
		return ret;
	return util_take_fd(&fd);
}

int image_layer(const char *dir, struct r3_err *err)
{
	cleanup_free char *name = NULL;
	int fd;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;

	/* Not every file system has O_TMPFILE. */
	if (asprintf(&name, "%s/ring3-layer-XXXXXX", dir) < 0) {
		name = NULL;
		return err_set(err, ENOMEM, "no memory for a file name");
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "no ephemeral disk overlay in %s (%s); make that directory writable or choose another by TMPDIR",
			       dir, strerror(errno));
	unlink(name);
	return fd;
}
