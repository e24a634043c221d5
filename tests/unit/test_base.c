// SPDX-License-Identifier: GPL-2.0-or-later
/* base/ and mem/. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/adaptive_wait.h"
#include "base/err.h"
#include "base/iov.h"
#include "base/log.h"
#include "base/util.h"
#include "mem/mem.h"
#include "tap.h"

static void test_size(void)
{
	static const struct {
		const char *s;
		int ret;
		uint64_t size;
	} cases[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "512M", 0, 512ULL << 20 },
		{ "2G", 0, 2ULL << 30 },
		{ "2g", 0, 2ULL << 30 },
		{ "1GiB", 0, 1ULL << 30 },
		{ "3KB", 0, 3072 },
		{ "7B", 0, 7 },
		{ "16777215T", 0, 16777215ULL << 40 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "1X", -EINVAL, 0 },
		{ "1MM", -EINVAL, 0 },
		{ "1Mi", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t size = 42;
		int ret = parse_size(cases[i].s, &size);

		ok(ret == cases[i].ret && size == (ret ? 42 : cases[i].size),
		   "parse_size(\"%s\")", cases[i].s);
	}
}

static void test_err(void)
{
	struct r3_err err;
	char big[3000];

	is(err_set(&err, EBUSY, "disk %d", 3), -EBUSY, "err_set negates");
	is(err_set(&err, -EBUSY, "disk %d", 3), -EBUSY, "err_set keeps the sign");
	is(err_wrap(&err, "guest %s", "a"), -EBUSY, "err_wrap returns the code");
	ok(!strcmp(err.msg, "guest a: disk 3"), "err_wrap puts context in front");
	is(err_set(NULL, EIO, "x"), -EIO, "err_set without an object");

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	err_set(&err, EIO, "%s", big);
	err_wrap(&err, "%s", big);
	is(strlen(err.msg), sizeof(err.msg) - 1, "long messages are cut");
}

static void test_log(void)
{
	char buf[4096];
	int p[2], i, lines = 0;
	ssize_t n;

	if (pipe2(p, O_NONBLOCK) < 0)
		tap_bail("pipe");
	log_warn("into nothing");
	log_open(p[1], "ring3");
	for (i = 0; i < 100; i++)
		log_warn("message %d", i);
	log_open(-1, "ring3");
	n = read(p[0], buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = 0;
	ok(!strncmp(buf, "ring3: message 0\n", 17), "log_warn writes one line");
	for (i = 0; i < n; i++)
		lines += buf[i] == '\n';
	ok(lines >= 10 && lines <= 20, "a flood of messages is cut (%d lines)", lines);
	close(p[0]);
	close(p[1]);
}

static void test_iov(void)
{
	char a[3] = "abc", b[5] = "defgh", c[2] = "ij", out[16] = "";
	struct iovec iov[3] = { { a, 3 }, { b, 5 }, { c, 2 } }, part[3];

	is(iov_len(iov, 3), 10, "iov_len");
	is(iov_read(iov, 3, 2, out, 7), 7, "iov_read across parts");
	ok(!memcmp(out, "cdefghi", 7), "iov_read copies the right bytes");
	is(iov_read(iov, 3, 8, out, 16), 2, "iov_read stops at the end");
	is(iov_read(iov, 3, 10, out, 1), 0, "iov_read at the end");

	is(iov_slice(part, iov, 3, 1, 8), 3, "iov_slice of three parts");
	ok(part[0].iov_base == a + 1 && part[0].iov_len == 2 &&
	   part[2].iov_base == c && part[2].iov_len == 1, "iov_slice cuts both ends");
	is(iov_slice(part, iov, 3, 3, 5), 1, "iov_slice of exactly one part");
	is(iov_slice(part, iov, 3, 10, 5), 0, "iov_slice behind the end");

	iov_write(iov, 3, 2, "CDE", 3);
	ok(!memcmp(a, "abC", 3) && !memcmp(b, "DEfgh", 5), "iov_write across parts");
	iov_zero(iov, 3, 7, 2);
	ok(!b[4] && !c[0] && b[3] == 'g' && c[1] == 'j', "iov_zero across parts");
}

static void test_mem(void)
{
	static char ram[8192];
	struct guest_mem mem = { .base = ram, .size = sizeof(ram), .fd = -1 };

	ok(mem_ptr(&mem, 0, 8192) == ram, "all of memory");
	ok(mem_ptr(&mem, 8191, 1) == ram + 8191, "its last byte");
	ok(!mem_ptr(&mem, 8192, 1), "one past it");
	ok(!mem_ptr(&mem, 8191, 2), "across its end");
	ok(!mem_ptr(&mem, 0, 8193), "more than all");
	ok(!mem_ptr(&mem, 0, 0), "no length");
	ok(!mem_ptr(&mem, UINT64_MAX, 1), "the last address");
	ok(!mem_ptr(&mem, UINT64_MAX, UINT64_MAX), "a sum that overflows");
	ok(!mem_ptr(&mem, UINT64_MAX - 99, 100), "a sum that overflows to 0");
	ok(!mem_ptr(&mem, 4096, UINT64_MAX - 4095), "a length that overflows");
}

static void test_io(void)
{
	char out[100000], in[100000];
	int p[2];

	if (pipe(p) < 0)
		tap_bail("pipe");
	fcntl(p[1], F_SETPIPE_SZ, 262144);
	memset(out, 'q', sizeof(out));
	is(write_full(p[1], out, sizeof(out)), 0, "write_full");
	close(p[1]);
	is(read_full(p[0], in, 60000), 60000, "read_full");
	is(read_full(p[0], in, 60000), 40000, "read_full up to the end of file");
	is(read_full(-1, in, 1), -EBADF, "read_full returns errors");
	close(p[0]);
}

static int look_count(void *arg)
{
	int *left = arg;

	return --*left ? 0 : 7;
}

static void test_adaptive_wait(void)
{
	struct adaptive_wait w = { 0 };
	int left = 1, i;

	is(adaptive_wait(&w, look_count, &left), 0, "who has learnt nothing sleeps at once");
	is(left, 1, "without a look");
	w.limit = adaptive_learn_to(w.limit, 30000, ADAPTIVE_WAIT_MAX_NS);
	is(w.limit, ADAPTIVE_MIN_NS, "what came soon is worth a poll the next time");
	for (i = 0; i < 10; i++)
		w.limit = adaptive_learn_to(w.limit, ADAPTIVE_WAIT_MAX_NS / 2, ADAPTIVE_WAIT_MAX_NS);
	ok(w.limit >= ADAPTIVE_WAIT_MAX_NS / 2 && w.limit <= ADAPTIVE_WAIT_MAX_NS, "of as long as it takes, within the bound");
	left = 1;
	is(adaptive_wait(&w, look_count, &left), 7, "then it looks, and finds");
	w.paused_until = INT64_MAX;
	left = 1;
	is(adaptive_wait(&w, look_count, &left), 0, "but not where others want the CPU");
	for (i = 0; i < 5; i++) {
		w.since = adaptive_now() - 10 * ADAPTIVE_WAIT_MAX_NS;
		adaptive_came(&w);
	}
	is(w.limit, 0, "a few long waits, and it sleeps at once again");
}

int main(void)
{
	test_adaptive_wait();
	test_size();
	test_err();
	test_log();
	test_iov();
	test_mem();
	test_io();
	return tap_done();
}
