// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What POSIX and Linux say of files, case by case, by several users: run as root in
 * a directory of the file system that is tested. The same cases hold on every file
 * system of Linux, so where one fails on a share and not on tmpfs, the share is wrong.
 */
#include "posix.h"

int nr, bad;
struct stat st_;

void check(int good, const char *file, int line, const char *what, long got, long want)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr, what);
	if (!good) {
		bad++;
		printf("# %s:%d: got %ld, wanted %ld\n", file, line, got, want);
	}
}

int setgroups_(size_t n, const gid_t *g)
{
	return syscall(SYS_setgroups, n, g);
}

/* Checks that a child made: each is one of these words, and no block here has loops. */
int count_in(const char *text)
{
	static const char *const words[] = { "yes(", "no(", "eq(" };
	int n = 0, i;

	for (i = 0; i < 3; i++) {
		const char *p = text;

		while ((p = strstr(p, words[i]))) {
			n += p == text || !strchr("abcdefghijklmnopqrstuvwxyz_", p[-1]);
			p++;
		}
	}
	return n;
}

int touch(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, mode);

	if (fd < 0)
		return -1;
	return close(fd);
}

int put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret;
}

long get(const char *path, const char *want)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY), n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	return n == (int)strlen(want) && !memcmp(buf, want, n);
}

long later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

void pause_ms(int ms)
{
	struct timespec ts = { 0, ms * 1000000 };

	nanosleep(&ts, NULL);
}

int main(int argc, char **argv)
{
	char root[64];

	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: posix DIRECTORY\n");
		return 2;
	}
	snprintf(root, sizeof(root), "posix.%d", getpid());
	umask(0);
	if (mkdir(root, 0755) || chdir(root)) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	posix_names();
	posix_files();
	printf("1..%d\n", nr);
	return bad > 0;
}
