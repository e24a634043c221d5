// SPDX-License-Identifier: GPL-2.0-or-later
/* image/: formats against a plain array, locks, and images that are none. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "image/image.h"
#include "tap.h"

#define CLUSTER	65536
/* Four clusters and a piece of one. */
#define SIZE	(4 * CLUSTER + 7 * IMAGE_SECTOR)

static char dir[] = "/tmp/ring3-test-image-XXXXXX";
static struct r3_err err;

static char *path(const char *name)
{
	static char buf[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", dir, name);
	return buf[i];
}

static void make_file(const char *name, size_t size, bool random)
{
	char *data = calloc(1, size + 1);
	int fd = open(path(name), O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t i;

	for (i = 0; random && i < size; i++)
		/* Some clusters are holes. */
		if (i / CLUSTER != 1)
			data[i] = rand();
	if (fd < 0 || write_full(fd, data, size))
		tap_bail("%s: %s", name, strerror(errno));
	close(fd);
	free(data);
}

static int layer(void)
{
	int fd = image_layer(dir, &err);

	if (fd < 0)
		tap_bail("%s", err.msg);
	return fd;
}

static int read_at(struct image *img, void *buf, size_t len, uint64_t off)
{
	struct iovec iov = { buf, len };

	return image_preadv(img, &iov, 1, off);
}

static int write_at(struct image *img, const void *buf, size_t len, uint64_t off)
{
	struct iovec iov = { (void *)buf, len };

	return image_pwritev(img, &iov, 1, off);
}

/* Scattered over up to 300 pieces, as a guest's requests are. */
static unsigned int scatter(struct iovec *iov, char *buf, size_t len)
{
	unsigned int n = 0;

	while (len) {
		size_t part = n == 299 ? len : 1 + rand() % (len < 2000 ? len : 2000);

		iov[n].iov_base = buf;
		iov[n++].iov_len = part;
		buf += part;
		len -= part;
	}
	return n;
}

/* Random operations on @img and on an array; both must agree all the time. */
static void compare(struct image *img, const char *what)
{
	static char model[SIZE], buf[SIZE];
	static struct iovec iov[300];
	unsigned int round, wrong = 0, failed = 0;

	failed += !!read_at(img, model, SIZE, 0);
	for (round = 0; round < 3000 && !wrong && !failed; round++) {
		uint64_t off = rand() % (SIZE / 512) * 512;
		uint64_t len = 512 + rand() % 150 * 512;
		unsigned int i;

		if (off + len > SIZE)
			len = SIZE - off;
		switch (rand() % 5) {
		case 0:
			for (i = 0; i < len; i++)
				model[off + i] = rand();
			failed += !!image_pwritev(img, iov,
						  scatter(iov, model + off, len), off);
			break;
		case 1:
			memset(model + off, 0, len);
			failed += !!image_write_zeroes(img, off, len, rand() & 1);
			break;
		case 2:
			/* Anything may be there now. */
			failed += !!image_discard(img, off, len);
			failed += !!read_at(img, model + off, len, off);
			break;
		case 3:
			failed += !!image_flush(img);
			break;
		default:
			failed += !!image_preadv(img, iov, scatter(iov, buf, len), off);
			wrong += !!memcmp(buf, model + off, len);
		}
	}
	failed += !!read_at(img, buf, SIZE, 0);
	wrong += !!memcmp(buf, model, SIZE);
	ok(!failed, "%s: no operation failed", what);
	ok(!wrong, "%s: always reads what was written", what);
}

/* Whoever flushes often has large writes done, and started, in pieces. */
static void test_pieces(struct image *img)
{
	enum { BIG = 3 * (256 << 10) + 5 * IMAGE_SECTOR, FROM = 7 * IMAGE_SECTOR };
	static char data[BIG], buf[BIG];
	static struct iovec iov[300];
	size_t i;

	for (i = 0; i < BIG; i++)
		data[i] = rand();
	is(image_flush(img), 0, "a flush");
	is(image_flush(img), 0, "and another soon");
	is(image_pwritev(img, iov, scatter(iov, data, 200000), FROM), 0, "a write of many parts");
	is(write_at(img, data + 200000, BIG - 200000, FROM + 200000), 0, "a large one");
	is(read_at(img, buf, BIG, FROM), 0, "both can be read");
	ok(!memcmp(buf, data, BIG), "as they were written");
}

static void test_raw(void)
{
	struct image *img;
	char buf[512] = "x";
	int fd;

	make_file("raw", SIZE, true);
	fd = image_open(path("raw"), IMAGE_RW, &err);
	if (!ok(fd >= 0 && !image_raw_create(fd, false, "raw", &img, &err),
		"a raw image opens"))
		tap_bail("%s", err.msg);
	is(img->size, SIZE, "its size");
	compare(img, "raw");
	is(write_at(img, buf, 512, SIZE), -EINVAL, "no write behind the end");
	is(write_at(img, buf, 512, SIZE - 256), -EINVAL, "nor across it");
	is(write_at(img, buf, 512, UINT64_MAX - 511), -EINVAL, "nor around it");
	is(image_discard(img, 512, UINT64_MAX), -EINVAL, "nor a discard");
	is(image_write_zeroes(img, UINT64_MAX, 512, true), -EINVAL, "nor zeroes");
	image_close(img);
	close(fd);

	make_file("raw-large", 1 << 20, true);
	fd = image_open(path("raw-large"), IMAGE_RW, &err);
	if (fd < 0 || image_raw_create(fd, false, "raw-large", &img, &err))
		tap_bail("%s", err.msg);
	test_pieces(img);
	image_close(img);
	close(fd);

	fd = image_open(path("raw"), IMAGE_RW, &err);
	if (fd < 0)
		tap_bail("%s", err.msg);
	image_raw_create(fd, true, "raw", &img, &err);
	is(write_at(img, buf, 512, 0), -EROFS, "read-only: no write");
	is(image_discard(img, 0, 512), -EROFS, "read-only: no discard");
	is(image_write_zeroes(img, 0, 512, false), -EROFS, "read-only: no zeroes");
	is(image_flush(img), 0, "read-only: flush has nothing to do");

	is(truncate(path("raw"), CLUSTER), 0, "when the file is cut short");
	is(read_at(img, buf, 512, CLUSTER), -EIO, "what is gone cannot be read");
	is(read_at(img, buf, 512, CLUSTER - 512), 0, "the rest can");
	image_close(img);
	close(fd);
}

static off_t disk_usage(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_blocks * 512;
}

static void test_cow(void)
{
	static char before[SIZE], after[SIZE], buf[SIZE];
	struct image *img;
	int base, cow, fd;

	make_file("base", SIZE, true);
	base = image_open(path("base"), IMAGE_COW, &err);
	cow = layer();
	if (base < 0 || image_cow_create(base, cow, "base", &img, &err))
		tap_bail("%s", err.msg);
	is(read_at(img, before, SIZE, 0), 0, "a new layer");
	fd = open(path("base"), O_RDONLY);
	is(read_full(fd, buf, SIZE), SIZE, "read the base");
	ok(!memcmp(before, buf, SIZE), "shows the base");
	ok(disk_usage(cow) <= 65536, "takes no space (%ld)", (long)disk_usage(cow));
	is(write_at(img, "a", 1, CLUSTER + 9), 0, "a byte in a hole of the base");
	ok(disk_usage(cow) <= 131072, "takes a block (%ld)", (long)disk_usage(cow));

	compare(img, "cow");
	read_at(img, after, SIZE, 0);
	lseek(fd, 0, SEEK_SET);
	read_full(fd, buf, SIZE);
	ok(!memcmp(before, buf, SIZE), "the base has not changed");
	image_close(img);

	is(image_cow_create(base, cow, "base", &img, &err), 0, "the same layer again");
	read_at(img, buf, SIZE, 0);
	ok(!memcmp(after, buf, SIZE), "has what was written before");
	compare(img, "cow, second time");
	image_close(img);

	make_file("small", CLUSTER, true);
	is(image_cow_create(fd, open(path("small"), O_RDWR), "base", &img, &err),
	   -EINVAL, "a layer of something else is refused");
	close(fd);
	close(base);
	close(cow);
}

/* The file system is full: RLIMIT_FSIZE stands in for it. */
static void full_disk(void)
{
	static char before[SIZE], buf[SIZE], ones[SIZE];
	struct rlimit lim = { 2 * CLUSTER + 4096, RLIM_INFINITY };
	struct rlimit free_again = { RLIM_INFINITY, RLIM_INFINITY };
	struct image *img;
	int base, cow;

	base = image_open(path("base"), IMAGE_COW, &err);
	cow = layer();
	if (base < 0 || image_cow_create(base, cow, "base", &img, &err))
		tap_bail("%s", err.msg);
	read_at(img, before, SIZE, 0);
	memset(ones, 1, SIZE);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &lim);

	ok(write_at(img, ones, 4096, 2 * CLUSTER + 8192) < 0,
	   "no room: a write fails");
	read_at(img, buf, SIZE, 0);
	ok(!memcmp(before, buf, SIZE), "no room: the disk is as before");
	ok(write_at(img, ones, 2 * CLUSTER - 16384, CLUSTER + 16384) < 0,
	   "no room for the second half of a write");
	read_at(img, buf, SIZE, 0);
	ok(!memcmp(before, buf, SIZE), "no room: nothing of it shows");
	ok(write_at(img, ones, CLUSTER, 0) < 0, "no room to note a write");
	read_at(img, buf, CLUSTER, 0);
	ok(!memcmp(before, buf, CLUSTER), "no room: it did not happen");

	setrlimit(RLIMIT_FSIZE, &free_again);
	is(write_at(img, ones, CLUSTER, 0), 0, "with room it does");
	memset(before, 1, CLUSTER);
	is(write_at(img, "X", 1, 2 * CLUSTER + 100), 0, "with room again");
	before[2 * CLUSTER + 100] = 'X';
	is(write_at(img, "Y", 1, CLUSTER + 100), 0, "all can be written");
	before[CLUSTER + 100] = 'Y';
	read_at(img, buf, SIZE, 0);
	ok(!memcmp(before, buf, SIZE), "nothing left over from the failures");
	image_close(img);
	close(base);
	close(cow);
}

static void expect_open(const char *name, enum image_mode mode, int code,
			const char *word)
{
	int fd = image_open(path(name), mode, &err);

	is(fd, code, "%s is refused", name);
	ok(strstr(err.msg, path(name)) && strstr(err.msg, word),
	   "  by: %s", err.msg);
	if (fd >= 0)
		close(fd);
}

static void test_open(void)
{
	make_file("empty", 0, false);
	make_file("odd", 1000, false);
	mkdir(path("folder"), 0700);
	mkfifo(path("fifo"), 0600);
	make_file("secret", 4096, false);
	chmod(path("secret"), 0);

	expect_open("missing", IMAGE_RO, -ENOENT, "does not exist");
	expect_open("empty", IMAGE_RW, -EINVAL, "empty");
	expect_open("odd", IMAGE_COW, -EINVAL, "1000 bytes");
	expect_open("folder", IMAGE_RO, -EISDIR, "directory");
	expect_open("folder", IMAGE_RW, -EISDIR, "directory");
	expect_open("fifo", IMAGE_RO, -EINVAL, "neither");
	if (geteuid())
		expect_open("secret", IMAGE_RO, -EACCES, "permissions");
	else
		tap_skip("host: root may read every file", "a file without permissions");
}

static void test_lock(void)
{
	int a, b, status;
	pid_t pid;

	make_file("disk", 4096, false);
	a = image_open(path("disk"), IMAGE_RO, &err);
	b = image_open(path("disk"), IMAGE_COW, &err);
	ok(a >= 0 && b >= 0, "readers share an image");
	expect_open("disk", IMAGE_RW, -EBUSY, "another guest");
	close(a);
	expect_open("disk", IMAGE_RW, -EBUSY, "overlay");
	close(b);

	a = image_open(path("disk"), IMAGE_RW, &err);
	ok(a >= 0, "a writer has it when they have gone");
	expect_open("disk", IMAGE_RW, -EBUSY, "another guest");
	expect_open("disk", IMAGE_COW, -EBUSY, "written");

	/* The lock is the descriptor's: a child that has it keeps it. */
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	close(a);
	expect_open("disk", IMAGE_RW, -EBUSY, "another guest");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	a = image_open(path("disk"), IMAGE_RW, &err);
	ok(a >= 0, "and loses it by dying");
	close(a);
}

static void test_layer_dir(void)
{
	is(image_layer("/nonexistent", &err), -ENOENT, "no layer in a missing directory");
	ok(strstr(err.msg, "/nonexistent") && strstr(err.msg, "TMPDIR"),
	   "  by: %s", err.msg);
}

int main(void)
{
	char cmd[300];

	if (!mkdtemp(dir))
		tap_bail("mkdtemp: %s", strerror(errno));
	srand(7);
	test_raw();
	test_cow();
	full_disk();
	test_open();
	test_lock();
	test_layer_dir();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		tap_note("%s is left over", dir);
	return tap_done();
}
