// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. First it is found out which image it is, by a digest, and
 * the parent is told: it may have that one already. If not, the layers are read one
 * after the other, each checked against its digests, and what they make together
 * becomes a file system. If that turns out to be too small, all is done again with a
 * larger one: how much a packed layer holds is not known before.
 */
#include "image.h"

#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "entries.h"
#include "ext4.h"
#include "manifest.h"
#include "parent.h"
#include "settings.h"
#include "source.h"
#include "tree.h"

#define GIB		(1ULL << 30)
#define SIZE_MIN	(8 * GIB)
#define SIZE_MAX_FS	(512 * GIB)
#define SIZE_ROOM	(4 * GIB)	/* for what the guest will write */
#define PACKED_RATIO	6
#define MEMBERS_MAX	65536		/* files in a docker archive */

struct layer {
	int fd;				/* -1: a blob that is to be asked for */
	uint64_t off, size;
	const char *packed, *plain;	/* digests that it has to have; NULL: none is known */
};

struct build {
	const char *id;			/* of the image, in hexadecimal */
	struct layer *layer;
	unsigned int nr_layers;
	const struct image_config *config;	/* NULL: a plain archive */
	int image, settings;
	struct progress progress;
};

static int file_size(int fd, uint64_t *size, struct r3_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "it cannot be read: %s", strerror(errno));
	*size = st.st_size;
	return 0;
}

/* ---- building ---- */

static int same(const char *have, const char *want, const char *what, struct r3_err *err)
{
	if (!want || !strcmp(have, want))
		return 0;
	return err_set(err, EBADMSG, "%s is not what its digest says: it is sha256:%s instead of sha256:%s", what, have, want);
}

static int apply_layer(struct build *b, unsigned int i, int fd, struct tree *tree, struct ext4 *fs, struct r3_err *err)
{
	static const uint8_t zero[512];
	const struct layer *layer = &b->layer[i];
	char packed[HEX_DIGEST], plain[HEX_DIGEST];
	struct source source;
	int ret = source_open(&source, fd, layer->off, layer->size, &b->progress, err);

	if (!ret)
		ret = entries_apply(&source, tree, fs, b->config ? i + 1 : 0, err);
	if (!ret)
		ret = source_finish(&source, packed, plain, err);
	if (!ret)
		ret = same(packed, layer->packed, "a layer", err);
	if (!ret)
		ret = same(plain, layer->plain, "an unpacked layer", err);
	/* Nothing else says that a plain archive is complete. */
	if (!ret && !layer->packed && !layer->plain && memcmp(source.tail, zero, sizeof(zero)))
		ret = err_set(err, EIO, "it is cut off: the end of a tar archive is missing");
	source_close(&source);
	return ret;
}

static int one_layer(struct build *b, unsigned int i, struct tree *tree, struct ext4 *fs, struct r3_err *err)
{
	struct layer *layer = &b->layer[i];
	int fd = layer->fd, ret;
	uint64_t size = 0;

	if (fd < 0)
		fd = parent_blob(layer->packed, err);
	if (fd < 0)
		return fd;
	ret = file_size(fd, &size, err);
	if (!ret && layer->fd < 0 && size != layer->size)
		ret = err_set(err, EBADMSG, "a layer is %llu bytes long instead of %llu: it is damaged or cut off",
			      (unsigned long long)size, (unsigned long long)layer->size);
	if (!ret)
		ret = apply_layer(b, i, fd, tree, fs, err);
	if (layer->fd < 0)
		close(fd);
	return ret;
}

static int build_once(struct build *b, uint64_t size, struct r3_err *err)
{
	struct tree tree = { .drop = ext4_drop };
	struct ext4 *fs = NULL;
	uint8_t id[16];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < sizeof(id); i++)
		sscanf(b->id + 2 * i, "%2hhx", &id[i]);
	if (ftruncate(b->image, 0) < 0)
		return err_set(err, errno, "the root's image cannot be written: %s", strerror(errno));
	b->progress.done = b->progress.unpacked = 0;
	ret = tree_init(&tree, err);
	if (!ret)
		ret = ext4_new(&fs, b->image, size, id, err);
	tree.ctx = fs;
	for (i = 0; !ret && i < b->nr_layers; i++)
		ret = one_layer(b, i, &tree, fs, err);
	if (!ret && b->config)
		ret = settings_write(b->settings, b->config, &tree, fs, err);
	if (!ret)
		ret = ext4_finish(fs, &tree, err);
	tree.drop = NULL;
	/* The tree ends with the process, which comes next, or is tried again. */
	if (ret == -ENOSPC) {
		tree.drop = ext4_drop;
		tree_free(&tree);
	}
	ext4_free(fs);
	return ret;
}

static int build(struct build *b, uint64_t packed, uint64_t plain, struct r3_err *err)
{
	uint64_t size = plain + plain / 4 + packed * PACKED_RATIO + SIZE_ROOM;
	struct parent_want want;
	unsigned int i;
	int ret = parent_image(b->id, &want, err);

	if (ret || !want.make)
		return ret;
	b->image = want.image;
	b->settings = want.settings;
	b->progress.show = parent_progress;
	for (i = 0; i < b->nr_layers; i++)
		b->progress.total += b->layer[i].size;
	size = (size + GIB - 1) / GIB * GIB;
	if (size < SIZE_MIN)
		size = SIZE_MIN;
	if (size > SIZE_MAX_FS)
		size = SIZE_MAX_FS;
	for (;;) {
		ret = build_once(b, size, err);
		if (ret != -ENOSPC || size >= SIZE_MAX_FS)
			return ret;
		size = min_t(uint64_t, 4 * size, SIZE_MAX_FS);
	}
}

/* ---- a plain archive ---- */

int image_tar(int fd, struct r3_err *err)
{
	struct layer layer = { .fd = fd };
	struct build b = { .layer = &layer, .nr_layers = 1 };
	struct progress hashing = { 0 };
	char id[HEX_DIGEST];
	bool packed = false;
	int ret = file_size(fd, &layer.size, err);

	if (!ret && !layer.size)
		return err_set(err, EINVAL, "it is empty");
	if (!ret)
		ret = source_is_packed(fd, layer.size, &packed, err);
	if (!ret)
		ret = source_digest(fd, 0, layer.size, &hashing, id, err);
	b.id = id;
	return ret ?: build(&b, packed ? layer.size : 0, packed ? 0 : layer.size, err);
}

/* ---- OCI ---- */

/* A small blob, whole and checked. */
static int blob_text(const struct blob *blob, const char *what, char **text, struct r3_err *err)
{
	cleanup_close int fd = -1;
	char have[HEX_DIGEST];
	uint64_t size = 0;
	int ret;

	if (blob->size > MANIFEST_MAX_TEXT)
		return err_set(err, EFBIG, "its %s is %llu bytes long; %u are possible", what, (unsigned long long)blob->size, MANIFEST_MAX_TEXT);
	fd = parent_blob(blob->digest, err);
	if (fd < 0)
		return fd;
	ret = file_size(fd, &size, err);
	if (!ret && size != blob->size)
		ret = err_set(err, EBADMSG, "its %s is %llu bytes long instead of %llu", what, (unsigned long long)size, (unsigned long long)blob->size);
	if (!ret)
		ret = source_digest(fd, 0, size, NULL, have, err);
	if (!ret)
		ret = same(have, blob->digest, what, err);
	return ret ?: source_text(fd, size, MANIFEST_MAX_TEXT, text, err);
}

/* From index to manifest; the tag is the first one's. */
static int find_manifest(int fd, const char *tag, struct blob *blob, struct r3_err *err)
{
	struct index_choice choice;
	uint64_t size = 0;
	char *text;
	int ret = file_size(fd, &size, err), depth;

	if (!ret)
		ret = source_text(fd, size, MANIFEST_MAX_TEXT, &text, err);
	for (depth = 0; !ret; depth++) {
		ret = manifest_index(text, tag, &choice, err);
		free(text);
		if (ret || !choice.index)
			break;
		if (depth == MANIFEST_MAX_NESTED)
			return err_set(err, ELOOP, "its index leads to indexes that are nested more than %d deep", MANIFEST_MAX_NESTED);
		ret = blob_text(&choice.blob, "index", &text, err);
		tag = NULL;
	}
	*blob = choice.blob;
	return ret;
}

static int oci_layers(struct build *b, const struct manifest *m, struct r3_err *err)
{
	unsigned int i;

	if (b->config->nr_layers != m->nr_layers)
		return err_set(err, EINVAL, "its manifest has %u layers and its configuration %u", m->nr_layers, b->config->nr_layers);
	b->nr_layers = m->nr_layers;
	for (i = 0; i < m->nr_layers; i++)
		b->layer[i] = (struct layer){
			.fd = -1,
			.size = m->layer[i].size,
			.packed = m->layer[i].digest,
			.plain = b->config->diff_id[i],
		};
	return 0;
}

static uint64_t all_layers(const struct build *b)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < b->nr_layers; i++)
		sum += min_t(uint64_t, b->layer[i].size, SIZE_MAX_FS);
	return sum;
}

int image_oci(int fd, const char *tag, struct r3_err *err)
{
	static struct layer layers[MANIFEST_MAX_LAYERS];
	static struct manifest manifest;
	struct image_config config = { 0 };
	struct build b = { .layer = layers, .config = &config };
	struct blob blob;
	char *text;
	int ret = find_manifest(fd, tag, &blob, err);

	if (!ret)
		ret = blob_text(&blob, "manifest", &text, err);
	if (ret)
		return ret;
	ret = manifest_read(text, &manifest, err);
	free(text);
	if (!ret)
		ret = blob_text(&manifest.config, "configuration", &text, err);
	if (ret)
		return ret;
	ret = manifest_config(text, &config, err);
	free(text);
	if (!ret)
		ret = oci_layers(&b, &manifest, err);
	b.id = blob.digest;
	if (!ret)
		ret = build(&b, all_layers(&b), 0, err);
	manifest_config_free(&config);
	return ret;
}

/* ---- docker's archives ---- */

struct member {
	char name[MANIFEST_MAX_NAME];
	uint64_t off, size;
	char *link;			/* a symbolic link to another one */
};

struct members {
	struct member *list;
	unsigned int n, room;
};

static void members_free(struct members *m)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		free(m->list[i].link);
	free(m->list);
}

static int add_member(struct members *m, struct source *s, struct archive_entry *e, struct r3_err *err)
{
	const char *name = archive_entry_pathname(e), *link = archive_entry_symlink(e);
	struct member *more;

	if (!name || strlen(name) >= MANIFEST_MAX_NAME || (archive_entry_filetype(e) != AE_IFREG && !link))
		return 0;
	if (m->n == MEMBERS_MAX)
		return err_set(err, EFBIG, "it has more than %d files", MEMBERS_MAX);
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 64;
		more = realloc(m->list, m->room * sizeof(*more));
		if (!more)
			return err_set(err, ENOMEM, "no memory for its files");
		m->list = more;
	}
	more = &m->list[m->n++];
	*more = (struct member){ .size = archive_entry_size(e), .link = link ? strdup(link) : NULL };
	/* What the reader of headers has taken so far: the data is next. */
	more->off = archive_filter_bytes(s->tar, 0);
	strcpy(more->name, name + (strncmp(name, "./", 2) ? 0 : 2));
	return 0;
}

static int read_members(int fd, uint64_t size, struct members *m, struct r3_err *err)
{
	struct archive_entry *e;
	struct source s;
	int ret = source_open(&s, fd, 0, size, NULL, err), got;

	while (!ret) {
		got = archive_read_next_header(s.tar, &e);
		if (got == ARCHIVE_EOF)
			break;
		ret = got == ARCHIVE_OK || got == ARCHIVE_WARN ? add_member(m, &s, e, err) : source_wrong(&s, err);
	}
	source_close(&s);
	return ret;
}

/* "../x" of "a/b" is "x": docker's archives name a layer that they have already so. */
static void resolve(const char *name, const char *link, char *out, size_t size)
{
	char dir[MANIFEST_MAX_NAME];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", name);
	slash = strrchr(dir, '/');
	*(slash ? slash : dir) = 0;
	while (!strncmp(link, "../", 3)) {
		link += 3;
		slash = strrchr(dir, '/');
		*(slash ? slash : dir) = 0;
	}
	snprintf(out, size, "%s%s%s", dir, dir[0] ? "/" : "", link);
}

static const struct member *find_member(const struct members *m, const char *name, int hops)
{
	char other[2 * MANIFEST_MAX_NAME];
	unsigned int i;

	/* The last of a name is the one that counts. */
	for (i = m->n; i--; ) {
		if (strcmp(m->list[i].name, name))
			continue;
		if (!m->list[i].link)
			return &m->list[i];
		if (hops > 8)
			return NULL;
		resolve(name, m->list[i].link, other, sizeof(other));
		return find_member(m, other, hops + 1);
	}
	return NULL;
}

static int member_text(int fd, const struct members *m, const char *name, char **text, char *digest, struct r3_err *err)
{
	const struct member *file = find_member(m, name, 0);
	char *p;
	int ret;

	if (!file)
		return err_set(err, ENOENT, "there is no %s in it", name);
	if (file->size > MANIFEST_MAX_TEXT)
		return err_set(err, EFBIG, "its %s is %llu bytes long; %u are possible", name, (unsigned long long)file->size, MANIFEST_MAX_TEXT);
	ret = digest ? source_digest(fd, file->off, file->size, NULL, digest, err) : 0;
	if (ret)
		return ret;
	p = calloc(1, file->size + 1);
	if (!p || pread(fd, p, file->size, file->off) != (ssize_t)file->size) {
		free(p);
		return err_set(err, EIO, "its %s cannot be read: it is cut off", name);
	}
	*text = p;
	return 0;
}

static int docker_layers(struct build *b, int fd, const struct members *m, const struct docker_image *image, struct r3_err *err)
{
	unsigned int i;

	if (b->config->nr_layers != image->nr_layers)
		return err_set(err, EINVAL, "its manifest has %u layers and its configuration %u", image->nr_layers, b->config->nr_layers);
	b->nr_layers = image->nr_layers;
	for (i = 0; i < image->nr_layers; i++) {
		const struct member *file = find_member(m, image->layer[i], 0);

		if (!file)
			return err_set(err, ENOENT, "there is no layer %s in it", image->layer[i]);
		b->layer[i] = (struct layer){ .fd = fd, .off = file->off, .size = file->size, .plain = b->config->diff_id[i] };
	}
	return 0;
}

static int docker_image(int fd, uint64_t size, const char *name, struct r3_err *err)
{
	static struct layer layers[MANIFEST_MAX_LAYERS];
	static struct docker_image image;
	struct image_config config = { 0 };
	struct build b = { .layer = layers, .config = &config };
	struct members members = { NULL };
	char id[HEX_DIGEST], *text = NULL;
	int ret = read_members(fd, size, &members, err);

	if (!ret && !find_member(&members, "manifest.json", 0))
		ret = err_set(err, EINVAL, "it is not an archive of docker's: there is no manifest.json in it");
	if (!ret)
		ret = member_text(fd, &members, "manifest.json", &text, NULL, err);
	if (!ret) {
		ret = manifest_docker(text, name, &image, err);
		free(text);
	}
	if (!ret)
		ret = member_text(fd, &members, image.config, &text, id, err);
	if (!ret) {
		ret = manifest_config(text, &config, err);
		free(text);
	}
	if (!ret)
		ret = docker_layers(&b, fd, &members, &image, err);
	/* The configuration has the digests of all layers, so its own is the image's. */
	b.id = id;
	if (!ret)
		ret = build(&b, 0, all_layers(&b), err);
	manifest_config_free(&config);
	members_free(&members);
	return ret;
}

int image_docker(int fd, const char *name, struct r3_err *err)
{
	struct progress unpacking = { 0 };
	bool packed = false;
	uint64_t size = 0;
	int64_t n;
	int ret = file_size(fd, &size, err), scratch;

	if (!ret && !size)
		return err_set(err, EINVAL, "it is empty");
	if (!ret)
		ret = source_is_packed(fd, size, &packed, err);
	if (ret)
		return ret;
	if (!packed)
		return docker_image(fd, size, name, err);
	/* Its files are read in an order that is not theirs. */
	scratch = parent_scratch(err);
	if (scratch < 0)
		return scratch;
	n = source_copy(fd, size, scratch, &unpacking, err);
	return n < 0 ? (int)n : docker_image(scratch, n, name, err);
}
