// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/files.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t size_of(int fd)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(fd, &st))
		return 0;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, &bytes) ? 0 : bytes;
	return st.st_size;
}

uint64_t files_max(const struct vm_config *cfg, bool overlays)
{
	uint64_t max = 0, size;
	int i;

	for (i = 0; i < cfg->nr_disks; i++) {
		const struct vm_disk *disk = &cfg->disk[i];

		if (disk->vhost)
			continue;
		if (disk->cow_fd >= 0)
			size = overlays ? size_of(disk->cow_fd) : 0;
		else
			size = disk->readonly ? 0 : size_of(disk->fd);
		if (size > max)
			max = size;
	}
	return max;
}

void files_close(const struct vm_config *cfg)
{
	int i;

	close(cfg->kernel_fd);
	if (cfg->initrd_fd >= 0)
		close(cfg->initrd_fd);
	for (i = 0; i < cfg->nr_disks; i++) {
		if (cfg->disk[i].vhost)
			continue;
		close(cfg->disk[i].fd);
		if (cfg->disk[i].cow_fd >= 0)
			close(cfg->disk[i].cow_fd);
	}
}
