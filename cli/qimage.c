// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "confine.h"
#include "qimage.h"

#define TOOL		"qemu-img"
#define TOOL_PACKAGE	"qemu-utils"
#define TOOL_MS		60000
#define TOOL_WORDS	24

/* What QEMU locks of an image: a byte for each thing that somebody does, and for each that nobody else may do. */
#define LOCK_FIRST	100
#define LOCK_DOES_WRITE	101

static const struct {
	const char *word;		/* the user's */
	const char *format;		/* QEMU's */
	const char *suffix;
	off_t at;			/* how the content begins, or ends; len 0: not known by that */
	size_t len;
	const char *magic;
} formats[] = {
	{ "raw", "raw", ".raw", 0, 0, NULL },
	{ "raw", "raw", ".img", 0, 0, NULL },
	{ "raw", "raw", ".iso", 0, 0, NULL },
	{ "qcow2", "qcow2", ".qcow2", 0, 4, "QFI\xfb" },
	{ "qcow", "qcow", ".qcow", 0, 0, NULL },
	{ "vmdk", "vmdk", ".vmdk", 0, 4, "KDMV" },
	{ "vmdk", "vmdk", ".vmdk", 0, 21, "# Disk DescriptorFile" },
	{ "vdi", "vdi", ".vdi", 64, 4, "\x7f\x10\xda\xbe" },
	{ "vhdx", "vhdx", ".vhdx", 0, 8, "vhdxfile" },
	{ "vhd", "vpc", ".vhd", 0, 8, "conectix" },
	{ "vpc", "vpc", ".vpc", 0, 0, NULL },
};

const char *qimage_format(const char *option, const char *word, struct r3_err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(word, formats[i].word))
			return formats[i].format;
	err_set(err, EINVAL, "%s: format=%s is none that ring3 knows: raw, qcow2, qcow, vmdk, vdi, vhdx or vhd", option, word);
	return NULL;
}

/* What the content looks like, or NULL. */
static const char *looks_like(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[32];
	struct stat st;
	size_t i;

	/* Only of files: a disk of the host's has a partition table. */
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].len && pread(fd, head, formats[i].len, formats[i].at) == (ssize_t)formats[i].len &&
		    !memcmp(head, formats[i].magic, formats[i].len))
			return formats[i].word;
	return NULL;
}

/* An image of that format begins so; fixed VHDs only end so. */
static bool is_one(const char *path, const char *format)
{
	const char *like = looks_like(path);
	bool known = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].format, format) || !formats[i].len)
			continue;
		known = strcmp(format, "vpc");
		if (like && !strcmp(like, formats[i].word))
			return true;
	}
	return !known;
}

const char *qimage_format_of(const char *path, struct r3_err *err)
{
	size_t i, len = strlen(path);
	const char *like;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		size_t n = strlen(formats[i].suffix);

		if (len > n && !strcasecmp(path + len - n, formats[i].suffix) && strcmp(formats[i].format, QIMAGE_RAW))
			return formats[i].format;
	}
	like = looks_like(path);
	if (!like)
		return QIMAGE_RAW;
	err_set(err, EINVAL, "disk image %s begins like one of format %s, which its name does not say: add format=%s, or format=raw if what is in it is the disk itself",
		path, like, like);
	return NULL;
}

/* ---- is it in use? ---- */

static bool locked(int fd, short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	if (fcntl(fd, F_OFD_GETLK, &lock) || lock.l_type == F_UNLCK)
		return false;
	/* Older ring3s lock all of a file that they read. */
	return start != LOCK_DOES_WRITE || lock.l_type == F_WRLCK || lock.l_start >= LOCK_FIRST;
}

static int cannot_open(const char *path, bool write, int e, struct r3_err *err)
{
	switch (e) {
	case ENOENT:
		return err_set(err, e, "disk image %s does not exist; check the path", path);
	case EACCES:
	case EPERM:
	case EROFS:
		return err_set(err, e, "disk image %s cannot be %s (%s); change its permissions%s", path, write ? "written" : "read", strerror(e),
			       write ? ", or use it read-only or under an ephemeral overlay" : "");
	case EISDIR:
		return err_set(err, e, "disk image %s is a directory; name the image file in it", path);
	}
	return err_set(err, e, "disk image %s: %s", path, strerror(e));
}

int qimage_in_use(const char *path, bool write, struct r3_err *err)
{
	cleanup_close int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return cannot_open(path, write, errno, err);
	if (fstat(fd, &st) || S_ISDIR(st.st_mode))
		return cannot_open(path, write, EISDIR, err);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, EINVAL, "disk image %s is neither a file nor a block device", path);
	if (write && locked(fd, F_WRLCK, 0, 0))
		return err_set(err, EBUSY, "disk image %s is in use by another guest or program; end that first, or use the image read-only or under an ephemeral overlay in both",
			       path);
	if (!write && (locked(fd, F_RDLCK, 0, 0) || locked(fd, F_WRLCK, LOCK_DOES_WRITE, 1)))
		return err_set(err, EBUSY, "disk image %s is being written by another guest or program; end that first, or use a copy of the image", path);
	return 0;
}

/* ---- qemu-img ---- */

/* Its own name in front says nothing, and the path is in our sentence. */
static void shorten(struct r3_err *err)
{
	static const char mine[] = TOOL ": ";

	if (!strncmp(err->msg, mine, sizeof(mine) - 1))
		memmove(err->msg, err->msg + sizeof(mine) - 1, strlen(err->msg + sizeof(mine) - 1) + 1);
}

int qimage_tool(const char *const *words, const int *fds, int nr_fds, const struct confine *walls, char **out, struct r3_err *err)
{
	cleanup_free char *text = NULL;
	char *argv[TOOL_WORDS + 2] = { TOOL };
	char path[PATH_MAX];
	int i, ret = backend_find_host(TOOL, TOOL_PACKAGE, path, sizeof(path), err);

	if (ret)
		return ret;
	for (i = 0; words[i]; i++) {
		if (i == TOOL_WORDS)
			return err_set(err, E2BIG, "too many words for %s", TOOL);
		argv[1 + i] = (char *)words[i];
	}
	ret = backend_ask(TOOL, path, argv, fds, nr_fds, walls, TOOL_MS, &text, err);
	if (ret)
		shorten(err);
	if (out)
		*out = util_take_ptr(&text);
	return ret;
}

/* ---- what it is made of ---- */

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

static struct json_object *data_of(struct json_object *o)
{
	struct json_object *special, *data;

	if (json_object_object_get_ex(o, "format-specific", &special) && json_object_object_get_ex(special, "data", &data) &&
	    json_object_is_type(data, json_type_object))
		return data;
	return NULL;
}

static bool is_true(struct json_object *o, const char *key)
{
	struct json_object *v;

	return o && json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

/* A file of the same directory as the image, and no link out of it. */
static int add_part(struct qimage *img, const struct qimage_level *level, const char *name, struct r3_err *err)
{
	size_t dir = strrchr(level->path, '/') - level->path;
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	char path[PATH_MAX + 256], real[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s/%s", (int)dir, level->path, base);
	if (!strcmp(path, level->path))
		return 0;
	if (!realpath(path, real))
		return err_set(err, errno, "disk image %s: its part %s: %s", level->path, path, strerror(errno));
	if (strcmp(path, real) || (base != name && strcmp(name, path)))
		return err_set(err, EPERM, "disk image %s has a part in another directory, %s; such images are not used, since they could name any file",
			       level->path, name);
	if (img->nr_parts == QIMAGE_MAX_PARTS)
		return err_set(err, E2BIG, "disk image %s has more than %d parts", level->path, QIMAGE_MAX_PARTS);
	img->part[img->nr_parts] = strdup(path);
	img->part_write[img->nr_parts] = level->write;
	return img->part[img->nr_parts] ? (img->nr_parts++, 0) : err_set(err, ENOMEM, "no memory for disk image %s", level->path);
}

static int add_parts(struct qimage *img, const struct qimage_level *level, struct json_object *data, struct r3_err *err)
{
	struct json_object *extents;
	size_t i;

	if (!data || !json_object_object_get_ex(data, "extents", &extents) || !json_object_is_type(extents, json_type_array))
		return 0;
	for (i = 0; i < json_object_array_length(extents); i++) {
		const char *name = text_of(json_object_array_get_idx(extents, i), "filename");
		int ret = name ? add_part(img, level, name, err) : 0;

		if (ret)
			return ret;
	}
	return 0;
}

static int base_format(const struct qimage_level *level, struct json_object *o, const char **format, struct r3_err *err)
{
	const char *word = text_of(o, "backing-filename-format");
	size_t i;

	if (!word && strcmp(level->format, QIMAGE_OVERLAY)) {
		*format = level->format;	/* Of the older formats a base has the same. */
		return 0;
	}
	for (i = 0; word && i < ARRAY_SIZE(formats); i++) {
		if (!strcmp(word, formats[i].format)) {
			*format = formats[i].format;
			return 0;
		}
	}
	if (word)
		return err_set(err, EINVAL, "disk image %s: its base has the format %s, which ring3 does not know", level->path, word);
	return err_set(err, EINVAL, "disk image %s does not say which format its base %s has; write that down by: qemu-img rebase -u -F FORMAT -b %s %s",
		       level->path, text_of(o, "backing-filename"), text_of(o, "backing-filename"), level->path);
}

/* The base of the last level, if it has one, becomes a level. 1: it has, 0: it has none. */
static int add_base(struct qimage *img, struct json_object *o, struct r3_err *err)
{
	struct qimage_level *top = &img->level[img->nr - 1], *base = top + 1;
	const char *name = text_of(o, "backing-filename");
	char path[2 * PATH_MAX];
	int ret;

	if (!name)
		return 0;
	if (img->nr == QIMAGE_MAX_LEVELS)
		return err_set(err, E2BIG, "disk image %s is an overlay of an overlay and so on, more than %d times", img->level[0].path,
			       QIMAGE_MAX_LEVELS);
	*base = (struct qimage_level){ .fd = -1 };
	ret = base_format(top, o, &base->format, err);
	if (ret)
		return ret;
	/* "nbd://...", "json:{...}": QEMU would follow those. */
	if (strcspn(name, ":") < strcspn(name, "/"))
		return err_set(err, EPERM, "disk image %s: its base %s is not a file", top->path, name);
	snprintf(path, sizeof(path), "%.*s%s", name[0] == '/' ? 0 : (int)(strrchr(top->path, '/') + 1 - top->path), top->path, name);
	if (!realpath(path, base->path))
		return err_set(err, errno, "disk image %s: its base %s is missing (%s); put it back, or say where it is by: qemu-img rebase -u -F %s -b BASE %s",
			       top->path, path, strerror(errno), base->format, top->path);
	img->nr++;
	return 1;
}

/* Files that qemu-img needs to look at one level. */
static int allow_level(struct confine *walls, const struct qimage_level *level, struct r3_err *err)
{
	char dir[PATH_MAX];

	confine_init(walls);
	if (strcmp(level->format, "vmdk"))
		return confine_allow(walls, level->path, false, err);
	/* It opens the parts as well. */
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(level->path, '/') - level->path + 1), level->path);
	return confine_allow(walls, dir, false, err);
}

static int ask(const struct qimage_level *level, struct json_object **o, struct r3_err *err)
{
	const char *words[] = { "info", "-U", "-f", level->format, "--output=json", level->path, NULL };
	cleanup_free char *text = NULL;
	struct confine walls;
	int ret = allow_level(&walls, level, err);

	if (!ret)
		ret = qimage_tool(words, NULL, 0, &walls, &text, err);
	confine_free(&walls);
	if (ret)
		return ret == -ENOENT ? ret : err_wrap(err, "disk image %s", level->path);
	*o = json_tokener_parse(text);
	if (*o && json_object_is_type(*o, json_type_object))
		return 0;
	json_object_put(*o);
	*o = NULL;
	return err_set(err, EIO, "disk image %s: " TOOL " says what is not JSON", level->path);
}

static int check_level(struct qimage *img, const struct qimage_level *level, struct json_object *o, struct r3_err *err)
{
	struct json_object *data = data_of(o);

	if (text_of(data ? data : o, "data-file"))
		return err_set(err, EPERM, "disk image %s has its data in another file, %s; such images are not used, since they could name any file",
			       level->path, text_of(data ? data : o, "data-file"));
	if (is_true(o, "encrypted"))
		return err_set(err, EINVAL, "disk image %s is encrypted, for which ring3 has no key; open it in the guest instead (cryptsetup)", level->path);
	if (is_true(data, "corrupt"))
		return err_set(err, EINVAL, "disk image %s is damaged; repair a copy of it by: ring3 image check --repair %s", level->path, level->path);
	return add_parts(img, level, data, err);
}

int qimage_open(struct qimage *img, const char *path, const char *format, enum qimage_use use, struct r3_err *err)
{
	struct qimage_level *first = &img->level[0];
	struct json_object *o = NULL, *size;
	int ret, more = 1;

	memset(img, 0, sizeof(*img));
	*first = (struct qimage_level){ .format = format, .fd = -1, .write = use == QIMAGE_WRITE };
	if (!realpath(path, first->path))
		return cannot_open(path, first->write, errno, err);
	img->nr = 1;
	img->discard = true;
	for (ret = 0; !ret && more > 0; json_object_put(o), o = NULL) {
		const struct qimage_level *level = &img->level[img->nr - 1];
		bool top = img->nr == 1;

		ret = use == QIMAGE_LOOK ? 0 : qimage_in_use(level->path, level->write, err);
		if (!ret && !is_one(level->path, level->format))
			ret = err_set(err, EINVAL, "disk image %s is not of format %s", level->path, level->format);
		if (!ret)
			ret = ask(level, &o, err);
		if (!ret)
			ret = check_level(img, level, o, err);
		if (!ret && top && json_object_object_get_ex(o, "virtual-size", &size))
			img->size = json_object_get_int64(size);
		if (!ret)
			more = add_base(img, o, err);
		if (more < 0)
			ret = more;
	}
	if (ret)
		qimage_close(img);
	return ret;
}

int qimage_absolute(const char *path, char absolute[PATH_MAX], struct r3_err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char dir[PATH_MAX], real[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".") >= (int)sizeof(dir) || !*name)
		return err_set(err, EINVAL, "%s is no path of a file", path);
	if (!realpath(dir, real))
		return err_set(err, errno, "the directory of %s: %s", path, strerror(errno));
	if (snprintf(absolute, PATH_MAX, "%s/%s", strcmp(real, "/") ? real : "", name) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "the path %s is too long", path);
	return 0;
}

int qimage_push(struct qimage *img, const char *path, int fd, struct r3_err *err)
{
	if (img->nr == QIMAGE_MAX_LEVELS)
		return err_set(err, E2BIG, "disk image %s has too many bases", img->level[0].path);
	memmove(img->level + 1, img->level, img->nr * sizeof(img->level[0]));
	img->nr++;
	img->level[1].write = false;
	memset(img->part_write, 0, sizeof(img->part_write));
	img->level[0] = (struct qimage_level){ .format = QIMAGE_OVERLAY, .fd = fd, .write = true };
	if (fd < 0)
		snprintf(img->level[0].path, sizeof(img->level[0].path), "%s", path);
	return 0;
}

void qimage_close(struct qimage *img)
{
	while (img->nr_parts)
		free(img->part[--img->nr_parts]);
	while (img->nr) {
		struct qimage_level *level = &img->level[--img->nr];

		if (level->fd >= 0)
			close(level->fd);
	}
}
