// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 image: a thin front to qemu-img, which refuses what would spoil an image. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "confine.h"
#include "message.h"
#include "opts.h"
#include "overlay.h"
#include "qimage.h"
#include "text.h"
#include "values.h"

#define MAX_WORDS	2

struct image_args {
	const char *word[MAX_WORDS];
	int nr_words;
	const char *format, *to, *base;
	bool json, repair, shrink;
};

struct image_word {
	struct opts opts;
	int min, max;
	int (*main)(const struct image_args *a, struct r3_err *err);
};

/* ---- files ---- */

static const char *format_of(const struct image_args *a, const char *path, struct r3_err *err)
{
	return a->format ? qimage_format("--format", a->format, err) : qimage_format_of(path, err);
}

/* Of a file that is to be made: nothing is in it yet. */
static const char *format_to_make(const char *option, const char *word, const char *path, struct r3_err *err)
{
	if (word)
		return qimage_format(option, word, err);
	return qimage_format_of(path, err);
}

static int must_not_exist(const char *path, struct r3_err *err)
{
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	return err_set(err, EEXIST, "%s exists already; remove it first, or choose another name", path);
}

static int allow_all(struct confine *walls, const struct qimage *img, int nr_written, struct r3_err *err)
{
	int i, ret = 0;

	confine_init(walls);
	for (i = 0; i < img->nr && !ret; i++)
		ret = confine_allow(walls, img->level[i].path, i < nr_written, err);
	for (i = 0; i < img->nr_parts && !ret; i++)
		ret = confine_allow(walls, img->part[i], nr_written > 0, err);
	return ret;
}

/* Runs qemu-img on an image, the first files of which it may write to. */
static int on_image(const struct qimage *img, int nr_written, const char *const *words, char **out, struct r3_err *err)
{
	struct confine walls;
	int ret = allow_all(&walls, img, nr_written, err);

	if (!ret)
		ret = qimage_tool(words, NULL, 0, &walls, out, err);
	confine_free(&walls);
	return ret;
}

static int of_image(int ret, const char *path, struct r3_err *err)
{
	return ret ? err_wrap(err, "disk image %s", path) : 0;
}

/* ---- the words ---- */

static int create_over(const struct image_args *a, const char *path, uint64_t size, struct r3_err *err)
{
	const char *format = qimage_format_of(a->base, err);
	struct qimage base;
	int ret;

	if (!format)
		return err->code;
	if (strcmp(format_to_make("--format", a->format, path, err) ? : "", QIMAGE_OVERLAY))
		return err_set(err, EINVAL, "%s: an overlay has the format qcow2; call it NAME.qcow2, or give --format qcow2", path);
	ret = qimage_open(&base, a->base, format, QIMAGE_READ, err);
	if (ret)
		return ret;
	if (size && size < base.size)
		ret = err_set(err, EINVAL, "%s cannot be smaller than its base %s, %llu bytes", path, a->base, (unsigned long long)base.size);
	else
		ret = overlay_make(&base, path, size, err);
	qimage_close(&base);
	return ret;
}

static int image_create(const struct image_args *a, struct r3_err *err)
{
	const char *path = a->word[0], *format;
	char real[PATH_MAX], number[32];
	uint64_t size = 0;
	int ret = must_not_exist(path, err);

	if (!ret && a->nr_words > 1)
		ret = value_size("size", a->word[1], &size, err);
	if (!ret && a->nr_words < 2 && !a->base)
		ret = err_set(err, EINVAL, "%s: give its size as well, as 20G", path);
	if (ret)
		return ret;
	if (a->base)
		return create_over(a, path, size, err);
	format = format_to_make("--format", a->format, path, err);
	if (!format)
		return err->code;
	if (size % 512)
		return err_set(err, EINVAL, "%s: a disk's size is a multiple of 512 bytes", path);
	ret = qimage_absolute(path, real, err);
	if (ret)
		return ret;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)size);
	ret = of_image(qimage_tool((const char *[]){ "create", "-q", "-f", format, real, number, NULL }, NULL, 0, NULL, NULL, err), path, err);
	if (ret)
		unlink(real);
	return ret;
}

static const char *human(uint64_t bytes, char text[32])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double v = bytes;
	unsigned int i;

	for (i = 0; v >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		v /= 1024;
	snprintf(text, 32, v == (uint64_t)v ? "%.0f %s" : "%.1f %s", v, units[i]);
	return text;
}

static int image_info(const struct image_args *a, struct r3_err *err)
{
	const char *path = a->word[0], *format = format_of(a, path, err);
	struct json_object *all;
	struct r3_err stale;
	struct qimage img;
	char size[32], used[32];
	int i, ret;

	if (!format)
		return err->code;
	ret = qimage_open(&img, path, format, QIMAGE_LOOK, err);
	if (ret)
		return ret;
	all = json_object_new_array();
	for (i = 0; i < img.nr; i++) {
		const struct qimage_level *level = &img.level[i];
		struct json_object *o = json_object_new_object();
		struct stat st = { .st_blocks = 0 };

		stat(level->path, &st);
		json_object_object_add(o, "file", json_object_new_string(level->path));
		json_object_object_add(o, "format", json_object_new_string(level->format));
		json_object_object_add(o, "used", json_object_new_int64(st.st_blocks * 512));
		if (!i)
			json_object_object_add(o, "size", json_object_new_int64(img.size));
		json_object_array_add(all, o);
		if (!a->json && !i)
			printf("%s: %s, %s, uses %s\n", level->path, level->format, human(img.size, size), human(st.st_blocks * 512, used));
		else if (!a->json)
			printf("%*sover %s: %s, uses %s\n", 2 * i, "", level->path, level->format, human(st.st_blocks * 512, used));
	}
	if (a->json)
		puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
	if (overlay_check_base(&img, &stale))
		message("%s", stale.msg);
	qimage_close(&img);
	return 0;
}

static int image_check(const struct image_args *a, struct r3_err *err)
{
	const char *path = a->word[0], *format = format_of(a, path, err);
	cleanup_free char *text = NULL;
	struct json_object *o;
	struct qimage img;
	int64_t damaged, leaks;
	int ret;

	if (!format)
		return err->code;
	if (!strcmp(format, QIMAGE_RAW))
		return err_set(err, EINVAL, "disk image %s is raw: all of it is the disk, there is nothing to check; check the file system in it", path);
	ret = qimage_open(&img, path, format, a->repair ? QIMAGE_WRITE : QIMAGE_READ, err);
	if (ret)
		return ret;
	ret = on_image(&img, a->repair, a->repair ?
		       (const char *[]){ "check", "-r", "all", "-f", format, "--output=json", img.level[0].path, NULL } :
		       (const char *[]){ "check", "-f", format, "--output=json", img.level[0].path, NULL }, &text, err);
	qimage_close(&img);
	o = text && *text ? json_tokener_parse(text) : NULL;
	if (!o)
		return of_image(ret, path, err);
	damaged = text_number(o, "corruptions") + text_number(o, "check-errors");
	leaks = text_number(o, "leaks");
	json_object_put(o);
	if (damaged)
		return err_set(err, EIO, "disk image %s is damaged in %lld places; repair a copy of it by: ring3 image check --repair %s", path,
			       (long long)damaged, path);
	if (ret && !leaks)
		return of_image(ret, path, err);
	if (leaks)
		printf("%s: in order, but %lld clusters are used for nothing; --repair frees them\n", path, (long long)leaks);
	else
		printf("%s: in order\n", path);
	return 0;
}

static int image_commit(const struct image_args *a, struct r3_err *err)
{
	const char *path = a->word[0], *format = format_of(a, path, err);
	struct qimage img;
	int ret;

	if (!format)
		return err->code;
	ret = qimage_open(&img, path, format, QIMAGE_WRITE, err);
	if (ret)
		return ret;
	if (img.nr < 2)
		ret = err_set(err, EINVAL, "disk image %s is no overlay: there is no base that it could be written to", path);
	if (!ret)
		ret = overlay_check_base(&img, err);
	if (!ret)
		ret = qimage_in_use(img.level[1].path, true, err);
	if (!ret)
		ret = of_image(on_image(&img, 2, (const char *[]){ "commit", "-q", "-f", format, img.level[0].path, NULL }, NULL, err), path, err);
	/* For this overlay, which is empty now, the base is right. For any other it is not. */
	if (!ret)
		ret = overlay_note_base(&img, err);
	if (!ret)
		message("%s has all of %s now; other overlays of it are of no use any more", img.level[1].path, path);
	qimage_close(&img);
	return ret;
}

static int image_resize(const struct image_args *a, struct r3_err *err)
{
	const char *path = a->word[0], *format = format_of(a, path, err);
	struct qimage img;
	char number[32];
	uint64_t size;
	int ret;

	if (!format)
		return err->code;
	ret = value_size("size", a->word[1], &size, err);
	if (!ret && (!size || size % 512))
		ret = err_set(err, EINVAL, "%s: a disk's size is a multiple of 512 bytes, and not 0", path);
	if (!ret)
		ret = qimage_open(&img, path, format, QIMAGE_WRITE, err);
	if (ret)
		return ret;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)size);
	if (size < img.size && !a->shrink)
		ret = err_set(err, EINVAL, "disk image %s has %llu bytes: what is behind the new end would be lost; make the file system in it smaller first, then give --shrink",
			      path, (unsigned long long)img.size);
	else
		ret = of_image(on_image(&img, 1, a->shrink ?
					(const char *[]){ "resize", "-q", "--shrink", "-f", format, img.level[0].path, number, NULL } :
					(const char *[]){ "resize", "-q", "-f", format, img.level[0].path, number, NULL }, NULL, err), path, err);
	qimage_close(&img);
	return ret;
}

/* To a file of another name first: what is half done has none. */
static int convert(const struct qimage *img, const char *path, const char *format, struct r3_err *err)
{
	char real[PATH_MAX], tmp[PATH_MAX + 8];
	struct confine walls;
	int fd, ret = qimage_absolute(path, real, err);

	if (ret)
		return ret;
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", real);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s cannot be made: %s", path, strerror(errno));
	close(fd);
	ret = allow_all(&walls, img, 0, err);
	if (!ret)
		ret = confine_allow(&walls, tmp, true, err);
	if (!ret)
		ret = of_image(qimage_tool((const char *[]){ "convert", "-q", "-f", img->level[0].format, "-O", format, img->level[0].path, tmp, NULL },
					   NULL, 0, &walls, NULL, err), img->level[0].path, err);
	confine_free(&walls);
	if (!ret && link(tmp, real))
		ret = err_set(err, errno, "%s cannot be made: %s", path, strerror(errno));
	unlink(tmp);
	return ret;
}

static int image_convert(const struct image_args *a, struct r3_err *err)
{
	const char *format = format_of(a, a->word[0], err), *to;
	struct qimage img;
	int ret;

	if (!format)
		return err->code;
	to = format_to_make("--to", a->to, a->word[1], err);
	if (!to)
		return err->code;
	ret = must_not_exist(a->word[1], err);
	if (!ret)
		ret = qimage_open(&img, a->word[0], format, QIMAGE_READ, err);
	if (ret)
		return ret;
	ret = overlay_check_base(&img, err);
	if (!ret)
		ret = convert(&img, a->word[1], to, err);
	qimage_close(&img);
	return ret;
}

/* ---- options ---- */

#define FORMAT	{ "format", 'f', "FORMAT", "raw, qcow2, vmdk, vdi, vhdx or vhd. Default: what the suffix of the file says, else raw." }

static const struct opt create_table[] = {
	FORMAT,
	{ "base", 'b', "BASE", "Make an overlay of this image, which stays as it is and must not be changed any more." },
	{ NULL }
};
static const struct opt info_table[] = { FORMAT, { "json", 0, NULL, "Write it as JSON." }, { NULL } };
static const struct opt check_table[] = { FORMAT, { "repair", 0, NULL, "Repair what can be repaired." }, { NULL } };
static const struct opt commit_table[] = { FORMAT, { NULL } };
static const struct opt resize_table[] = { FORMAT, { "shrink", 0, NULL, "Cut off what is behind the new end." }, { NULL } };
static const struct opt convert_table[] = {
	FORMAT,
	{ "to", 't', "FORMAT", "The format of the new image. Default: what its suffix says, else raw." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct image_args *a = ctx;

	if (!strcmp(o->name, "format"))
		a->format = value;
	else if (!strcmp(o->name, "to"))
		a->to = value;
	else if (!strcmp(o->name, "base"))
		a->base = value;
	else if (!strcmp(o->name, "json"))
		a->json = true;
	else if (!strcmp(o->name, "repair"))
		a->repair = true;
	else
		a->shrink = true;
	return 0;
}

/* man/ring3-image.1 has the same words. */
static const struct image_word words[] = {
	{ { "image create [OPTIONS] FILE [SIZE]", "Makes an image, or with --base an overlay of another.", create_table, NULL, set_option },
	  1, 2, image_create },
	{ { "image info [OPTIONS] FILE", "Says what an image is, and what it is an overlay of.", info_table, NULL, set_option }, 1, 1, image_info },
	{ { "image check [OPTIONS] FILE", "Checks that an image is in order, and repairs it if told to.", check_table, NULL, set_option },
	  1, 1, image_check },
	{ { "image commit [OPTIONS] FILE", "Writes what is in an overlay to its base. Other overlays of that base are of no use any more.",
	    commit_table, NULL, set_option }, 1, 1, image_commit },
	{ { "image resize [OPTIONS] FILE SIZE", "Changes the size of the disk, not of the file system in it.", resize_table, NULL, set_option },
	  2, 2, image_resize },
	{ { "image convert [OPTIONS] FILE NEW", "Copies an image to one of another format, bases included.", convert_table, NULL, set_option },
	  2, 2, image_convert },
};

static const char *word_name(const struct image_word *w, char name[16])
{
	const char *p = w->opts.usage + strlen("image ");

	snprintf(name, 16, "%.*s", (int)strcspn(p, " "), p);
	return name;
}

static const struct image_word *find(const char *word)
{
	char name[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, word_name(&words[i], name)))
			return &words[i];
	return NULL;
}

static void help(FILE *f)
{
	char name[16];
	size_t i;

	fprintf(f, "Usage: ring3 image WORD ...\n\nDisk images, by qemu-img.\n\n");
	for (i = 0; i < ARRAY_SIZE(words); i++)
		fprintf(f, "  %-9s %.*s\n", word_name(&words[i], name), (int)strcspn(words[i].opts.about, ",."), words[i].opts.about);
	fprintf(f, "\n\"ring3 image WORD --help\" tells more about one of them.\n");
}

/* Options may stand before, between and behind the words. */
static int parse(const struct image_word *w, struct image_args *a, int argc, char **argv, struct r3_err *err)
{
	bool dashes;
	int at = 0, ret;

	for (;;) {
		ret = opts_parse(&w->opts, argc - at, argv + at, a, &dashes, err);
		if (ret < 0)
			return ret;
		at += ret;
		if (at >= argc)
			break;
		if (a->nr_words == w->max)
			return err_set(err, EINVAL, "unexpected word %s: ring3 %s", argv[at], w->opts.usage);
		a->word[a->nr_words++] = argv[at];
	}
	if (a->nr_words < w->min)
		return err_set(err, EINVAL, "something is missing: ring3 %s", w->opts.usage);
	return 0;
}

int image_main(int argc, char **argv)
{
	struct image_args a = { .nr_words = 0 };
	const struct image_word *w;
	struct r3_err err;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_START : CLI_OK;
	}
	w = find(argv[1]);
	if (!w) {
		message("unknown word %s; \"ring3 image --help\" lists them", argv[1]);
		return CLI_START;
	}
	if (parse(w, &a, argc - 1, argv + 1, &err)) {
		message("%s", err.msg);
		return CLI_START;
	}
	if (w->main(&a, &err)) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}
