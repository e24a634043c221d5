// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "confine.h"
#include "overlay.h"

#define NOTE_SUFFIX	".base"
#define NOTE_MAX	65536

/* ---- what is written down of the bases ---- */

static struct json_object *describe(const struct qimage *img, struct r3_err *err)
{
	struct json_object *all = json_object_new_array();
	int i;

	for (i = 1; i < img->nr; i++) {
		struct json_object *o = json_object_new_object();
		struct stat st;
		char when[64];

		json_object_array_add(all, o);
		if (stat(img->level[i].path, &st)) {
			err_set(err, errno, "disk image %s: its base %s: %s", img->level[0].path, img->level[i].path, strerror(errno));
			json_object_put(all);
			return NULL;
		}
		snprintf(when, sizeof(when), "%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		json_object_object_add(o, "file", json_object_new_string(img->level[i].path));
		json_object_object_add(o, "size", json_object_new_int64(st.st_size));
		json_object_object_add(o, "changed", json_object_new_string(when));
	}
	return all;
}

static int write_note(const char *overlay, struct json_object *note, struct r3_err *err)
{
	const char *text = json_object_to_json_string_ext(note, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	char path[PATH_MAX + 16], tmp[PATH_MAX + 32];
	int fd, ret;

	snprintf(path, sizeof(path), "%s" NOTE_SUFFIX, overlay);
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s cannot be written: %s", path, strerror(errno));
	ret = write_full(fd, text, strlen(text));
	if (!ret)
		ret = write_full(fd, "\n", 1);
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (!ret)
		return 0;
	unlink(tmp);
	return err_set(err, ret, "%s cannot be written: %s", path, strerror(-ret));
}

/* NULL: there is none. */
static struct json_object *read_note(const char *overlay)
{
	cleanup_close int fd = -1;
	cleanup_free char *text = malloc(NOTE_MAX + 1);
	char path[PATH_MAX + 16];
	ssize_t n;

	snprintf(path, sizeof(path), "%s" NOTE_SUFFIX, overlay);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 || !text ? -1 : read_full(fd, text, NOTE_MAX);
	if (n < 0)
		return NULL;
	text[n] = 0;
	return json_tokener_parse(text);
}

/* The file, its size and time are the same. A base may be somewhere else by now. */
static bool same(struct json_object *a, struct json_object *b)
{
	static const char *const keys[] = { "size", "changed" };
	struct json_object *x, *y;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!json_object_object_get_ex(a, keys[i], &x) || !json_object_object_get_ex(b, keys[i], &y) ||
		    strcmp(json_object_get_string(x), json_object_get_string(y)))
			return false;
	return true;
}

int overlay_note_base(const struct qimage *img, struct r3_err *err)
{
	struct json_object *now = describe(img, err);
	int ret = now ? write_note(img->level[0].path, now, err) : err->code;

	json_object_put(now);
	return ret;
}

int overlay_check_base(const struct qimage *img, struct r3_err *err)
{
	struct json_object *then, *now;
	int i, ret = 0;

	if (img->nr < 2)
		return 0;
	then = read_note(img->level[0].path);
	if (!then)
		return 0;
	now = describe(img, err);
	if (!now)
		ret = err->code;
	for (i = 1; i < img->nr && !ret; i++)
		if (!json_object_is_type(then, json_type_array) || !same(json_object_array_get_idx(then, i - 1), json_object_array_get_idx(now, i - 1)))
			ret = err_set(err, ESTALE, "disk image %s is an overlay of %s, which was changed since: what is in it does not fit any more; put the base back as it was, or, if you are sure that only its time has changed, remove %s" NOTE_SUFFIX,
				      img->level[0].path, img->level[i].path, img->level[0].path);
	json_object_put(then);
	json_object_put(now);
	return ret;
}

/* ---- making ---- */

int overlay_ephemeral(struct qimage *img, int fd, struct r3_err *err)
{
	char path[64], size[32];
	const char *words[] = { "create", "-q", "-f", QIMAGE_OVERLAY, path, size, NULL };
	struct confine walls;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", BACKEND_FIRST_FD);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)img->size);
	confine_init(&walls);
	ret = confine_allow_fd(&walls, fd, true, err);
	if (!ret)
		ret = qimage_tool(words, &fd, 1, &walls, NULL, err);
	confine_free(&walls);
	if (!ret)
		ret = qimage_push(img, NULL, fd, err);
	if (ret)
		close(fd);
	return ret;
}

int overlay_make(const struct qimage *img, const char *path, uint64_t size, struct r3_err *err)
{
	char tmp[PATH_MAX + 8], real[PATH_MAX], number[32];
	const char *words[] = { "create", "-q", "-f", QIMAGE_OVERLAY, "-F", img->level[0].format, "-b", img->level[0].path, tmp, number, NULL };
	struct qimage made = { .nr = 0 };
	int fd, ret = qimage_absolute(path, real, err);

	if (ret)
		return ret;
	path = real;
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "the overlay %s cannot be made: %s", path, strerror(errno));
	close(fd);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)(size ? size : img->size));
	ret = qimage_tool(words, NULL, 0, NULL, NULL, err);
	if (!ret)
		ret = qimage_open(&made, tmp, QIMAGE_OVERLAY, QIMAGE_WRITE, err);
	if (!ret) {
		snprintf(made.level[0].path, sizeof(made.level[0].path), "%s", path);
		ret = overlay_note_base(&made, err);
		qimage_close(&made);
	}
	/* Not over one that somebody else made meanwhile. */
	if (!ret && link(tmp, path))
		ret = err_set(err, errno, "the overlay %s cannot be made: %s", path, strerror(errno));
	unlink(tmp);
	return ret;
}

static bool noted(const char *path)
{
	char note[PATH_MAX + 16];

	snprintf(note, sizeof(note), "%s" NOTE_SUFFIX, path);
	return !access(note, F_OK);
}

int overlay_kept(struct qimage *img, const char *path, struct r3_err *err)
{
	struct qimage all;
	int ret;

	if (access(path, F_OK) && errno == ENOENT) {
		ret = overlay_make(img, path, 0, err);
		if (ret)
			return ret;
	}
	ret = qimage_open(&all, path, QIMAGE_OVERLAY, QIMAGE_WRITE, err);
	if (ret)
		return ret;
	if (all.nr < 2)
		ret = err_set(err, EINVAL, "--root-overlay %s is a disk of its own, not an overlay; use it as --root %s --root-rw", path, path);
	else if (strcmp(all.level[1].path, img->level[0].path) || strcmp(all.level[1].format, img->level[0].format))
		ret = err_set(err, EINVAL, "--root-overlay %s is an overlay of %s (%s), not of %s (%s)", path, all.level[1].path, all.level[1].format,
			      img->level[0].path, img->level[0].format);
	else
		ret = overlay_check_base(&all, err);
	/* Made by another program, or somebody knows better. */
	if (!ret && !noted(path))
		ret = overlay_note_base(&all, err);
	if (ret) {
		qimage_close(&all);
		return ret;
	}
	qimage_close(img);
	*img = all;
	return 0;
}
