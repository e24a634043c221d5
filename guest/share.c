// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "share.h"

/* linux/stat.h has it, and does not go with sys/stat.h of every C library. */
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT	0x2000
#endif

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from; from++) {
		if (n + 1 >= size)
			return false;
		if (*from != '%') {
			to[n++] = *from;
			continue;
		}
		if (hex(from[1]) < 0 || hex(from[2]) < 0)
			return false;
		to[n++] = hex(from[1]) << 4 | hex(from[2]);
		from += 2;
	}
	to[n] = '\0';
	return to[0] == '/';
}

bool share_parse(struct shares *s, const char *value)
{
	const char *colon = strchr(value, ':');
	size_t len = strcspn(value, ",:");
	struct share *new = &s->share[s->nr];

	if (!colon || s->nr == SHARES_MAX || !len || len >= sizeof(new->tag) || !decode(new->path, sizeof(new->path), colon + 1))
		return false;
	memcpy(new->tag, value, len);
	new->tag[len] = '\0';
	new->ro = colon - value == (long)len + 3 && !strncmp(value + len, ",ro", 3);
	s->nr++;
	return true;
}

static int make_path(const char *path)
{
	char part[SHARE_PATH_MAX];
	size_t n;

	for (n = 1; path[n]; n++) {
		if (path[n] != '/')
			continue;
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

/*
 * How far a folder's files are read ahead: by the guest's kernel 128 KiB, and each
 * request takes about as long whatever its size. Not for roots, whose programs are mapped:
 * there each fault reads as much around it.
 */
#define READ_AHEAD_KB	"512"

static void read_ahead(const char *path)
{
	char file[80];
	struct stat st;
	int fd;

	if (stat(path, &st))
		return;
	snprintf(file, sizeof(file), "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
	fd = open(file, O_WRONLY | O_CLOEXEC);
	/* Slower without, nothing else. */
	if (fd < 0 || write(fd, READ_AHEAD_KB, strlen(READ_AHEAD_KB)) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

bool share_mount(const struct shares *s, char *why, size_t size)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		const struct share *one = &s->share[i];
		int ret = make_path(one->path);

		if (ret) {
			snprintf(why, size, "the directory %s for a shared folder cannot be made in the guest: %s%s", one->path, strerror(-ret),
				 ret == -EROFS ? "; share it at a path that is there" : "");
			return false;
		}
		if (mount(one->tag, one->path, "virtiofs", one->ro ? MS_RDONLY : 0, NULL)) {
			snprintf(why, size, errno == ENODEV ? "the folder %s cannot be shared: the guest's kernel has no virtiofs (CONFIG_VIRTIO_FS)" :
				 "the folder %s cannot be mounted in the guest: %s", one->path, strerror(errno));
			return false;
		}
		read_ahead(one->path);
	}
	return true;
}

/* ---- while the guest runs ---- */

int share_mount_one(const char *tag, const char *path, bool ro)
{
	struct statx stx;
	int ret = make_path(path);

	if (ret)
		return ret;
	if (statx(AT_FDCWD, path, 0, STATX_TYPE, &stx))
		return -errno;
	if (!S_ISDIR(stx.stx_mode))
		return -ENOTDIR;
	if (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return -EBUSY;
	if (mount(tag, path, "virtiofs", ro ? MS_RDONLY : 0, NULL))
		return -errno;
	/* The server is only asked by what comes next. */
	if (statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_TYPE, &stx)) {
		ret = -errno;
		umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH);
		return ret;
	}
	read_ahead(path);
	return 0;
}

/* As proc(5) has it: spaces and the like are \ooo. */
static void decode_octal(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

struct place {
	char dev[24];			/* MAJOR:MINOR */
	char path[SHARE_PATH_MAX];
	bool ro;
};

/* The last mount of it, which is on top. */
static bool find_mount(const char *tag, struct place *found)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, type[32], source[64], options[8], *dash;
	struct place p;
	size_t size = 0;
	bool is = false;

	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%*d %*d %23s %*s %1023s %7s", p.dev, p.path, options) != 3)
			continue;
		dash = strstr(line, " - ");
		if (!dash || sscanf(dash, " - %31s %63s", type, source) != 2 || strcmp(type, "virtiofs") || strcmp(source, tag))
			continue;
		decode_octal(p.path);
		p.ro = !strncmp(options, "ro", 2);
		*found = p;
		is = true;
	}
	free(line);
	if (f)
		fclose(f);
	return is;
}

/* Not one that something else was mounted over. Asks the host's server for nothing. */
static bool is_on_top(const struct place *p)
{
	char dev[24];
	struct statx stx;

	if (statx(AT_FDCWD, p->path, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_TYPE, &stx))
		return false;
	snprintf(dev, sizeof(dev), "%u:%u", stx.stx_dev_major, stx.stx_dev_minor);
	return !strcmp(dev, p->dev);
}

/* Mounted in another namespace, as containers have them. */
static bool lives_on(const struct place *p)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/bdi/%.23s", p->dev);
	return !access(path, F_OK);
}

int share_unmount(const char *tag, bool force)
{
	struct place p;
	bool was = false;

	while (find_mount(tag, &p)) {
		if (!is_on_top(&p))
			return -EBUSY;
		if (umount2(p.path, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)))
			return -errno;
		was = true;
	}
	if (!was || force || !lives_on(&p))
		return 0;
	mount(tag, p.path, "virtiofs", p.ro ? MS_RDONLY : 0, NULL);
	return -EBUSY;
}
