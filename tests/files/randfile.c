// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random operations on one file, by several descriptors and mappings, against a copy of
 * its bytes in memory: randfile FILE SEED OPERATIONS. Says which operation went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST	(2u << 20)
#define FDS	3

static unsigned char *model, *buf;
static size_t size;
static unsigned long long state;
static const char *path, *what;
static unsigned long step, a, b;
static int fd[FDS];

static unsigned int rnd(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return n ? (state >> 33) % n : 0;
}

static void __attribute__((noreturn)) fail(const char *why)
{
	printf("not ok 1 - operation %lu: %s(%lu, %lu): %s (size %zu, %s)\n", step, what, a, b, why, size, strerror(errno));
	exit(1);
}

#define must(cond) do { if (!(cond)) fail(#cond); } while (0)

static void compare(const unsigned char *got, size_t off, size_t len)
{
	size_t i;

	for (i = 0; i < len && got[i] == model[off + i]; i++)
		;
	if (i == len)
		return;
	printf("# at %zu: got %02x, wanted %02x\n", off + i, got[i], model[off + i]);
	fail("other bytes");
}

static void grow(size_t to)
{
	if (to > size) {
		memset(model + size, 0, to - size);
		size = to;
	}
}

static void random_bytes(size_t len)
{
	unsigned char c = rnd(256);
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = c + i * 7 + (i >> 8);
}

static void do_read(int f)
{
	ssize_t n = pread(f, buf, b, a);

	must(n == (a >= size ? 0 : (ssize_t)(a + b > size ? size - a : b)));
	compare(buf, a, n);
}

static void do_write(int f)
{
	random_bytes(b);
	must(pwrite(f, buf, b, a) == (ssize_t)b);
	grow(a + b);
	memcpy(model + a, buf, b);
}

static void do_append(void)
{
	int f = open(path, O_WRONLY | O_APPEND);

	must(f >= 0);
	if (size + b <= MOST) {
		random_bytes(b);
		must(write(f, buf, b) == (ssize_t)b);
		a = size;
		grow(a + b);
		memcpy(model + a, buf, b);
	}
	must(!close(f));
}

static void do_map(int f, int writes, int flags)
{
	size_t start = a & ~4095UL;
	unsigned char *m;

	if (a >= size)
		return;
	if (a + b > size)
		b = size - a;
	m = mmap(NULL, a + b - start, PROT_READ | PROT_WRITE, flags, f, start);
	must(m != MAP_FAILED);
	if (writes) {
		random_bytes(b);
		memcpy(m + (a - start), buf, b);
		if (flags == MAP_SHARED)
			memcpy(model + a, buf, b);
		if (!rnd(3))
			must(!msync(m, a + b - start, MS_SYNC));
	} else {
		compare(m + (a - start), a, b);
	}
	must(!munmap(m, a + b - start));
}

static void do_fallocate(int f, int mode)
{
	if (!b)
		return;
	if (fallocate(f, mode, a, b)) {
		must(errno == EOPNOTSUPP);
		return;
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(a + b);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) && a < size)
		memset(model + a, 0, a + b > size ? size - a : b);
}

static void do_copy(void)
{
	loff_t from = a, to = rnd(MOST / 2);
	ssize_t n;

	if (!b || a >= size || a + b > size || (to < (loff_t)(a + b) && to + b > a))
		return;
	n = copy_file_range(fd[0], &from, fd[1], &to, b, 0);
	must(n > 0 || (n < 0 && errno == EOPNOTSUPP));
	if (n > 0) {
		grow(to);
		memcpy(buf, model + a, n);
		memcpy(model + to - n, buf, n);
		if ((size_t)to > size)
			size = to;
	}
}

static void reopen(int i)
{
	must(!close(fd[i]));
	fd[i] = open(path, O_RDWR);
	must(fd[i] >= 0);
}

static void one(void)
{
	int f = fd[rnd(FDS)];
	struct stat st;

	a = rnd(8) ? rnd(size + 5000) : rnd(MOST - 200000);
	b = 1 + (rnd(4) ? rnd(9000) : rnd(200000));
	if (!rnd(4))
		a &= ~4095UL;
	if (a + b > MOST)
		a = 0;
	switch (rnd(16)) {
	case 0: case 1: case 2:
		what = "read";
		do_read(f);
		break;
	case 3: case 4: case 5:
		what = "write";
		do_write(f);
		break;
	case 6:
		what = "mapped read";
		do_map(f, 0, rnd(2) ? MAP_SHARED : MAP_PRIVATE);
		break;
	case 7: case 8:
		what = "mapped write";
		do_map(f, 1, MAP_SHARED);
		break;
	case 9:
		what = "private write";
		do_map(f, 1, MAP_PRIVATE);
		break;
	case 10:
		what = "truncate";
		a = rnd(3) ? a : 0;
		must(!(rnd(2) ? ftruncate(f, a) : truncate(path, a)));
		if (a < size)
			size = a;
		grow(a);
		break;
	case 11:
		what = "fallocate";
		do_fallocate(f, rnd(2) ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : rnd(2) ? FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE : 0);
		break;
	case 12:
		what = "append";
		do_append();
		break;
	case 13:
		what = "copy";
		do_copy();
		break;
	case 14:
		what = "reopen";
		if (!rnd(3))
			must(!fsync(f));
		if (!rnd(3))
			posix_fadvise(f, 0, 0, POSIX_FADV_DONTNEED);
		reopen(rnd(FDS));
		break;
	case 15:
		what = "stat";
		must(!fstat(f, &st) && (size_t)st.st_size == size);
		must(!stat(path, &st) && (size_t)st.st_size == size);
		break;
	}
}

int main(int argc, char **argv)
{
	unsigned long n;
	int i;

	if (argc != 4)
		return 2;
	path = argv[1];
	state = strtoull(argv[2], NULL, 0);
	n = strtoul(argv[3], NULL, 0);
	model = calloc(1, MOST);
	buf = malloc(MOST);
	for (i = 0; i < FDS; i++) {
		fd[i] = open(path, O_RDWR | O_CREAT, 0600);
		if (fd[i] < 0 || !model || !buf) {
			perror(path);
			return 2;
		}
	}
	for (step = 0; step < n; step++)
		one();
	a = 0;
	b = size;
	what = "last read";
	for (i = 0; i < FDS; i++)
		reopen(i);
	do_read(fd[0]);
	printf("ok 1 - %lu operations, seed %s, %zu bytes at the end\n", n, argv[2], size);
	return 0;
}
