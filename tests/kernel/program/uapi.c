// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small things of x86-64's system calls: what a guest says of the TSC and of
 * ports, of which it has none; faults that the kernel takes for a process are
 * counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int number, failed;

static void check(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	failed |= !good;
}

static int fails(long ret, int err)
{
	return ret == -1 && errno == err;
}

int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_PAGE_FAULTS,
	};
	int mode = 0, fd, zero;
	uint64_t before = 0, after = 0;
	char *page;

	check(!prctl(PR_GET_TSC, &mode) && mode == PR_TSC_ENABLE, "the TSC can be read");
	check(!prctl(PR_SET_TSC, PR_TSC_ENABLE), "and be left so");
	check(fails(prctl(PR_SET_TSC, PR_TSC_SIGSEGV), EINVAL), "it cannot be taken away");
	check(fails(prctl(PR_SET_TSC, 77), EINVAL), "nor anything else");
	check(!iopl(0), "iopl(0)");
	check(fails(iopl(3), EPERM), "iopl(3)");
	check(fails(iopl(4), EINVAL), "iopl(4)");
	check(fails(ioperm(0x80, 1, 1), EPERM), "a port");
	check(!ioperm(0x80, 1, 0), "none");
	check(fails(ioperm(65536, 1, 1), EINVAL), "one that no machine has");

	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	page = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(page, 64 * 4096, MADV_NOHUGEPAGE);
	check(read(fd, &before, 8) == 8 && read(zero, page, 64 * 4096) == 64 * 4096 && read(fd, &after, 8) == 8,
	      "a read into new memory under perf");
	check(after > before, "its faults are counted");
	printf("# %lu faults\n1..%d\n", (unsigned long)(after - before), number);
	return failed;
}
