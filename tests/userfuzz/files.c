// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that all of a round have mapped and write. Each page has one writer, and each
 * word of it says whose page it is and which of its writes this was: so a reader
 * knows what it may see, and that it may never see an older word after a newer one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userfuzz.h"

#define FILE_PAGES (KIDS + WITNESSES)
#define MARK 0xf11eUL
#define APART_WORDS 32

static unsigned int writes;		/* of this process */

static void data_path(char *path, int size, int round)
{
	snprintf(path, size, "%s/%d-data", board->dir, round);
}

void make_data(int round)
{
	char path[128];
	int fd;

	data_path(path, sizeof(path), round - 2);
	unlink(path);
	data_path(path, sizeof(path), round);
	fd = open(path, O_RDWR | O_CREAT, 0666);
	if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE) || fchmod(fd, 0666))
		cannot("no file of data");
	close(fd);
}

static unsigned long word(int page, unsigned int n)
{
	return MARK << 48 | (unsigned long)page << 32 | n;
}

/* What the mapping shows, and never less than it has shown. Holes are zeros. */
static void look_at_file(const volatile unsigned long *p, unsigned int *seen)
{
	unsigned long v;
	unsigned int n;
	int page, i;

	board->looks++;
	for (page = 0; page < FILE_PAGES; page++) {
		for (i = 0; i < 512; i += APART_WORDS) {
			v = p[page * 512 + i];
			if (v && v >> 32 != word(page, 0) >> 32) {
				finding("page %d of a shared file has %#lx", page, v);
				return;
			}
		}
			n = p[page * 512];
		if (n && n < seen[page])
			finding("page %d of a shared file has write %u after %u", page, n, seen[page]);
		if (n)
			seen[page] = n;
	}
}

/* The writer's own page is what it has just written, all of it. */
static void look_at_own(const volatile unsigned long *p, int page, unsigned long want, const char *how)
{
	int i;

	for (i = 0; i < 512; i++) {
		if (p[page * 512 + i] == want)
			continue;
		if (!hostile)
			finding("a shared file has %#lx, not %#lx, after %s", p[page * 512 + i], want, how);
		return;
	}
}

static void write_own(int fd, unsigned long *p, unsigned long *copy, int page)
{
	unsigned long buf[512], v = word(page, ++writes);
	int i;

	for (i = 0; i < 512; i++)
		buf[i] = v;
	switch (rnd(4)) {
	case 0:
		for (i = 0; i < 512; i++)
			p[page * 512 + i] = v;
		if (pread(fd, buf, PAGE, page * PAGE) == PAGE)
			look_at_own(buf - page * 512, page, v, "a store");
		break;
	case 1:
		copy[page * 512] = canary(me, 0);	/* from here on the page is this process's */
		if (pwrite(fd, buf, PAGE, page * PAGE) == PAGE && copy[page * 512] != canary(me, 0) && !hostile)
			finding("a private page of a file changes with the file: %#lx", copy[page * 512]);
		break;
	case 2:
		if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page * PAGE, PAGE))
			look_at_own(p, page, 0, "its page was given back");
		break;
	default:
		if (pwrite(fd, buf, PAGE, page * PAGE) == PAGE)
			look_at_own(p, page, v, "write()");
	}
}

/* Code, by root: the bytes that are there. */
static void write_code(int round)
{
	unsigned char p[PAGE];
	char path[128];
	int n = rnd(PAGES), fd;

	snprintf(path, sizeof(path), "%s/%d-%d", board->dir, round, (int)rnd(FILES));
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	make_page(p, n);
	if (pwrite(fd, p, PAGE, n * PAGE) != PAGE)
		finding("code cannot be written");
	close(fd);
}

void use_file(void)
{
	unsigned int seen[FILE_PAGES] = { };
	unsigned long *p, *copy;
	int round = board->round, n, fd;
	char path[128];

	data_path(path, sizeof(path), round);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return;
	p = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	copy = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED && copy != MAP_FAILED) {
		for (n = 2 + rnd(8); n; n--) {
			look_at_file(p, seen);
			write_own(fd, p, copy, kid_index);
			if (!getuid() && rnd(4) == 0)
				write_code(round);
			if (rnd(4) == 0)
				madvise(p, FILE_PAGES * PAGE, MADV_DONTNEED);
		}
		look_at_file(p, seen);
	}
	if (p != MAP_FAILED)
		munmap(p, FILE_PAGES * PAGE);
	if (copy != MAP_FAILED)
		munmap(copy, FILE_PAGES * PAGE);
	close(fd);
}
