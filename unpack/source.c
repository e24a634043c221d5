// SPDX-License-Identifier: GPL-2.0-or-later
#include "source.h"

#include <errno.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

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

/* @a may be NULL: the caller looks at the source. */
static int wrong(struct source *s, struct archive *a, const char *why)
{
	if (!s->wrong[0])
		snprintf(s->wrong, sizeof(s->wrong), "%s", why ? why : "it cannot be unpacked");
	if (a)
		archive_set_error(a, EIO, "%s", s->wrong);
	return -1;
}

static la_ssize_t read_packed(struct archive *a, void *ctx, const void **data)
{
	struct source *s = ctx;
	ssize_t n = read_at(s->fd, s->buf[0], min_t(uint64_t, s->left, SOURCE_BUFFER), s->off);

	if (n < 0) {
		s->io_errno = -n;
		return wrong(s, a, "it cannot be read");
	}
	*data = s->buf[0];
	s->off += n;
	s->left -= n;
	sha256_update(&s->packed, n, s->buf[0]);
	advance(s->progress, n);
	return n;
}

static int gzip_fill(struct source *s)
{
	const void *data;
	la_ssize_t n = read_packed(NULL, s, &data);

	if (n > 0) {
		s->gzip->next_in = (Bytef *)data;
		s->gzip->avail_in = n;
	}
	return n;
}

/* At the end of a member: another one may follow, or what somebody has padded it with. */
static int gzip_next(struct source *s)
{
	int n = s->gzip->avail_in ? 1 : gzip_fill(s);

	if (n < 0)
		return n;
	s->gzip_over = !n || *s->gzip->next_in != 0x1f;
	return s->gzip_over ? 0 : inflateReset(s->gzip);
}

static la_ssize_t read_gzip(struct source *s)
{
	z_stream *z = s->gzip;
	int ret, n;

	z->next_out = s->buf[1];
	z->avail_out = SOURCE_BUFFER;
	while (z->avail_out && !s->gzip_over) {
		n = z->avail_in ? 1 : gzip_fill(s);
		if (n < 0)
			return n;
		ret = n ? inflate(z, Z_NO_FLUSH) : Z_BUF_ERROR;
		if (ret == Z_STREAM_END)
			ret = gzip_next(s);
		if (ret == Z_BUF_ERROR && !n)
			return wrong(s, NULL, "the end of its gzip data is missing");
		if (ret != Z_OK && ret != Z_BUF_ERROR)
			return wrong(s, NULL, z->msg ? z->msg : "its gzip data makes no sense");
	}
	return SOURCE_BUFFER - z->avail_out;
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
	la_ssize_t n = s->gzip ? read_gzip(s) : archive_read_data(s->filter, s->buf[1], SOURCE_BUFFER);

	if (n < 0)
		return wrong(s, a, s->gzip ? NULL : archive_error_string(s->filter));
	s->nr_plain += n;
	if (s->progress) {
		s->progress->unpacked += n;
		if (s->progress->unpacked > UNPACKED_MAX) {
			s->too_much = true;
			return wrong(s, a, "too much");
		}
	}
	*data = s->buf[1];
	sha256_update(&s->plain, n, s->buf[1]);
	keep_tail(s, s->buf[1], n);
	return n;
}

int source_wrong(struct source *s, struct r3_err *err)
{
	const char *why = s->wrong;

	if (s->io_errno)
		return err_set(err, s->io_errno, "it cannot be read: %s", strerror(s->io_errno));
	if (s->too_much)
		return err_set(err, EFBIG, "it unpacks to more than %llu GiB", UNPACKED_MAX >> 30);
	if ((s->tar && archive_errno(s->tar) == ENOMEM) || (s->filter && archive_errno(s->filter) == ENOMEM))
		return err_set(err, ENOMEM, "no memory to unpack it");
	if (!*why && s->tar)
		why = archive_error_string(s->tar);
	if (!why || !*why)
		why = s->filter ? archive_error_string(s->filter) : NULL;
	return err_set(err, EIO, "it is damaged or cut off: %s", why ? why : "it cannot be unpacked");
}

static int open_gzip(struct source *s, struct r3_err *err)
{
	s->gzip = calloc(1, sizeof(*s->gzip));
	/* 16: gzip, whose checksums are looked at. */
	if (!s->gzip || inflateInit2(s->gzip, MAX_WBITS + 16) != Z_OK)
		return err_set(err, ENOMEM, "no memory to unpack it");
	return 0;
}

/* Those that are in the library itself: none is a program that would be started. */
static struct archive *new_filter(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
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
	uint8_t magic[2] = { 0 };
	int ret;

	*s = (struct source){ .fd = fd, .off = off, .left = size, .progress = progress };
	sha256_init(&s->packed);
	sha256_init(&s->plain);
	s->buf[0] = malloc(SOURCE_BUFFER);
	s->buf[1] = malloc(SOURCE_BUFFER);
	if (!s->buf[0] || !s->buf[1])
		return err_set(err, ENOMEM, "no memory to unpack it");
	if (size >= 2 && read_at(fd, magic, 2, off) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
		return open_gzip(s, err);
	s->filter = new_filter();
	if (!s->filter)
		return err_set(err, ENOMEM, "no memory to unpack it");
	if (archive_read_open(s->filter, s, NULL, read_packed, NULL) != ARCHIVE_OK)
		return source_wrong(s, err);
	ret = archive_read_next_header(s->filter, &entry);
	if (ret == ARCHIVE_EOF)
		return err_set(err, EINVAL, "it is empty");
	return ret < ARCHIVE_WARN ? source_wrong(s, err) : 0;
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
		return source_wrong(s, err);
	if (!s->wrong[0] && !strcmp(archive_error_string(s->tar) ?: "", "Unrecognized archive format"))
		return err_set(err, EINVAL, "it is not a tar archive");
	return source_wrong(s, err);
}

int source_finish(struct source *s, char *packed, char *plain, struct r3_err *err)
{
	const void *data;
	la_ssize_t n;

	/* Of what is behind the archive's end, too. */
	while ((n = read_plain(NULL, s, &data)) > 0)
		;
	if (n < 0)
		return source_wrong(s, err);
	while (s->left) {
		n = read_packed(NULL, s, &data);
		if (n < 0)
			return source_wrong(s, err);
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
	if (s->gzip)
		inflateEnd(s->gzip);
	free(s->gzip);
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

	while (!ret && (n = read_plain(NULL, &s, &data)) > 0) {
		ret = write_full(to, data, n);
		if (ret)
			err_set(err, ret, "what it unpacks to cannot be kept: %s", strerror(-ret));
		sum += n;
	}
	if (!ret && n < 0)
		ret = source_wrong(&s, err);
	source_close(&s);
	return ret ? ret : sum;
}

int source_is_packed(int fd, uint64_t size, bool *packed, struct r3_err *err)
{
	struct source s;
	int ret = open_filter(&s, fd, 0, size, NULL, err);

	if (!ret)
		*packed = s.gzip || archive_filter_count(s.filter) > 1;
	source_close(&s);
	return ret;
}
