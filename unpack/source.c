// SPDX-License-Identifier: GPL-2.0-or-later
#include "source.h"

#include <errno.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

static void to_hex(struct sha256_ctx *ctx, char *hex)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	size_t i;

	sha256_digest(ctx, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
}

bool hex_digest_ok(const char *text)
{
	return strspn(text, "0123456789abcdef") == HEX_DIGEST - 1 && !text[HEX_DIGEST - 1];
}

static void advance(struct progress *p, uint64_t n)
{
	unsigned int percent;

	if (!p)
		return;
	p->done += n;
	percent = p->total ? min_t(uint64_t, 99, p->done * 100 / p->total) : 0;
	if (percent != p->percent && p->show) {
		p->percent = percent;
		p->show(percent);
	}
}

static ssize_t read_at(int fd, void *buf, size_t len, uint64_t off)
{
	ssize_t n;

	do
		n = pread(fd, buf, len, off);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int source_text(int fd, uint64_t size, uint64_t max, char **text, struct r3_err *err)
{
	uint64_t at = 0;
	ssize_t n = 1;
	char *p;

	if (size > max)
		return err_set(err, EFBIG, "its description is %llu bytes long; %llu are possible", (unsigned long long)size,
			       (unsigned long long)max);
	p = malloc(size + 1);
	if (!p)
		return err_set(err, ENOMEM, "no memory for its description");
	while (at < size && n > 0) {
		n = read_at(fd, p + at, size - at, at);
		at += n > 0 ? n : 0;
	}
	if (n < 0 || at < size) {
		free(p);
		return err_set(err, n < 0 ? n : -EIO, "its description cannot be read: %s", n < 0 ? strerror(-n) : "it is cut off");
	}
	p[size] = 0;
	*text = p;
	return 0;
}

int source_digest(int fd, uint64_t off, uint64_t size, struct progress *progress, char *hex, struct r3_err *err)
{
	cleanup_free uint8_t *buf = malloc(SOURCE_BUFFER);
	struct sha256_ctx ctx;
	ssize_t n;

	if (!buf)
		return err_set(err, ENOMEM, "no memory to read it");
	sha256_init(&ctx);
	while (size) {
		n = read_at(fd, buf, min_t(uint64_t, size, SOURCE_BUFFER), off);
		if (n <= 0)
			return err_set(err, n ? n : -EIO, "it cannot be read: %s", n ? strerror(-n) : "it became shorter");
		sha256_update(&ctx, n, buf);
		off += n;
		size -= n;
		advance(progress, n);
	}
	to_hex(&ctx, hex);
	return 0;
}

/* ---- the two readers ---- */

static la_ssize_t read_packed(struct archive *a, void *ctx, const void **data)
{
	struct source *s = ctx;
	ssize_t n = read_at(s->fd, s->buf[0], min_t(uint64_t, s->left, SOURCE_BUFFER), s->off);

	if (n < 0) {
		s->io_errno = -n;
		archive_set_error(a, -n, "it cannot be read");
		return -1;
	}
	*data = s->buf[0];
	s->off += n;
	s->left -= n;
	sha256_update(&s->packed, n, s->buf[0]);
	advance(s->progress, n);
	return n;
}

static void keep_tail(struct source *s, const uint8_t *data, size_t n)
{
	if (n >= sizeof(s->tail)) {
		memcpy(s->tail, data + n - sizeof(s->tail), sizeof(s->tail));
		return;
	}
	memmove(s->tail, s->tail + n, sizeof(s->tail) - n);
	memcpy(s->tail + sizeof(s->tail) - n, data, n);
}

static la_ssize_t read_plain(struct archive *a, void *ctx, const void **data)
{
	struct source *s = ctx;
	la_ssize_t n = archive_read_data(s->filter, s->buf[1], SOURCE_BUFFER);

	if (n < 0) {
		archive_set_error(a, EIO, "%s", archive_error_string(s->filter) ?: "it cannot be unpacked");
		return -1;
	}
	s->nr_plain += n;
	if (s->progress) {
		s->progress->unpacked += n;
		if (s->progress->unpacked > UNPACKED_MAX) {
			s->too_much = true;
			archive_set_error(a, EFBIG, "too much");
			return -1;
		}
	}
	*data = s->buf[1];
	sha256_update(&s->plain, n, s->buf[1]);
	keep_tail(s, s->buf[1], n);
	return n;
}

int source_wrong(struct source *s, struct archive *a, struct r3_err *err)
{
	const char *why = archive_error_string(a);

	if (s->io_errno)
		return err_set(err, s->io_errno, "it cannot be read: %s", strerror(s->io_errno));
	if (s->too_much)
		return err_set(err, EFBIG, "it unpacks to more than %llu GiB", UNPACKED_MAX >> 30);
	if (archive_errno(a) == ENOMEM)
		return err_set(err, ENOMEM, "no memory to unpack it");
	return err_set(err, EIO, "it is damaged or cut off: %s", why ? why : "it cannot be unpacked");
}

/* Those that are in the library itself: none is a program that would be started. */
static struct archive *new_filter(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	return a;
}

static int open_filter(struct source *s, int fd, uint64_t off, uint64_t size, struct progress *progress, struct r3_err *err)
{
	struct archive_entry *entry;
	int ret;

	*s = (struct source){ .fd = fd, .off = off, .left = size, .progress = progress };
	sha256_init(&s->packed);
	sha256_init(&s->plain);
	s->buf[0] = malloc(SOURCE_BUFFER);
	s->buf[1] = malloc(SOURCE_BUFFER);
	s->filter = new_filter();
	if (!s->buf[0] || !s->buf[1] || !s->filter)
		return err_set(err, ENOMEM, "no memory to unpack it");
	if (archive_read_open(s->filter, s, NULL, read_packed, NULL) != ARCHIVE_OK)
		return source_wrong(s, s->filter, err);
	ret = archive_read_next_header(s->filter, &entry);
	if (ret == ARCHIVE_EOF)
		return err_set(err, EINVAL, "it is empty");
	return ret < ARCHIVE_WARN ? source_wrong(s, s->filter, err) : 0;
}

int source_open(struct source *s, int fd, uint64_t off, uint64_t size, struct progress *progress, struct r3_err *err)
{
	int ret = open_filter(s, fd, off, size, progress, err);

	if (ret)
		return ret;
	s->tar = archive_read_new();
	if (!s->tar)
		return err_set(err, ENOMEM, "no memory to unpack it");
	archive_read_support_format_tar(s->tar);
	if (archive_read_open(s->tar, s, NULL, read_plain, NULL) == ARCHIVE_OK)
		return 0;
	if (s->io_errno || s->too_much)
		return source_wrong(s, s->tar, err);
	if (!strcmp(archive_error_string(s->tar) ?: "", "Unrecognized archive format"))
		return err_set(err, EINVAL, "it is not a tar archive");
	return source_wrong(s, s->tar, err);
}

int source_finish(struct source *s, char *packed, char *plain, struct r3_err *err)
{
	const void *data;
	la_ssize_t n;

	/* Of what is behind the archive's end, too. */
	while ((n = read_plain(s->filter, s, &data)) > 0)
		;
	if (n < 0)
		return source_wrong(s, s->filter, err);
	while (s->left) {
		n = read_packed(s->filter, s, &data);
		if (n < 0)
			return source_wrong(s, s->filter, err);
		if (!n)
			return err_set(err, EIO, "it became shorter while it was read");
	}
	if (packed)
		to_hex(&s->packed, packed);
	if (plain)
		to_hex(&s->plain, plain);
	return 0;
}

void source_close(struct source *s)
{
	if (s->tar)
		archive_read_free(s->tar);
	if (s->filter)
		archive_read_free(s->filter);
	free(s->buf[0]);
	free(s->buf[1]);
	*s = (struct source){ .fd = -1 };
}

int64_t source_copy(int fd, uint64_t size, int to, struct progress *progress, struct r3_err *err)
{
	struct source s;
	const void *data;
	int64_t sum = 0;
	la_ssize_t n = 0;
	int ret = open_filter(&s, fd, 0, size, progress, err);

	while (!ret && (n = read_plain(s.filter, &s, &data)) > 0) {
		ret = write_full(to, data, n);
		if (ret)
			err_set(err, ret, "what it unpacks to cannot be kept: %s", strerror(-ret));
		sum += n;
	}
	if (!ret && n < 0)
		ret = source_wrong(&s, s.filter, err);
	source_close(&s);
	return ret ? ret : sum;
}

int source_is_packed(int fd, uint64_t size, bool *packed, struct r3_err *err)
{
	struct source s;
	int ret = open_filter(&s, fd, 0, size, NULL, err);

	if (!ret)
		*packed = archive_filter_count(s.filter) > 1;
	source_close(&s);
	return ret;
}
