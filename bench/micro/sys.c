// SPDX-License-Identifier: GPL-2.0-or-later
/* System calls that stay in the calling process, and files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "micro.h"

static uint64_t getppid_run(uint64_t n)
{
	uint64_t start = micro_now();

	while (n--)
		syscall(SYS_getppid);
	return micro_now() - start;
}

static uint64_t clock_run(uint64_t n)
{
	uint64_t start = micro_now();
	struct timespec ts;

	while (n--)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	return micro_now() - start;
}

static uint64_t stat_run(uint64_t n)
{
	uint64_t start = micro_now();
	struct stat st;

	while (n--)
		if (stat("/dev/null", &st))
			return micro_fail("stat /dev/null");
	return micro_now() - start;
}

static uint64_t open_run(uint64_t n)
{
	uint64_t start = micro_now();

	while (n--) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd < 0)
			return micro_fail("open /dev/null");
		close(fd);
	}
	return micro_now() - start;
}

static uint64_t transfer(uint64_t n, int write)
{
	static char buf[PAGE];
	int fd = micro_file(PAGE);
	uint64_t start;

	if (fd < 0)
		return micro_fail(micro_dir);
	start = micro_now();
	while (n--) {
		ssize_t done = write ? pwrite(fd, buf, PAGE, 0) : pread(fd, buf, PAGE, 0);

		if (done != PAGE) {
			close(fd);
			return micro_fail("transfer");
		}
	}
	start = micro_now() - start;
	close(fd);
	return start;
}

static uint64_t read_run(uint64_t n)
{
	return transfer(n, 0);
}

static uint64_t write_run(uint64_t n)
{
	return transfer(n, 1);
}

static uint64_t create_run(uint64_t n)
{
	static char buf[PAGE];
	char path[4096];
	uint64_t start;

	snprintf(path, sizeof(path), "%s/micro.create.%d", micro_dir, getpid());
	start = micro_now();
	while (n--) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

		if (fd < 0)
			return micro_fail(micro_dir);
		if (write(fd, buf, sizeof(buf)) != sizeof(buf))
			return micro_fail("write");
		close(fd);
		unlink(path);
	}
	return micro_now() - start;
}

const struct bench sys_benches[] = {
	{ "getppid", "us", getppid_run },
	{ "clock_gettime", "us", clock_run },
	{ "stat", "us", stat_run },
	{ "open_close", "us", open_run },
	{ "read_4k", "us", read_run },
	{ "write_4k", "us", write_run },
	{ "file_create_write_unlink", "us", create_run },
	{ 0 },
};
