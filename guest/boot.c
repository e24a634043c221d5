// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the initramfs to the root disk. The first failure is kept in
 * boot.error; whoever serves the agent's port tells the host.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "fstype.h"

#define NEWROOT		"/newroot"
#define DEVICE_MS	3000	/* virtio disks are there before PID 1; others may take a moment */

static void __attribute__((format(printf, 2, 3))) fail(struct boot *boot, const char *fmt, ...)
{
	va_list ap;

	if (boot->error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(boot->error, sizeof(boot->error), fmt, ap);
	va_end(ap);
}

static bool take(const char *word, size_t len, const char *key, char *value, size_t size)
{
	size_t n = strlen(key);

	if (len < n || strncmp(word, key, n) || len - n >= size)
		return false;
	memcpy(value, word + n, len - n);
	value[len - n] = 0;
	return true;
}

/* A word too long or without sense is left out: the cards that remain are of use. */
static bool take_network(struct boot *boot, const char *word, size_t len)
{
	char value[512] = "";

	if (take(word, len, "ring3.net=", value, sizeof(value))) {
		if (!net_parse_card(&boot->net, value))
			report("a network card cannot be set up as the kernel's command line says: %s", value);
		return true;
	}
	if (take(word, len, "ring3.dns=", value, sizeof(value))) {
		if (!net_parse_servers(&boot->net, value))
			report("no name servers as the kernel's command line says: %s", value);
		return true;
	}
	return false;
}

/* One that is not understood is said, and the guest is of use without. */
static bool take_share(struct boot *boot, const char *word, size_t len)
{
	char value[1100] = "";

	if (!take(word, len, "ring3.share=", value, sizeof(value)))
		return false;
	if (!share_parse(&boot->shares, value))
		report("a folder cannot be shared as the kernel's command line says: %s", value);
	return true;
}

void boot_parse(struct boot *boot, const char *cmdline)
{
	const char *p = cmdline;

	snprintf(boot->root, sizeof(boot->root), "/dev/vda");
	while (*p) {
		size_t len;

		p += strspn(p, " \t\n");
		len = strcspn(p, " \t\n");
		if (take(p, len, "ring3.root=", boot->root, sizeof(boot->root)) ||
		    take(p, len, "ring3.rootfstype=", boot->rootfstype, sizeof(boot->rootfstype)) ||
		    take(p, len, "ring3.rootflags=", boot->rootflags, sizeof(boot->rootflags)) ||
		    take(p, len, "ring3.init=", boot->init, sizeof(boot->init)) ||
		    take(p, len, "ring3.modules=", boot->modules, sizeof(boot->modules)) ||
		    take(p, len, "ring3.hostname=", boot->hostname, sizeof(boot->hostname)) ||
		    take_share(boot, p, len) || take_network(boot, p, len))
			;
		else if (len == strlen("ring3.ro") && !strncmp(p, "ring3.ro", len))
			boot->readonly = true;
		else if (len == strlen("ring3.kept") && !strncmp(p, "ring3.kept", len))
			boot->kept = true;
		p += len;
	}
}

static void read_cmdline(struct boot *boot)
{
	char text[4097];
	ssize_t n;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		fail(boot, "the guest has no /proc/cmdline: %s", strerror(errno));
		return;
	}
	text[n] = 0;
	boot_parse(boot, text);
}

static void early_mount(struct boot *boot, const char *type, const char *dir, unsigned long flags)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, flags, NULL) < 0 && errno != EBUSY)
		fail(boot, "PID 1 cannot mount %s: %s", type, strerror(errno));
}

void boot_early(struct boot *boot)
{
	int fd;

	early_mount(boot, "devtmpfs", "/dev", MS_NOSUID);
	early_mount(boot, "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	early_mount(boot, "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC);

	/* An initramfs without a /dev/console starts us with nothing open. */
	if (fcntl(2, F_GETFD) < 0) {
		fd = open("/dev/console", O_RDWR | O_NOCTTY);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR);
		while (fd >= 0 && fd < 2)
			fd = dup(fd);
	}
	read_cmdline(boot);
}

/* The device, opened; or -errno. */
static int wait_device(const char *path)
{
	struct timespec start, now;
	struct stat st;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			break;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((errno != ENOENT && errno != ENXIO && errno != ENODEV) ||
		    (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 > DEVICE_MS)
			return -errno;
		poll(NULL, 0, 2);
	}
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode)) {
		close(fd);
		return -ENOTBLK;
	}
	return fd;
}

static void find_fstype(struct boot *boot)
{
	const char *type;
	int fd = wait_device(boot->root);

	if (fd < 0) {
		fail(boot, "there is no root disk %s in the guest: %s", boot->root, strerror(-fd));
		return;
	}
	if (!boot->rootfstype[0]) {
		type = fstype_of(fd);
		if (type)
			snprintf(boot->rootfstype, sizeof(boot->rootfstype), "%s", type);
		else
			fail(boot, "the root disk %s holds no file system that ring3 knows: is it a raw image of one? (--rootfstype names it)",
			     boot->root);
	}
	close(fd);
}

#define LOWER		"/lower"
#define UPPER		"/upper"

/* A folder of the host, and over it, if what is written is not for the host, a layer in memory. */
static void mount_folder(struct boot *boot)
{
	bool overlay = !strncmp(boot->root, "overlay:", 8);
	const char *tag = strchr(boot->root, ':') + 1;
	struct stat st;

	mkdir(NEWROOT, 0755);
	if (overlay)
		mkdir(LOWER, 0755);
	if (mount(tag, overlay ? LOWER : NEWROOT, "virtiofs", overlay || boot->readonly ? MS_RDONLY : 0, NULL)) {
		fail(boot, errno == ENODEV ? "the guest's kernel has no virtiofs, which a folder as root needs (CONFIG_VIRTIO_FS)" :
		     "the root folder cannot be mounted: %s", strerror(errno));
		return;
	}
	if (!overlay)
		return;
	mkdir(UPPER, 0755);
	if (mount("tmpfs", UPPER, "tmpfs", 0, "size=90%,mode=755") || mkdir(UPPER "/new", 0755) || mkdir(UPPER "/work", 0755) ||
	    stat(LOWER, &st) || chmod(UPPER "/new", st.st_mode & 07777) || chown(UPPER "/new", st.st_uid, st.st_gid))
		fail(boot, "there is no layer over the root folder: %s", strerror(errno));
	else if (mount("root", NEWROOT, "overlay", 0, "lowerdir=" LOWER ",upperdir=" UPPER "/new,workdir=" UPPER "/work"))
		fail(boot, errno == ENODEV ? "the guest's kernel has no overlay file system: use --root-rw or --root-ro (CONFIG_OVERLAY_FS)" :
		     "the layer over the root folder cannot be mounted: %s", strerror(errno));
}

static bool is_folder(const struct boot *boot)
{
	return !strncmp(boot->root, "virtiofs:", 9) || !strncmp(boot->root, "overlay:", 8);
}

static void mount_root(struct boot *boot)
{
	const char *type = boot->rootfstype;
	unsigned long flags = boot->readonly ? MS_RDONLY : 0;
	const char *data = boot->rootflags[0] ? boot->rootflags : NULL;
	int ret;

	mkdir(NEWROOT, 0755);
	ret = mount(boot->root, NEWROOT, type, flags, data);
	if (ret < 0 && !flags && (errno == EACCES || errno == EROFS)) {
		boot->readonly = true;
		ret = mount(boot->root, NEWROOT, type, MS_RDONLY, data);
	}
	if (ret == 0)
		return;
	if (errno == ENODEV)
		fail(boot, "the guest kernel has no file system %s, which the root disk %s needs", type, boot->root);
	else
		fail(boot, "the root disk %s cannot be mounted as %s: %s (ring3 run -v shows why the kernel refused)",
		     boot->root, type, strerror(errno));
}

static void move_mount_to_root(struct boot *boot, const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), NEWROOT "%s", dir);
	mkdir(path, 0755);
	if (mount(dir, path, NULL, MS_MOVE, NULL) < 0)
		fail(boot, errno == ENOENT ?
		     "the root disk has no directory %s and is read-only: %s" :
		     "PID 1 cannot move %s to the root disk: %s", dir, strerror(errno));
}

/* Gives the initramfs' memory back. Only what is on the same file system. */
static void remove_tree(int dirfd, dev_t dev)
{
	struct dirent *de;
	struct stat st;
	DIR *dir = fdopendir(dirfd);
	int fd;

	if (!dir) {
		close(dirfd);
		return;
	}
	while ((de = readdir(dir))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
			continue;
		if (S_ISDIR(st.st_mode)) {
			fd = openat(dirfd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (fd >= 0)
				remove_tree(fd, dev);
			unlinkat(dirfd, de->d_name, AT_REMOVEDIR);
		} else {
			unlinkat(dirfd, de->d_name, 0);
		}
	}
	closedir(dir);
}

static void switch_root(struct boot *boot)
{
	struct stat st;
	int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (chdir(NEWROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0) {
		fail(boot, "PID 1 cannot enter the root disk: %s", strerror(errno));
		if (old >= 0)
			close(old);
		return;
	}
	if (old >= 0 && !fstat(old, &st))
		remove_tree(old, st.st_dev);
	else if (old >= 0)
		close(old);
}

/* What the kernel opened is the initramfs' node, which has no name any more. */
static void reopen_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY), i;

	if (fd < 0)
		return;
	for (i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void boot_root(struct boot *boot)
{
	if (!boot->error[0] && is_folder(boot)) {
		mount_folder(boot);
	} else {
		if (!boot->error[0])
			find_fstype(boot);
		if (!boot->error[0])
			mount_root(boot);
	}
	if (boot->error[0])
		return;
	move_mount_to_root(boot, "/dev");
	move_mount_to_root(boot, "/proc");
	move_mount_to_root(boot, "/sys");
	if (!boot->error[0])
		switch_root(boot);
	if (!boot->error[0])
		reopen_console();
}
