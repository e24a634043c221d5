// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's modules come on a disk of their own, so that any root can be
 * used with any kernel; this puts them where the root expects them.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "fstype.h"

#define STAGE		"/dev/.ring3-modules"
#define LAYER		"/dev/.ring3-lib"

static int mount_image(const char *device)
{
	const char *type;
	int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	type = fstype_of(fd);
	close(fd);
	if (!type)
		return -EINVAL;
	mkdir(STAGE, 0700);
	return mount(device, STAGE, type, MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0 ? -errno : 0;
}

/* The image may hold the modules themselves or a tree of versions. */
static void find_modules(const char *release, char *path, size_t size)
{
	static const char *const forms[] = { STAGE "/%s", STAGE "/lib/modules/%s", STAGE "/usr/lib/modules/%s" };
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(path, size, forms[i], release);
		if (!access(path, F_OK))
			return;
	}
	snprintf(path, size, STAGE);
}

/* A directory to mount on, in a root that may refuse to have one made. */
static int make_target(const char *target)
{
	int lower;

	if (!mkdir(target, 0755) || errno == EEXIST)
		return 0;
	if (errno == ENOENT && (!mkdir("/lib/modules", 0755) || (!mkdir("/lib", 0755) && !mkdir("/lib/modules", 0755))))
		return mkdir(target, 0755) < 0 ? -errno : 0;
	if (!access("/lib/modules", F_OK)) {
		if (mount("tmpfs", "/lib/modules", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
			return -errno;
		return mkdir(target, 0755) < 0 ? -errno : 0;
	}
	/* A read-only /lib: a writable layer over it, its old contents below. */
	lower = mkdir(LAYER, 0755);
	if (lower < 0 || mount("tmpfs", LAYER, "tmpfs", 0, "mode=755") < 0 ||
	    mkdir(LAYER "/upper", 0755) < 0 || mkdir(LAYER "/work", 0755) < 0 ||
	    mount("overlay", "/lib", "overlay", 0,
		  "lowerdir=/lib,upperdir=" LAYER "/upper,workdir=" LAYER "/work") < 0)
		return -errno;
	umount2(LAYER, MNT_DETACH);
	rmdir(LAYER);
	if (mkdir("/lib/modules", 0755) < 0 || mkdir(target, 0755) < 0)
		return -errno;
	return 0;
}

/* The name that systemd gives the unit of a mount point. */
static void unit_name(const char *path, char *name, size_t size)
{
	size_t n = 0;

	for (path++; *path && n + 5 < size; path++) {
		if (*path == '/')
			name[n++] = '-';
		else if (isalnum((unsigned char)*path) || *path == '_' || (*path == '.' && n))
			name[n++] = *path;
		else
			n += snprintf(name + n, size - n, "\\x%02x", (unsigned char)*path);
	}
	name[n] = 0;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		report("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/*
 * systemd would try to unmount the modules at shutdown while udevd still has
 * their index open, and show that as a failure: tell it that the mount is not
 * its business, as that of the root is not.
 */
static void spare_modules(const char *target)
{
	char dir[PATH_MAX + 64], real[PATH_MAX], name[NAME_MAX - 16], path[PATH_MAX + 128];

	if (!realpath(target, real))
		return;
	unit_name(real, name, sizeof(name));
	mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/system", 0755);
	snprintf(dir, sizeof(dir), "/run/systemd/system/%s.mount.d", name);
	if (mkdir(dir, 0755) < 0)
		return;
	snprintf(path, sizeof(path), "%s/50-ring3.conf", dir);
	write_file(path, "[Unit]\nDefaultDependencies=no\n");
}

/* Devices whose modules load when they are opened, as kmod would list them. */
static void make_static_nodes(const char *modules)
{
	char path[160], line[256], name[64], type;
	unsigned int major, minor;
	FILE *f;

	snprintf(path, sizeof(path), "%s/modules.devname", modules);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *slash;

		if (sscanf(line, "%*63s %63s %c%u:%u", name, &type, &major, &minor) != 4 ||
		    line[0] == '#' || (type != 'c' && type != 'b') || strstr(name, ".."))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", name);
		slash = strrchr(path, '/');
		if (slash > path + 4) {
			*slash = 0;
			mkdir(path, 0755);
			*slash = '/';
		}
		mknod(path, 0600 | (type == 'c' ? S_IFCHR : S_IFBLK), makedev(major, minor));
	}
	fclose(f);
}

void setup_modules(struct boot *boot)
{
	char target[96], source[128];
	struct utsname uts;
	int ret;

	if (!boot->modules[0] || uname(&uts) < 0)
		return;
	ret = mount_image(boot->modules);
	if (ret < 0) {
		report("the modules' disk %s cannot be mounted: %s", boot->modules, strerror(-ret));
		return;
	}
	snprintf(target, sizeof(target), "/lib/modules/%s", uts.release);
	find_modules(uts.release, source, sizeof(source));
	ret = make_target(target);
	if (!ret && mount(source, target, NULL, MS_BIND, NULL) < 0)
		ret = -errno;
	if (ret < 0)
		report("the kernel's modules cannot be put on %s: %s", target, strerror(-ret));
	else if (boot->init[0])
		spare_modules(target);
	else
		make_static_nodes(target);
	umount2(STAGE, MNT_DETACH);
	rmdir(STAGE);
}
