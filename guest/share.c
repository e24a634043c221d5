// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "share.h"

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
	char part[1024];
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
