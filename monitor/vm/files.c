// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/files.h"

uint64_t files_max(const struct vm_config *cfg)
{
	uint64_t max = 0;
	struct stat st;
	int i;

	for (i = 0; i < cfg->nr_disks; i++) {
		const struct vm_disk *disk = &cfg->disk[i];

		if (fstat(disk->cow_fd >= 0 ? disk->cow_fd : disk->fd, &st))
			continue;
		if (S_ISBLK(st.st_mode))
			return RLIM_INFINITY;
		if ((uint64_t)st.st_size > max && (disk->cow_fd >= 0 || !disk->readonly))
			max = st.st_size;
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
		close(cfg->disk[i].fd);
		if (cfg->disk[i].cow_fd >= 0)
			close(cfg->disk[i].cow_fd);
	}
}
