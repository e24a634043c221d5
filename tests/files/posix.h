/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cases of posix.c, posix_names.c and posix_files.c are made of. */
#ifndef TESTS_POSIX_H
#define TESTS_POSIX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

extern int nr, bad;

void check(int good, const char *file, int line, const char *what, long got, long want);
int setgroups_(size_t n, const gid_t *g);
/* Checks that a child made: words yes, no and eq in this text; no block has loops. */
int count_in(const char *text);

/* Each returns 0 or more, or -1 with errno. */
int touch(const char *path, mode_t mode);
int put(const char *path, const char *text);
/* Whether the file has this text. */
long get(const char *path, const char *want);
long later(struct timespec a, struct timespec b);
void pause_ms(int ms);

/* A call that succeeds, one that fails so, a value. */
#define yes(call) ({ errno = 0; long y_ = (long)(call); check(y_ >= 0, __FILE__, __LINE__, #call, y_ < 0 ? -errno : y_, 0); y_; })
#define no(call, err) ({ errno = 0; long n_ = (long)(call); check(n_ < 0 && errno == (err), __FILE__, __LINE__, #call " fails: " #err, n_ < 0 ? errno : 0, err); })
#define eq(a, b) ({ long a_ = (long)(a), b_ = (long)(b); check(a_ == b_, __FILE__, __LINE__, #a " is " #b, a_, b_); })

/* A block as that user, with these groups only. */
#define as(uid_, gid_, ...) do { \
	fflush(stdout); \
	pid_t p_ = fork(); \
	int s_ = 0; \
	if (!p_) { \
		gid_t g_ = (gid_); \
		if (setgroups_(1, &g_) || setresgid(g_, g_, g_) || setresuid(uid_, uid_, uid_)) \
			_exit(99); \
		bad = 0; \
		__VA_ARGS__; \
		fflush(stdout); \
		_exit(bad > 98 ? 98 : bad); \
	} \
	waitpid(p_, &s_, 0); \
	nr += count_in(#__VA_ARGS__); \
	if (!WIFEXITED(s_) || WEXITSTATUS(s_)) \
		bad++; \
} while (0)

extern struct stat st_;
#define st(path) (memset(&st_, 0, sizeof(st_)), lstat(path, &st_), st_)

void posix_names(void);
void posix_files(void);

#endif
