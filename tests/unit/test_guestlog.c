// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/guestlog: records as they were written, never more than there is room for, whatever is read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "guestlog.h"
#include "tap.h"

static char buf[2 * GUESTLOG_MAX];

static size_t read_log(int dir, const char *file)
{
	cleanup_close int fd = openat(dir, file, O_RDONLY);

	return fd < 0 ? 0 : read_full(fd, buf, sizeof(buf));
}

static void test_records(int dir)
{
	static const char data[] = "a\n\0b 1.0 5\nx";
	struct guestlog_record rec;
	struct guestlog log;
	size_t len, i;
	long n;

	is(guestlog_open(&log, dir, true), 0, "a log is made");
	guestlog_add(&log, GUESTLOG_OUT, data, sizeof(data));
	guestlog_add(&log, GUESTLOG_ERR, "", 0);
	guestlog_add(&log, GUESTLOG_RING3, "ring3\n", 6);
	guestlog_close(&log);
	is(guestlog_open(&log, dir, false), 0, "and goes on");
	guestlog_add(&log, GUESTLOG_CONSOLE, "c", 1);
	guestlog_close(&log);
	len = read_log(dir, GUESTLOG_FILE);
	n = guestlog_parse(buf, len, &rec);
	ok(n > 0 && rec.stream == 'o' && rec.len == sizeof(data) && !memcmp(rec.data, data, sizeof(data)) && rec.ms > 1600000000000, "a record of any bytes");
	for (i = 0; i < (size_t)n; i++)
		if (guestlog_parse(buf, i, &rec))
			break;
	is(i, n, "cut anywhere it is not complete");
	n += guestlog_parse(buf + n, len - n, &rec);
	ok(rec.stream == 'r' && rec.len == 6, "the next one; nothing was no record");
	n += guestlog_parse(buf + n, len - n, &rec);
	ok(rec.stream == 'c' && (size_t)n == len, "the last one");
	is(guestlog_open(&log, dir, true), 0, "a new one");
	guestlog_close(&log);
	is(read_log(dir, GUESTLOG_FILE), 0, "has nothing of the old");
}

static void test_room(int dir)
{
	static char noise[3 * GUESTLOG_PIECE + 7];
	struct guestlog_record rec;
	struct guestlog log;
	size_t len, at, files, most = 0;
	struct stat st;
	long n = 1;
	int i;

	memset(noise, 'n', sizeof(noise));
	guestlog_open(&log, dir, true);
	for (i = 0; i < 200; i++) {
		guestlog_add(&log, GUESTLOG_CONSOLE, noise, sizeof(noise));
		files = fstatat(dir, GUESTLOG_FILE, &st, 0) ? 0 : st.st_size;
		files += fstatat(dir, GUESTLOG_OLD, &st, 0) ? 0 : st.st_size;
		if (files > most)
			most = files;
	}
	guestlog_close(&log);
	ok(most > GUESTLOG_MAX && most <= 2 * GUESTLOG_MAX, "ten mebibytes leave at most two: %zu", most);
	for (i = 0; i < 2; i++) {
		len = read_log(dir, i ? GUESTLOG_OLD : GUESTLOG_FILE);
		for (at = 0; at < len && n > 0; at += n)
			n = guestlog_parse(buf + at, len - at, &rec);
		ok(at == len, "all of them records, %d", i);
	}
}

static void test_nonsense(void)
{
	static const char *const texts[] = {
		"x 1.000 1\na\n", "o 1.000 1\nab", "o1.000 1\na\n", "o 1 1\na\n", "o 1.1000 1\na\n", "o 1.000 99999\n", "o 1.000 -1\na\n",
		"o 1.000 99999999999999999999\n", "o .000 1\na\n", "o 1.000 \na\n", "\n", "o\n", "o 1.000 1 \na\n",
		"oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo",
	};
	struct guestlog_record rec;
	unsigned int i, j, seed = 1;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		ok(guestlog_parse(texts[i], strlen(texts[i]), &rec) < 0, "no record: %.20s", texts[i]);
	for (i = 0; i < 200000; i++) {
		char text[80];
		long n;

		for (j = 0; j < sizeof(text); j++)
			text[j] = "oecr 0123456789.\n\nx"[rand_r(&seed) % 19];
		memcpy(text, "o 1.0 ", i % 2 ? 6 : 0);
		n = guestlog_parse(text, sizeof(text), &rec);
		if (n > (long)sizeof(text) || (n > 0 && (rec.data < text || rec.data + rec.len > text + sizeof(text))))
			break;
	}
	is(i, 200000, "random text stays inside of what there is");
}

int main(void)
{
	char path[] = "/tmp/guestlog.XXXXXX";
	int dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;

	if (dir < 0)
		tap_bail("no directory");
	test_records(dir);
	test_room(dir);
	test_nonsense();
	unlinkat(dir, GUESTLOG_FILE, 0);
	unlinkat(dir, GUESTLOG_OLD, 0);
	close(dir);
	rmdir(path);
	return tap_done();
}
