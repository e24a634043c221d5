// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The only program of the tests' roots.
 *
 *	show tree [PATH...]	what a root holds, one line of JSON each
 *	show WORDS...		how it was started
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

static uint32_t content(const char *path)
{
	unsigned char buf[65536];
	uint32_t sum = 1;
	ssize_t n, i;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			sum = sum * 31 + buf[i];
	if (fd >= 0)
		close(fd);
	return sum;
}

static void text(const char *p, ssize_t len)
{
	putchar('"');
	for (; len > 0; len--, p++) {
		if ((unsigned char)*p < 32 || (unsigned char)*p > 126 || *p == '"' || *p == '\\')
			printf("\\u%04x", (unsigned char)*p);
		else
			putchar(*p);
	}
	putchar('"');
}

static void xattrs(const char *path)
{
	char names[4096], value[4096];
	ssize_t n = llistxattr(path, names, sizeof(names)), len;
	const char *p;

	printf(", \"xattrs\": {");
	for (p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		len = lgetxattr(path, p, value, sizeof(value));
		printf("%s", p == names ? "" : ", ");
		text(p, strlen(p));
		printf(": ");
		text(value, len);
	}
	printf("}");
}

static void one(const char *path, const struct stat *st)
{
	char target[4097];
	ssize_t n;

	printf("{\"path\": ");
	text(path, strlen(path));
	printf(", \"mode\": %u, \"uid\": %u, \"gid\": %u, \"links\": %lu, \"mtime\": %lld, \"nsec\": %ld", st->st_mode, st->st_uid,
	       st->st_gid, (unsigned long)st->st_nlink, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (S_ISREG(st->st_mode))
		printf(", \"size\": %lld, \"sum\": %u, \"blocks\": %lld", (long long)st->st_size, content(path), (long long)st->st_blocks);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(", \"dev\": [%u, %u]", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISLNK(st->st_mode) && (n = readlink(path, target, sizeof(target))) >= 0) {
		printf(", \"target\": ");
		text(target, n);
	}
	xattrs(path);
	printf(", \"ino\": %lu}\n", (unsigned long)st->st_ino);
}

static void tree(const char *path, dev_t dev)
{
	struct stat st;
	struct dirent *de;
	DIR *d;

	if (lstat(*path ? path : "/", &st) || (dev && st.st_dev != dev))
		return;
	if (*path)
		one(path, &st);
	d = S_ISDIR(st.st_mode) ? opendir(*path ? path : "/") : NULL;
	while (d && (de = readdir(d))) {
		char *sub;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") || asprintf(&sub, "%s/%s", path, de->d_name) < 0)
			continue;
		tree(sub, st.st_dev);
		free(sub);
	}
	if (d)
		closedir(d);
}

int main(int argc, char **argv)
{
	char cwd[4096];
	int i;

	if (argc > 1 && !strcmp(argv[1], "tree")) {
		for (i = 2; i < argc; i++)
			tree(argv[i], 0);
		if (argc == 2)
			tree("", 0);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "wait"))
		sleep(atoi(argv[2]));
	if (argc > 2 && !strcmp(argv[1], "write")) {
		int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);

		return fd < 0 || write(fd, "written", 7) != 7;
	}
	printf("uid %u gid %u cwd %s\n", getuid(), getgid(), getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	for (i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (i = 0; environ[i]; i++)
		printf("env %s\n", environ[i]);
	return 0;
}
