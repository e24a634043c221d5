// SPDX-License-Identifier: GPL-2.0-or-later
#include "tarin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK		512
#define PAX_MAX		(1 << 20)

static int read_all(void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(0, (char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		done += n;
	}
	return 0;
}

static ssize_t tarin_data(struct tarin *in, void *buf, size_t len)
{
	int ret;

	if (len > in->left)
		len = in->left;
	ret = len ? read_all(buf, len) : 0;
	if (ret)
		return ret;
	in->left -= len;
	return len;
}

static int skip(struct tarin *in)
{
	char buf[4096];
	ssize_t n;
	int ret;

	while ((n = tarin_data(in, buf, sizeof(buf))) > 0)
		;
	ret = n < 0 ? (int)n : read_all(buf, in->pad);
	in->pad = 0;
	return ret;
}

static uint64_t octal(const char *field, size_t size)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < size && (field[i] == ' ' || !field[i]); i++)
		;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		n = n << 3 | (field[i] - '0');
	return n;
}

struct extra {
	bool sparse, real, name;
	uint64_t n_real;
	unsigned int nr_xattrs;
	bool path, link, size, uid, gid, mtime;
	uint64_t n_size;
	uid_t n_uid;
	gid_t n_gid;
	int64_t n_mtime;
	uint32_t n_nsec;
};

static void one_record(struct tarin *in, struct extra *x, const char *key, const char *value, size_t len)
{
	static const char xattr[] = "SCHILY.xattr.";
	char *end;

	if (!strncmp(key, xattr, sizeof(xattr) - 1) && x->nr_xattrs < PLACE_XATTRS) {
		in->xattr[x->nr_xattrs++] = (struct place_xattr){ key + sizeof(xattr) - 1, value, len };
		return;
	}
	if (!strcmp(key, "GNU.sparse.major")) {
		x->sparse = !strcmp(value, "1");
		return;
	}
	if (!strcmp(key, "GNU.sparse.realsize")) {
		x->n_real = strtoull(value, NULL, 10);
		x->real = true;
		return;
	}
	if (!strcmp(key, "GNU.sparse.name") && strlen(value) < sizeof(in->path)) {
		strcpy(in->path, value);
		x->path = x->name = true;
		return;
	}
	/* The name that it has for those who know nothing of holes. */
	if (!strcmp(key, "path") && x->name)
		return;

	if (!strcmp(key, "path") && strlen(value) < sizeof(in->path)) {
		strcpy(in->path, value);
		x->path = true;
	} else if (!strcmp(key, "linkpath") && strlen(value) < sizeof(in->link)) {
		strcpy(in->link, value);
		x->link = true;
	} else if (!strcmp(key, "size")) {
		x->n_size = strtoull(value, NULL, 10);
		x->size = true;
	} else if (!strcmp(key, "uid")) {
		x->n_uid = strtoull(value, NULL, 10);
		x->uid = true;
	} else if (!strcmp(key, "gid")) {
		x->n_gid = strtoull(value, NULL, 10);
		x->gid = true;
	} else if (!strcmp(key, "mtime")) {
		char digits[10] = "000000000";

		x->n_mtime = strtoll(value, &end, 10);
		x->n_nsec = 0;
		if (*end == '.' && x->n_mtime >= 0 && value[0] != '-') {
			size_t n = strspn(end + 1, "0123456789");

			memcpy(digits, end + 1, n < 9 ? n : 9);
			x->n_nsec = strtoul(digits, NULL, 10);
		}
		x->mtime = true;
	}
}

/* Lines of "LENGTH KEY=VALUE\n". */
static int take_pax(struct tarin *in, struct extra *x, uint64_t size)
{
	char *text, *p, *end, *key, *equals;
	unsigned long len;
	int ret;

	if (size > PAX_MAX)
		return -E2BIG;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	/* Values are used where they are, until the next entry. */
	free(in->pax);
	in->pax = text;
	x->nr_xattrs = 0;
	in->left = size;
	in->pad = -size % BLOCK;
	ret = tarin_data(in, text, size) == (ssize_t)size ? skip(in) : -EPIPE;
	text[size] = 0;
	for (p = text; !ret && p < text + size; p += len) {
		len = strtoul(p, &end, 10);
		if (*end != ' ' || len < 4 || len > (size_t)(text + size - p) || p[len - 1] != '\n') {
			ret = -EINVAL;
			break;
		}
		key = end + 1;
		p[len - 1] = 0;
		equals = strchr(key, '=');
		if (equals && equals < p + len) {
			*equals = 0;
			one_record(in, x, key, equals + 1, p + len - 1 - (equals + 1));
		}
	}
	return ret;
}

static mode_t type_of(char type)
{
	switch (type) {
	case '2': return S_IFLNK;
	case '3': return S_IFCHR;
	case '4': return S_IFBLK;
	case '5': return S_IFDIR;
	case '6': return S_IFIFO;
	default: return S_IFREG;
	}
}

static void fill(struct tarin *in, const struct extra *x, const char *h)
{
	struct place_entry *e = &in->entry;
	uint64_t size = x->size ? x->n_size : octal(h + 124, 12);

	if (!x->path && h[345])
		snprintf(in->path, sizeof(in->path), "%.155s/%.100s", h + 345, h);
	else if (!x->path)
		snprintf(in->path, sizeof(in->path), "%.100s", h);
	if (!x->link)
		snprintf(in->link, sizeof(in->link), "%.100s", h + 157);
	*e = (struct place_entry){
		.path = in->path,
		.link = in->link,
		.hard = h[156] == '1',
		.mode = type_of(h[156]) | (octal(h + 100, 8) & 07777),
		.uid = x->uid ? x->n_uid : octal(h + 108, 8),
		.gid = x->gid ? x->n_gid : octal(h + 116, 8),
		.mtime = x->mtime ? x->n_mtime : (int64_t)octal(h + 136, 12),
		.nsec = x->mtime ? x->n_nsec : 0,
		.major = octal(h + 329, 8),
		.minor = octal(h + 337, 8),
		.xattr = in->xattr,
		.nr_xattrs = x->nr_xattrs,
	};
	in->left = S_ISREG(e->mode) || e->hard ? size : 0;
	in->pad = -in->left % BLOCK;
	in->size = x->sparse ? x->n_real : in->left;
	in->off = 0;
}

/* The next decimal line of the map, which is in whole blocks before the data. */
static int map_number(struct tarin *in, char *block, size_t *used, uint64_t *n)
{
	unsigned int digits = 0;

	for (*n = 0;; digits++) {
		if (*used == BLOCK) {
			ssize_t got = tarin_data(in, block, BLOCK);

			if (got != BLOCK)
				return got < 0 ? (int)got : -EINVAL;
			*used = 0;
		}
		if (block[*used] == '\n' && digits)
			break;
		if (block[*used] < '0' || block[*used] > '9' || digits > 18)
			return -EINVAL;
		*n = *n * 10 + block[(*used)++] - '0';
	}
	++*used;
	return 0;
}

/* Where the data of a file with holes is. */
static int take_map(struct tarin *in)
{
	uint64_t nr, end = 0, data = 0, i;
	char block[BLOCK];
	size_t used = BLOCK;
	int ret = map_number(in, block, &used, &nr);

	if (ret || nr > TARIN_PARTS)
		return ret ? ret : -E2BIG;
	in->part = calloc(nr + 1, sizeof(in->part[0]));
	if (!in->part)
		return -ENOMEM;
	in->nr_parts = nr;
	for (i = 0; i < nr; i++) {
		struct tarin_part *part = &in->part[i];

		ret = map_number(in, block, &used, &part->off) ?: map_number(in, block, &used, &part->len);
		if (ret)
			return ret;
		if (part->off < end || part->off > in->size || part->len > in->size - part->off)
			return -EINVAL;
		end = part->off + part->len;
		data += part->len;
	}
	return data == in->left ? 0 : -EINVAL;
}

ssize_t tarin_block(struct tarin *in, void *buf, size_t len, uint64_t *off)
{
	struct tarin_part *part;
	ssize_t n;

	if (in->part) {
		while (in->at < in->nr_parts && in->off == in->part[in->at].len) {
			in->at++;
			in->off = 0;
		}
		if (in->at == in->nr_parts)
			return 0;
		part = &in->part[in->at];
		*off = part->off + in->off;
		len = len < part->len - in->off ? len : part->len - in->off;
	} else {
		*off = in->off;
	}
	n = tarin_data(in, buf, len);
	in->off += n > 0 ? n : 0;
	return n;
}

int tarin_next(struct tarin *in)
{
	struct extra x = { 0 };
	char h[BLOCK];
	uint64_t size;
	int ret = skip(in);

	free(in->part);
	free(in->pax);
	in->part = NULL;
	in->pax = NULL;
	in->nr_parts = in->at = 0;
	for (;;) {
		if (!ret)
			ret = read_all(h, sizeof(h));
		if (ret)
			return ret;
		if (!h[0] && !h[156]) {
			/* The rest, so that nobody has to stop before its end. */
			while (read(0, h, sizeof(h)) > 0)
				;
			return 0;
		}
		if (h[156] != 'x' && h[156] != 'g')
			break;
		size = octal(h + 124, 12);
		if (h[156] == 'x') {
			ret = take_pax(in, &x, size);
		} else {
			in->left = size;
			in->pad = -size % BLOCK;
			ret = skip(in);
		}
	}
	fill(in, &x, h);
	ret = x.sparse && x.real ? take_map(in) : 0;
	return ret ? ret : 1;
}
