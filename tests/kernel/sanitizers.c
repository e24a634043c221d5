// SPDX-License-Identifier: GPL-2.0-or-later
/* For sanitizers.t: prints the addresses in the kernel that a read of a bad descriptor reached (KCOV). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#define WORDS	(64 << 10)

int main(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR);
	unsigned long *cover, i, n;

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, WORDS))
		return 1;
	cover = mmap(NULL, WORDS * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		return 2;
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	read(-1, NULL, 0);
	n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	if (ioctl(fd, KCOV_DISABLE, 0))
		return 3;
	for (i = 0; i < n; i++)
		printf("%016lx\n", cover[i + 1]);
	return 0;
}
