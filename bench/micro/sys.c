// SPDX-License-Identifier: GPL-2.0-or-later
/* System calls that stay in the calling process, and files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "micro.h"

static uint64_t getppid_run(uint64_t n)
{
	uint64_t start = micro_now();
	long first = syscall(SYS_getppid), wrong = 0;

	while (n--)
		wrong |= syscall(SYS_getppid) ^ first;
	start = micro_now() - start;
	return wrong || first != getppid() ? micro_wrong("another parent") : start;
}

static uint64_t clock_run(uint64_t n)
{
	uint64_t start = micro_now(), last = start, wrong = 0;
	struct timespec ts;

	while (n--) {
		uint64_t now;

		wrong |= clock_gettime(CLOCK_MONOTONIC, &ts);
		now = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
		wrong |= now < last;
		last = now;
	}
	return wrong ? micro_wrong("the clock went back") : micro_now() - start;
}

static uint64_t stat_run(uint64_t n)
{
	uint64_t start = micro_now();
	struct stat st;

	while (n--)
		if (stat("/dev/null", &st))
			return micro_fail("stat /dev/null");
	start = micro_now() - start;
	return S_ISCHR(st.st_mode) ? start : micro_wrong("/dev/null is no device");
}

static uint64_t open_run(uint64_t n)
{
	uint64_t start = micro_now();

	while (n--) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd < 0 || close(fd))
			return micro_fail("open, close /dev/null");
	}
	return micro_now() - start;
}

#define BIG	(64 * 1024UL)

/* len bytes at the start of a file, n times; what arrives is compared. */
static uint64_t transfer(uint64_t n, unsigned long len, int write)
{
	static char buf[BIG], back[BIG];
	int fd = micro_file(BIG);
	uint64_t start;

	if (fd < 0)
		return micro_fail(micro_dir);
	memset(buf, write ? 2 : 0, len);
	start = micro_now();
	while (n--) {
		ssize_t done = write ? pwrite(fd, buf, len, 0) : pread(fd, buf, len, 0);

		if (done != (ssize_t)len) {
			close(fd);
			return micro_fail("transfer");
		}
	}
	start = micro_now() - start;
	memset(back, write ? 2 : 1, len);
	if (write && pread(fd, buf, len, 0) != (ssize_t)len)
		start = micro_fail("read back");
	else if (memcmp(buf, back, len))
		start = micro_wrong("the file holds other bytes");
	close(fd);
	return start;
}

static uint64_t read_1_run(uint64_t n)
{
	return transfer(n, 1, 0);
}

static uint64_t write_1_run(uint64_t n)
{
	return transfer(n, 1, 1);
}

static uint64_t read_4k_run(uint64_t n)
{
	return transfer(n, PAGE, 0);
}

static uint64_t write_4k_run(uint64_t n)
{
	return transfer(n, PAGE, 1);
}

static uint64_t read_64k_run(uint64_t n)
{
	return transfer(n, BIG, 0);
}

static uint64_t write_64k_run(uint64_t n)
{
	return transfer(n, BIG, 1);
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
		if (close(fd) || unlink(path))
			return micro_fail("unlink");
	}
	start = micro_now() - start;
	return access(path, F_OK) ? start : micro_wrong("an unlinked file is there");
}

const struct bench sys_benches[] = {
	{ "getppid", "us", getppid_run },
	{ "clock_gettime", "us", clock_run },
	{ "stat", "us", stat_run },
	{ "open_close", "us", open_run },
	{ "read_1", "us", read_1_run },
	{ "write_1", "us", write_1_run },
	{ "read_4k", "us", read_4k_run },
	{ "write_4k", "us", write_4k_run },
	{ "read_64k", "us", read_64k_run },
	{ "write_64k", "us", write_64k_run },
	{ "file_create_write_unlink", "us", create_run },
	{ 0 },
};
