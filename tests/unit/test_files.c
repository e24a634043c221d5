// SPDX-License-Identifier: GPL-2.0-or-later
/* vm/files: how large a file may become. */
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "vm/files.h"

#define MB	(1ULL << 20)

static int file(uint64_t size)
{
	int fd = memfd_create("disk", 0);

	if (fd < 0 || ftruncate(fd, size))
		tap_bail("no file");
	return fd;
}

static struct vm_config cfg;

static void disk(int fd, int cow_fd, bool readonly)
{
	cfg.disk[cfg.nr_disks++] = (struct vm_disk) { .fd = fd, .cow_fd = cow_fd, .readonly = readonly };
}

/* A disk of the host's, or a loop device on a file. */
static int block_device(uint64_t *size)
{
	int backing = memfd_create("loop", 0), control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr, fd, i;
	struct stat st;
	glob_t found;
	char path[32];

	for (i = 0; control >= 0 && i < 8; i++) {
		nr = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(path, sizeof(path), "/dev/loop%d", nr);
		fd = nr < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ftruncate(backing, 64 * MB))
			break;
		/* Gone with its last descriptor. */
		if (!ioctl(fd, LOOP_CONFIGURE, &(struct loop_config) { .fd = backing, .info.lo_flags = LO_FLAGS_AUTOCLEAR })) {
			*size = 64 * MB;
			return fd;
		}
		close(fd);
	}
	if (glob("/dev/[vsn][dv]*", 0, NULL, &found))
		return -1;
	for (i = 0, fd = -1; i < (int)found.gl_pathc && fd < 0; i++) {
		if (stat(found.gl_pathv[i], &st) || !S_ISBLK(st.st_mode))
			continue;
		fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, BLKGETSIZE64, size)) {
			close(fd);
			fd = -1;
		}
	}
	globfree(&found);
	return fd;
}

int main(void)
{
	uint64_t size;
	int dev;

	is(files_max(&cfg, true), 0, "no disk, nothing is written");
	disk(file(8 * MB), -1, true);
	is(files_max(&cfg, true), 0, "nor to one that is only read");
	disk(file(1 * MB), -1, false);
	disk(file(2 * MB), -1, false);
	is(files_max(&cfg, true), 2 * MB, "the largest that is written to");
	disk(file(4 * MB), file(5 * MB), false);
	is(files_max(&cfg, true), 5 * MB, "an overlay, but not what it is over");
	is(files_max(&cfg, false), 2 * MB, "an overlay does not count: also not one from before a reboot");
	dev = block_device(&size);
	if (dev < 0) {
		tap_skip("host: no block device can be opened", "devices are bounded");
		return tap_done();
	}
	disk(dev, -1, true);
	is(files_max(&cfg, true), 5 * MB, "a device that is only read does not lift the limit");
	disk(dev, -1, false);
	is(files_max(&cfg, false), size > 2 * MB ? size : 2 * MB, "one that is written to counts with its size");
	return tap_done();
}
