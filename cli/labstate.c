// SPDX-License-Identifier: GPL-2.0-or-later
#include "labstate.h"
#include "namelist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "state.h"

#define DIRECTORY	"labs"
#define SUFFIX		".json"
#define LOCK_MS		1000
#define MAX_SIZE	(16 << 20)

static int open_dir(bool create, struct r3_err *err)
{
	cleanup_close int top = state_dir(create, err);
	int fd;

	if (top < 0)
		return top;
	if (create && mkdirat(top, DIRECTORY, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "cannot make the directory of labs: %s", strerror(errno));
	fd = openat(top, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "cannot open the directory of labs: %s", strerror(errno)) : fd;
}

static struct json_object *read_object(int dir, const char *lab)
{
	char file[96];
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	struct stat st;
	ssize_t n;

	snprintf(file, sizeof(file), "%.60s" SUFFIX, lab);
	fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > MAX_SIZE)
		return NULL;
	text = malloc(st.st_size + 1);
	n = text ? read_full(fd, text, st.st_size) : -1;
	if (n < 0)
		return NULL;
	text[n] = 0;
	return json_tokener_parse(text);
}

/*
 * The lock's file may be removed by who had it before. A child of one that was killed
 * has the lock, too, until it executes its program.
 */
static int take_lock(int dir, const char *lab, struct r3_err *err)
{
	const struct timespec wait = { .tv_nsec = 20000000 };
	unsigned int tries = 0;
	char file[96];
	struct stat st;
	int fd;

	snprintf(file, sizeof(file), "%.60s.lock", lab);
	for (;;) {
		fd = openat(dir, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_set(err, errno, "the lab %s cannot be locked: %s", lab, strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			close(fd);
			if (tries++ < LOCK_MS / 20) {
				nanosleep(&wait, NULL);
				continue;
			}
			return err_set(err, EBUSY, "another ring3 up or down is at work on the lab %s; wait for it, or end it", lab);
		}
		if (!fstat(fd, &st) && st.st_nlink)
			return fd;
		close(fd);
	}
}

int labstate_open(struct labstate *s, const char *lab, struct r3_err *err)
{
	*s = (struct labstate){ .lock = -1 };
	snprintf(s->lab, sizeof(s->lab), "%.60s", lab);
	s->dir = open_dir(true, err);
	if (s->dir < 0)
		return s->dir;
	s->lock = take_lock(s->dir, lab, err);
	if (s->lock < 0) {
		close(s->dir);
		return s->lock;
	}
	s->o = read_object(s->dir, lab);
	return 0;
}

int labstate_save(struct labstate *s, struct r3_err *err)
{
	const char *text = json_object_to_json_string_ext(s->o, JSON_C_TO_STRING_PLAIN);
	cleanup_close int fd = -1;
	char file[96], temp[96];
	int ret;

	snprintf(file, sizeof(file), "%s" SUFFIX, s->lab);
	snprintf(temp, sizeof(temp), "%s.new", s->lab);
	/* What is not read again would leave machines that down does not know. */
	if (text && strlen(text) > MAX_SIZE)
		return err_set(err, E2BIG, "what is to be written down of the lab %s is more than %d MiB: its shutdown scripts are too long", s->lab, MAX_SIZE >> 20);
	fd = openat(s->dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ret = fd < 0 ? -errno : text ? write_full(fd, text, strlen(text)) : -ENOMEM;
	if (!ret && renameat(s->dir, temp, s->dir, file) < 0)
		ret = -errno;
	return ret ? err_set(err, ret, "cannot write down what runs of the lab %s: %s", s->lab, strerror(-ret)) : 0;
}

void labstate_close(struct labstate *s, bool forget)
{
	static const char *const suffixes[] = { SUFFIX, ".new", ".lock" };
	char file[96];
	size_t i;

	for (i = 0; forget && i < ARRAY_SIZE(suffixes); i++) {
		snprintf(file, sizeof(file), "%s%s", s->lab, suffixes[i]);
		unlinkat(s->dir, file, 0);
	}
	json_object_put(s->o);
	close(s->lock);
	close(s->dir);
}

/* ---- readers ---- */

struct json_object *labstate_peek(const char *lab)
{
	struct r3_err err;
	cleanup_close int dir = open_dir(false, &err);

	return dir < 0 ? NULL : read_object(dir, lab);
}

int labstate_list(char ***names, struct r3_err *err)
{
	int dir = open_dir(false, err);
	struct namelist list = { 0 };
	struct dirent *e;
	DIR *d;

	*names = NULL;
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	d = fdopendir(dir);
	if (!d) {
		close(dir);
		return err_set(err, ENOMEM, "no memory for the list of labs");
	}
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name), m = strlen(SUFFIX);

		if (n <= m || strcmp(e->d_name + n - m, SUFFIX))
			continue;
		e->d_name[n - m] = '\0';
		if (!namelist_add(&list, e->d_name))
			break;
	}
	closedir(d);
	return namelist_take(&list, names);
}

bool labstate_of_file(const char *file, char *name, size_t size)
{
	char **names;
	struct r3_err err;
	int nr = labstate_list(&names, &err), i;
	bool found = false;

	for (i = 0; i < nr; i++) {
		struct json_object *o = found ? NULL : labstate_peek(names[i]);

		if (o && !strcmp(labstate_text(o, "file"), file)) {
			snprintf(name, size, "%s", names[i]);
			found = true;
		}
		json_object_put(o);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	return found;
}

/* ---- logs ---- */

static void log_name(char *file, size_t size, const char *lab, const char *machine)
{
	snprintf(file, size, "%.60s.%.64s.log", lab, machine);
}

int labstate_log(struct labstate *s, const char *machine, bool fresh)
{
	char file[160];

	log_name(file, sizeof(file), s->lab, machine);
	return openat(s->dir, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_TRUNC : 0), 0600);
}

void labstate_log_path(const char *lab, const char *machine, char *path, size_t size)
{
	struct r3_err err;
	cleanup_close int dir = open_dir(false, &err);
	char link[64], at[4096], file[160];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = dir < 0 ? -1 : readlink(link, at, sizeof(at) - 1);
	at[n < 0 ? 0 : n] = 0;
	log_name(file, sizeof(file), lab, machine);
	snprintf(path, size, "%.3000s/%s", at, file);
}

void labstate_log_remove(struct labstate *s, const char *machine)
{
	char file[160];

	log_name(file, sizeof(file), s->lab, machine);
	unlinkat(s->dir, file, 0);
}

/* ---- objects ---- */

struct json_object *labstate_part(struct json_object *o, const char *key, bool create)
{
	struct json_object *part;

	if (o && json_object_object_get_ex(o, key, &part) && json_object_is_type(part, json_type_object))
		return part;
	if (!create || !o)
		return NULL;
	part = json_object_new_object();
	json_object_object_add(o, key, part);
	return part;
}

const char *labstate_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return o && json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}
