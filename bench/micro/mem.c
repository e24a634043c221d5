// SPDX-License-Identifier: GPL-2.0-or-later
/* Faults and mappings. Rows "a page" count pages as operations. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "micro.h"

#define AREA_PAGES	1024UL
#define SMALL_PAGES	4UL
#define USED_PAGES	32768UL

static uint64_t touch(char *p, unsigned long pages, int write)
{
	uint64_t start = micro_now();
	unsigned long i;

	for (i = 0; i < pages; i++) {
		volatile char *c = p + i * PAGE;

		if (write)
			*c = 1;
		else
			(void)*c;
	}
	return micro_now() - start;
}

/* What touch() left, or found in a file of ones: its byte, and the next as it was. */
static int as_touched(const char *p, unsigned long pages, int write)
{
	unsigned long i;

	for (i = 0; i < pages; i++)
		if (p[i * PAGE] != 1 || p[i * PAGE + 1] != !write)
			return 0;
	return 1;
}

/* n pages of a mapping, in areas of at most AREA_PAGES; only touching counts. */
static uint64_t faults(uint64_t n, int fd, int write, int small)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint64_t sum = 0;

	while (n) {
		unsigned long pages = n < AREA_PAGES ? n : AREA_PAGES;
		char *p = mmap(NULL, AREA_PAGES * PAGE, PROT_READ | (write ? PROT_WRITE : 0),
			       flags, fd, 0);

		if (p == MAP_FAILED)
			return micro_fail("mmap");
		if (small && madvise(p, AREA_PAGES * PAGE, MADV_NOHUGEPAGE))
			return micro_fail("madvise");
		sum += touch(p, pages, write);
		if (!as_touched(p, pages, write)) {
			munmap(p, AREA_PAGES * PAGE);
			return micro_wrong("a page's contents");
		}
		munmap(p, AREA_PAGES * PAGE);
		n -= pages;
	}
	return sum ? sum : 1;
}

static uint64_t anon_run(uint64_t n)
{
	return faults(n, -1, 1, 0);
}

static uint64_t anon_small_run(uint64_t n)
{
	return faults(n, -1, 1, 1);
}

static uint64_t file_run(uint64_t n)
{
	int fd = micro_file(AREA_PAGES * PAGE);
	uint64_t ns;

	if (fd < 0)
		return micro_fail(micro_dir);
	ns = faults(n, fd, 0, 0);
	close(fd);
	return ns;
}

/* The same in memory that another program has used and freed, a page at a time. */
static uint64_t file_used_run(uint64_t n)
{
	char *p = mmap(NULL, USED_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, USED_PAGES * PAGE, MADV_NOHUGEPAGE))
		return micro_fail("mmap");
	touch(p, USED_PAGES, 1);
	munmap(p, USED_PAGES * PAGE);
	return file_run(n);
}

static uint64_t mmap_run(uint64_t n)
{
	uint64_t start = micro_now();

	while (n--) {
		char *p = mmap(NULL, SMALL_PAGES * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		unsigned long i;

		if (p == MAP_FAILED)
			return micro_fail("mmap");
		for (i = 0; i < SMALL_PAGES; i++)
			*(volatile char *)(p + i * PAGE) = 1;
		munmap(p, SMALL_PAGES * PAGE);
	}
	return micro_now() - start;
}

/* munmap alone, a page. */
static uint64_t munmap_run(uint64_t n)
{
	uint64_t sum = 0;

	while (n) {
		unsigned long pages = n < AREA_PAGES ? n : AREA_PAGES;
		char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		uint64_t start;

		if (p == MAP_FAILED)
			return micro_fail("mmap");
		touch(p, pages, 1);
		start = micro_now();
		munmap(p, pages * PAGE);
		sum += micro_now() - start;
		if (!msync(p, pages * PAGE, MS_ASYNC))
			return micro_wrong("the pages are still mapped");
		n -= pages;
	}
	return sum ? sum : 1;
}

const struct bench mem_benches[] = {
	{ "anon_fault_page", "us", anon_run },
	{ "anon_small_fault_page", "us", anon_small_run },
	{ "file_fault_page", "us", file_run },
	{ "file_used_fault_page", "us", file_used_run },
	{ "mmap_touch4_munmap", "us", mmap_run },
	{ "munmap_page", "us", munmap_run },
	{ 0 },
};
