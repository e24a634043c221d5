// SPDX-License-Identifier: GPL-2.0-or-later
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"
#include "tarin.h"
#include "tarout.h"

static int fail(const char *what, const char *path, int error)
{
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(-error));
	return 1;
}

/* ---- out of the guest ---- */

int copy_pack(int argc, char **argv)
{
	static struct tarout t = { .fd = 1 };
	int ret;

	if (argc < 4)
		return 2;
	ret = tarout_tree(&t, argv[2], argv[3], argc > 4 && !strcmp(argv[4], "follow"));
	if (!ret)
		ret = tarout_end(&t);
	if (ret)
		return fail("the guest cannot read", t.path[0] ? t.path : argv[2], ret);
	if (t.changed)
		fprintf(stderr, "%u files became shorter while they were read\n", t.changed);
	return 0;
}

/* ---- into the guest ---- */

struct target {
	int dir;
	char name[NAME_MAX + 1];	/* what the archive's top becomes; empty: names stay */
};

static int parent_of(const char *dest, struct target *t)
{
	char copy[PATH_MAX], *slash;
	size_t len;

	if (strlen(dest) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, dest);
	for (len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
		copy[len - 1] = 0;
	slash = strrchr(copy, '/');
	if (strlen(slash ? slash + 1 : copy) > NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(t->name, slash ? slash + 1 : copy);
	if (slash)
		slash[slash == copy] = 0;
	t->dir = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->dir < 0 ? -errno : 0;
}

/* docker cp's rules: into a directory that is there, else as the new name. */
static int find_target(const char *dest, const char *name, const char *kind, struct target *t)
{
	bool slash = dest[0] && dest[strlen(dest) - 1] == '/', file = !strcmp(kind, "file");
	struct stat st;

	t->name[0] = 0;
	if (!stat(dest, &st) && S_ISDIR(st.st_mode)) {
		if (!strcmp(kind, "contents"))
			strcpy(t->name, ".");
		else if (strcmp(kind, "archive"))
			snprintf(t->name, sizeof(t->name), "%s", name);
		t->dir = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return t->dir < 0 ? -errno : 0;
	}
	if (!strcmp(kind, "archive") || (file && slash) || (!file && !stat(dest, &st)))
		return stat(dest, &st) ? -ENOENT : -ENOTDIR;
	return parent_of(dest, t);
}

/* The name of the top is the target's; false: it is not below the top. */
static bool rename_top(const struct target *t, const char *top, const char *path, char *out, size_t size)
{
	size_t len = strlen(top);

	if (!t->name[0])
		return (size_t)snprintf(out, size, "%s", path) < size;
	if (strncmp(path, top, len) || (path[len] && path[len] != '/'))
		return false;
	return (size_t)snprintf(out, size, "%s%s", t->name, path + len) < size;
}

static bool is_zero(const char *buf, size_t len)
{
	return !*buf && !memcmp(buf, buf + 1, len - 1);
}

/* Zeros are a hole: what was one, or may be. */
static int write_block(int fd, const char *buf, size_t len, uint64_t off)
{
	ssize_t n;

	if (is_zero(buf, len))
		return 0;
	while (len) {
		n = pwrite(fd, buf, len, off);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			buf += n;
			off += n;
			len -= n;
		}
	}
	return 0;
}

static int take_entry(struct tarin *in, struct place *p, const struct target *t, const char *top, char *path)
{
	static char name[2 * PATH_MAX], link[2 * PATH_MAX];
	struct place_entry *e = &in->entry;
	char buf[32768];
	uint64_t off;
	ssize_t n = 0;
	int fd, ret;

	strcpy(path, e->path);
	if (!rename_top(t, top, e->path, name, sizeof(name)))
		return -EINVAL;
	e->path = name;
	if (e->hard) {
		if (!rename_top(t, top, e->link, link, sizeof(link)))
			return -EINVAL;
		e->link = link;
	}
	ret = place_add(p, e, &fd);
	if (ret || fd < 0)
		return ret;
	while (!ret && (n = tarin_block(in, buf, sizeof(buf), &off)) > 0)
		ret = write_block(fd, buf, n, off);
	if (!ret && n < 0)
		ret = n;
	if (!ret && ftruncate(fd, in->size))
		ret = -errno;
	if (ret) {
		close(fd);
		return ret;
	}
	return place_end(p, e, fd);
}

/* Whoever interrupts it has it end as if the archive had: what is not whole is removed. */
static void interrupted(int sig)
{
	close(0);
}

int copy_unpack(int argc, char **argv)
{
	static struct tarin in;
	static char path[PATH_MAX];
	struct place p = { .flags = PLACE_DEVICES | PLACE_SPECIAL };
	struct target t;
	int ret;

	if (argc < 5)
		return 2;
	if (argc > 5 && !strcmp(argv[5], "owners"))
		p.flags |= PLACE_OWNERS;
	ret = find_target(argv[2], argv[3], argv[4], &t);
	if (ret)
		return fail("the guest cannot copy to", argv[2], ret);
	p.root = t.dir;
	p.top = t.name;
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	signal(SIGHUP, interrupted);
	while ((ret = tarin_next(&in)) > 0) {
		ret = take_entry(&in, &p, &t, argv[3], path);
		if (ret)
			break;
	}
	if (ret < 0) {
		place_finish(&p, false);
		return fail("the guest cannot write", path[0] ? path : argv[2], ret);
	}
	ret = place_finish(&p, true);
	if (!ret && p.bare)
		fprintf(stderr, "%u files are without their extended attributes, which the file system of the guest does not have\n", p.bare);
	return ret ? fail("the guest cannot finish", argv[2], ret) : 0;
}
