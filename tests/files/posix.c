// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What POSIX and Linux say of files, case by case, by several users: run as root in
 * a directory of the file system that is tested. The same cases hold on every file
 * system of Linux, so where one fails on a share and not on tmpfs, the share is wrong.
 */
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

static int nr, bad;

static void check(int good, int line, const char *what, long got, long want)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr, what);
	if (!good) {
		bad++;
		printf("# posix.c:%d: got %ld, wanted %ld\n", line, got, want);
	}
}

/* A call that succeeds, one that fails so, a value. */
#define yes(call) ({ errno = 0; long y_ = (long)(call); check(y_ >= 0, __LINE__, #call, y_ < 0 ? -errno : y_, 0); y_; })
#define no(call, err) ({ errno = 0; long n_ = (long)(call); check(n_ < 0 && errno == (err), __LINE__, #call " fails: " #err, n_ < 0 ? errno : 0, err); })
#define eq(a, b) ({ long a_ = (long)(a), b_ = (long)(b); check(a_ == b_, __LINE__, #a " is " #b, a_, b_); })

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

static int setgroups_(size_t n, const gid_t *g)
{
	return syscall(SYS_setgroups, n, g);
}

/* Checks that a child made: each is one of these words, and no block here has loops. */
static int count_in(const char *text)
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

static struct stat st_;
#define st(path) (memset(&st_, 0, sizeof(st_)), lstat(path, &st_), st_)

static int touch(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, mode);

	if (fd < 0)
		return -1;
	return close(fd);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret;
}

static long get(const char *path, const char *want)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY), n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	return n == (int)strlen(want) && !memcmp(buf, want, n);
}

static long later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void pause_ms(int ms)
{
	struct timespec ts = { 0, ms * 1000000 };

	nanosleep(&ts, NULL);
}

static char name255[256], name256[257], path4095[PATH_MAX + 8];

static void names(void)
{
	char long_dir[400];
	static const char odd[] = "\x01\xff\xfe odd \n\"'%";
	int i;

	memset(name255, 'n', 255);
	memset(name256, 'n', 256);
	yes(mkdir("names", 0755));
	yes(chdir("names"));
	yes(touch(name255, 0644));
	no(touch(name256, 0644), ENAMETOOLONG);
	no(mkdir(name256, 0755), ENAMETOOLONG);
	no(symlink("x", name256), ENAMETOOLONG);
	no(unlink(name256), ENAMETOOLONG);
	no(rename(name255, name256), ENAMETOOLONG);
	yes(unlink(name255));
	yes(touch(odd, 0600));
	eq(st(odd).st_size, 0);
	yes(unlink(odd));
	no(unlink(odd), ENOENT);
	no(mkdir(".", 0755), EEXIST);
	no(rmdir("."), EINVAL);
	yes(mkdir("e", 0755));
	no(rmdir("e/.."), ENOTEMPTY);
	yes(rmdir("e"));
	for (i = 0; i < PATH_MAX - 1; i += 2)
		memcpy(path4095 + i, "./", 2);
	path4095[PATH_MAX - 2] = 'f';
	path4095[PATH_MAX - 1] = '\0';
	yes(touch(path4095, 0644));
	yes(unlink("f"));
	path4095[PATH_MAX - 1] = 'f';
	no(touch(path4095, 0644), ENAMETOOLONG);
	/* Deeper than a path can say. */
	memset(long_dir, 'd', 200);
	long_dir[200] = '\0';
	for (i = 0; i < 30; i++)
		if (mkdir(long_dir, 0755) || chdir(long_dir))
			break;
	eq(i, 30);
	yes(put("deep", "below"));
	pause_ms(1100);
	eq(get("deep", "below"), 1);
	yes(unlink("deep"));
	for (i = 0; i < 30; i++)
		if (chdir("..") || rmdir(long_dir))
			break;
	eq(i, 30);
	yes(chdir(".."));
	yes(rmdir("names"));
}

static void modes(void)
{
	yes(mkdir("modes", 0755));
	yes(chdir("modes"));
	umask(022);
	yes(touch("f", 0666));
	eq(st("f").st_mode, S_IFREG | 0644);
	umask(0);
	yes(chmod("f", 0));
	eq(st("f").st_mode & 07777, 0);
	yes(put("f", "root writes all"));
	eq(get("f", "root writes all"), 1);
	yes(chmod("f", 07777));
	eq(st("f").st_mode & 07777, 07777);
	yes(chmod("f", 04755));
	eq(st("f").st_mode & 07777, 04755);
	yes(mkdir("d", 01777));
	eq(st("d").st_mode, S_IFDIR | 01777);
	yes(mkdir("g", 0755));
	yes(chown("g", 0, 500));
	yes(chmod("g", 02775));
	yes(mkdir("g/sub", 0755));
	eq(st("g/sub").st_mode, S_IFDIR | 02755);
	eq(st("g/sub").st_gid, 500);
	yes(touch("g/f", 0644));
	eq(st("g/f").st_gid, 500);
	no(chmod("none", 0644), ENOENT);
	no(chmod("f/x", 0644), ENOTDIR);
	yes(touch("mine", 0644));
	yes(chown("mine", 1000, 1000));
	as(1000, 1000, { yes(chmod("mine", 0600)); no(chmod("f", 0600), EPERM); no(open("f", O_WRONLY | O_TRUNC), EACCES); });
	eq(st("mine").st_mode & 07777, 0600);
	as(1001, 1001, { no(open("mine", O_RDONLY), EACCES); no(chmod("mine", 0666), EPERM); no(open("mine", O_WRONLY), EACCES); });
	as(1000, 1000, { yes(chmod("mine", 0)); no(open("mine", O_RDONLY), EACCES); yes(chmod("mine", 0400)); no(open("mine", O_WRONLY), EACCES); yes(close(open("mine", O_RDONLY))); });
	/* Not a member of the group: the bit is not for him to set. */
	yes(chown("mine", 1000, 500));
	as(1000, 1000, { yes(chmod("mine", 02755)); eq(st("mine").st_mode & 07777, 0755); });
	/* Who writes takes the bits away, but root. */
	yes(chown("mine", 1000, 1000));
	yes(chmod("mine", 06777));
	as(1001, 1001, { yes(put("mine", "x")); });
	eq(st("mine").st_mode & 07777, 0777);
	yes(chmod("mine", 06777));
	yes(put("mine", "xy"));
	eq(st("mine").st_mode & 07777, 06777);
	as(1001, 1001, { yes(truncate("mine", 1)); });
	eq(st("mine").st_mode & 07777, 0777);
	yes(chdir(".."));
}

static void owners(void)
{
	struct timespec before;

	yes(mkdir("owners", 0777));
	yes(chmod("owners", 0777));
	yes(chdir("owners"));
	as(1000, 1000, { yes(touch("u", 0644)); eq(st("u").st_uid, 1000); eq(st("u").st_gid, 1000); yes(mkdir("ud", 0755)); eq(st("ud").st_uid, 1000); yes(symlink("u", "ul")); });
	eq(st("u").st_uid, 1000);
	eq(st("ul").st_uid, 1000);
	as(1001, 1001, { no(chown("u", 1001, -1), EPERM); no(chown("u", -1, 1001), EPERM); no(touch("ud/x", 0644), EACCES); no(utimensat(AT_FDCWD, "u", NULL, 0), EACCES); });
	as(1000, 1000, { no(chown("u", 1001, -1), EPERM); yes(chown("u", -1, 1000)); yes(chown("u", 1000, 1000)); no(chown("u", -1, 77), EPERM); });
	yes(chown("u", 65534, 4000000));
	eq(st("u").st_uid, 65534);
	eq(st("u").st_gid, 4000000);
	yes(chown("u", 0, 0));
	eq(st("u").st_uid, 0);
	yes(lchown("ul", 12, 13));
	eq(st("ul").st_uid, 12);
	eq(st("ul").st_gid, 13);
	eq(st("u").st_uid, 0);
	yes(chmod("u", 06755));
	yes(chown("u", 5, 5));
	eq(st("u").st_mode & 07777, 0755);
	before = st("u").st_ctim;
	pause_ms(20);
	yes(chown("u", 6, 6));
	eq(later(st("u").st_ctim, before), 1);
	/* Sticky: only the owner of the file, or of the directory, takes it away. */
	yes(mkdir("sticky", 0777));
	yes(chmod("sticky", 01777));
	as(1000, 1000, { yes(touch("sticky/a", 0666)); });
	as(1001, 1001, { no(unlink("sticky/a"), EPERM); no(rename("sticky/a", "sticky/b"), EPERM); yes(touch("sticky/mine", 0644)); no(rename("sticky/mine", "sticky/a"), EPERM); yes(unlink("sticky/mine")); });
	as(1000, 1000, { yes(unlink("sticky/a")); });
	/* Search and write permission of directories. */
	yes(mkdir("closed", 0700));
	yes(touch("closed/f", 0777));
	as(1000, 1000, { no(open("closed/f", O_RDONLY), EACCES); no(unlink("closed/f"), EACCES); no(lstat("closed/f", &st_), EACCES); no(mkdir("closed/d", 0755), EACCES); no(symlink("x", "closed/l"), EACCES); no(link("u", "closed/u"), EACCES); no(opendir("closed") ? 0 : -1, EACCES); });
	yes(chmod("closed", 0711));
	as(1000, 1000, { yes(lstat("closed/f", &st_)); no(opendir("closed") ? 0 : -1, EACCES); no(touch("closed/n", 0644), EACCES); no(rename("closed/f", "closed/g"), EACCES); });
	yes(chdir(".."));
}

static void links(void)
{
	char buf[64];
	ino_t ino;
	int fd;

	yes(mkdir("links", 0755));
	yes(chdir("links"));
	yes(put("a", "one"));
	yes(link("a", "b"));
	eq(st("a").st_nlink, 2);
	ino = st("a").st_ino;
	eq(st("b").st_ino, ino);
	yes(put("b", "two"));
	eq(get("a", "two"), 1);
	no(link("a", "b"), EEXIST);
	no(link("none", "c"), ENOENT);
	yes(mkdir("d", 0755));
	no(link("d", "e"), EPERM);
	yes(link("a", "d/c"));
	yes(unlink("a"));
	eq(st("b").st_nlink, 2);
	eq(get("d/c", "two"), 1);
	yes(chmod("d/c", 0604));
	eq(st("b").st_mode & 07777, 0604);
	yes(unlink("b"));
	yes(unlink("d/c"));
	/* Of a symbolic link too. */
	yes(symlink("nowhere/at/all", "s"));
	eq(readlink("s", buf, sizeof(buf)), 14);
	eq(st("s").st_size, 14);
	eq(S_ISLNK(st("s").st_mode), 1);
	yes(link("s", "s2"));
	eq(st("s2").st_nlink, 2);
	no(open("s", O_RDONLY), ENOENT);
	no(readlink("d", buf, sizeof(buf)), EINVAL);
	yes(symlink("s", "loop1"));
	yes(unlink("s"));
	yes(symlink("loop1", "s"));
	no(open("s", O_RDONLY), ELOOP);
	no(open("s2", O_RDONLY | O_NOFOLLOW), ELOOP);
	no(symlink("", "empty"), ENOENT);
	/* What is open lives on without a name. */
	yes(put("gone", "still here"));
	fd = yes(open("gone", O_RDWR));
	yes(unlink("gone"));
	yes(fstat(fd, &st_));
	eq(st_.st_nlink, 0);
	eq(pread(fd, buf, sizeof(buf), 0), 10);
	yes(fchmod(fd, 0600));
	yes(ftruncate(fd, 5));
	yes(fstat(fd, &st_));
	eq(st_.st_size, 5);
	eq(st_.st_mode & 07777, 0600);
	yes(close(fd));
	/* A directory that somebody is in. */
	yes(mkdir("in", 0755));
	yes(chdir("in"));
	yes(rmdir("../in"));
	no(touch("x", 0644), ENOENT);
	yes(stat(".", &st_));
	yes(chdir(".."));
	no(chdir("in"), ENOENT);
	yes(rmdir("d/"));
	no(rmdir("d/"), ENOENT);
	yes(chdir(".."));
}

static int rename2(const char *a, const char *b, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags);
}

static void renames(void)
{
	ino_t ino, other;
	int fd;
	char buf[16];

	yes(mkdir("renames", 0777));
	yes(chmod("renames", 0777));
	yes(chdir("renames"));
	yes(put("a", "A"));
	ino = st("a").st_ino;
	yes(rename("a", "b"));
	eq(st("b").st_ino, ino);
	no(lstat("a", &st_), ENOENT);
	yes(put("c", "C"));
	fd = yes(open("c", O_RDONLY));
	yes(rename("b", "c"));
	eq(get("c", "A"), 1);
	eq(pread(fd, buf, 16, 0), 1);
	eq(buf[0], 'C');
	yes(fstat(fd, &st_));
	eq(st_.st_nlink, 0);
	yes(close(fd));
	yes(put("x", "X"));
	no(rename2("x", "c", RENAME_NOREPLACE), EEXIST);
	other = st("x").st_ino;
	yes(rename2("x", "c", RENAME_EXCHANGE));
	eq(get("x", "A"), 1);
	eq(get("c", "X"), 1);
	eq(st("c").st_ino, other);
	yes(rename2("x", "n", RENAME_NOREPLACE));
	no(rename2("n", "none", RENAME_EXCHANGE), ENOENT);
	yes(mkdir("d", 0755));
	yes(mkdir("d/e", 0755));
	yes(put("d/e/f", "deep"));
	no(rename("d", "d/e/d"), EINVAL);
	no(rename("d", "c"), ENOTDIR);
	no(rename("c", "d"), EISDIR);
	yes(mkdir("full", 0755));
	yes(touch("full/x", 0644));
	no(rename("d", "full"), ENOTEMPTY);
	yes(mkdir("empty", 0755));
	yes(rename("d", "empty"));
	eq(get("empty/e/f", "deep"), 1);
	fd = yes(open("empty/e", O_RDONLY | O_DIRECTORY));
	yes(rename("empty", "moved"));
	eq(get("moved/e/f", "deep"), 1);
	yes(close(yes(openat(fd, "f", O_RDONLY))));
	yes(mkdir("moved/e2", 0755));
	yes(rename("moved/e", "moved/e2/e3"));
	eq(get("moved/e2/e3/f", "deep"), 1);
	yes(put("moved/e2/e3/../g", "up"));
	yes(faccessat(fd, "../g", R_OK, 0));
	yes(close(fd));
	yes(rename2("moved", "full", RENAME_EXCHANGE));
	eq(get("full/e2/e3/f", "deep"), 1);
	yes(rename("c", "c"));
	yes(link("c", "c2"));
	yes(rename("c", "c2"));
	eq(st("c").st_nlink, 2);
	no(rename("none", "c"), ENOENT);
	/* A directory of somebody else's cannot be moved to another one. */
	yes(mkdir("p", 0777));
	yes(chmod("p", 0777));
	yes(mkdir("q", 0755));
	as(1000, 1000, { no(rename("q", "p/q"), EACCES); no(rename("p/none", "q/x"), ENOENT); });
	yes(chdir(".."));
}

static void times(void)
{
	struct timespec t[2] = { { 1000000000, 123456789 }, { 1500000000, 987654321 } };
	struct timespec before;
	int fd;

	yes(mkdir("times", 0755));
	yes(chdir("times"));
	yes(touch("f", 0644));
	yes(utimensat(AT_FDCWD, "f", t, 0));
	eq(st("f").st_atim.tv_sec, 1000000000);
	eq(st("f").st_atim.tv_nsec, 123456789);
	eq(st("f").st_mtim.tv_nsec, 987654321);
	t[0].tv_nsec = UTIME_OMIT;
	t[1] = (struct timespec){ 5, 5 };
	yes(utimensat(AT_FDCWD, "f", t, 0));
	eq(st("f").st_atim.tv_sec, 1000000000);
	eq(st("f").st_mtim.tv_sec, 5);
	t[0] = (struct timespec){ -3600, 0 };
	yes(utimensat(AT_FDCWD, "f", t, 0));
	eq(st("f").st_atim.tv_sec, -3600);
	yes(symlink("f", "l"));
	t[0] = t[1] = (struct timespec){ 77, 0 };
	yes(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
	eq(st("l").st_mtim.tv_sec, 77);
	eq(st("f").st_mtim.tv_sec, 5);
	yes(utimensat(AT_FDCWD, "f", NULL, 0));
	eq(labs(time(NULL) - st("f").st_mtim.tv_sec) < 5, 1);
	before = st(".").st_mtim;
	pause_ms(20);
	yes(touch("g", 0644));
	eq(later(st(".").st_mtim, before), 1);
	before = st(".").st_mtim;
	pause_ms(20);
	yes(unlink("g"));
	eq(later(st(".").st_mtim, before), 1);
	before = st("f").st_mtim;
	pause_ms(20);
	fd = yes(open("f", O_WRONLY));
	eq(write(fd, "x", 1), 1);
	yes(fstat(fd, &st_));
	eq(later(st_.st_mtim, before), 1);
	before = st_.st_mtim;
	pause_ms(20);
	yes(ftruncate(fd, 0));
	yes(fstat(fd, &st_));
	eq(later(st_.st_mtim, before), 1);
	before = st_.st_ctim;
	pause_ms(20);
	yes(link("f", "h"));
	eq(later(st("f").st_ctim, before), 1);
	t[0].tv_nsec = t[1].tv_nsec = 0;
	yes(futimens(fd, t));
	eq(st("f").st_mtim.tv_sec, 77);
	yes(close(fd));
	as(1000, 1000, { no(utimensat(AT_FDCWD, "f", t, 0), EPERM); });
	yes(chdir(".."));
}

static void opens(void)
{
	char buf[64], *map;
	int fd, fd2, i;

	yes(mkdir("opens", 0755));
	yes(chdir("opens"));
	no(open("none", O_RDONLY), ENOENT);
	yes(put("f", "0123456789"));
	no(open("f", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	no(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	no(open("f/x", O_RDONLY), ENOTDIR);
	no(open(".", O_WRONLY), EISDIR);
	no(open("new/", O_CREAT | O_RDWR, 0644), EISDIR);
	/* With no permission at all, but as the one that makes it. */
	fd = yes(open("readonly", O_CREAT | O_RDWR, 0444));
	eq(write(fd, "abc", 3), 3);
	yes(close(fd));
	as(1000, 1000, { no(open("readonly", O_WRONLY), EACCES); yes(close(open("readonly", O_RDONLY))); });
	fd = yes(open("f", O_WRONLY | O_APPEND));
	yes(lseek(fd, 0, SEEK_SET));
	eq(write(fd, "ab", 2), 2);
	eq(lseek(fd, 0, SEEK_CUR), 12);
	eq(write(fd, "cd", 2), 2);
	yes(close(fd));
	eq(get("f", "0123456789abcd"), 1);
	fd = yes(open("f", O_RDWR | O_TRUNC));
	eq(st("f").st_size, 0);
	eq(pwrite(fd, "x", 1, 9999), 1);
	eq(st("f").st_size, 10000);
	eq(pread(fd, buf, 4, 100), 4);
	eq(buf[0] | buf[3], 0);
	eq(pread(fd, buf, 4, 10000), 0);
	no(write(open("f", O_RDONLY), "x", 1), EBADF);
	yes(ftruncate(fd, 3));
	yes(ftruncate(fd, 8192));
	eq(pread(fd, buf, 1, 8191), 1);
	no(ftruncate(fd, -1), EINVAL);
	no(truncate(".", 1), EISDIR);
	/* Two that see one file. */
	fd2 = yes(open("f", O_RDWR));
	eq(pwrite(fd, "hello", 5, 0), 5);
	eq(pread(fd2, buf, 5, 0), 5);
	eq(memcmp(buf, "hello", 5), 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd2, 0);
	eq(map != MAP_FAILED, 1);
	eq(memcmp(map, "hello", 5), 0);
	memcpy(map, "HELLO", 5);
	eq(pread(fd, buf, 5, 0), 5);
	eq(memcmp(buf, "HELLO", 5), 0);
	yes(close(fd2));
	memcpy(map + 4096, "PAGE2", 5);
	yes(msync(map, 8192, MS_SYNC));
	yes(munmap(map, 8192));
	eq(pread(fd, buf, 5, 4096), 5);
	eq(memcmp(buf, "PAGE2", 5), 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	eq(map != MAP_FAILED, 1);
	map[0] = 'P';
	eq(pread(fd, buf, 1, 0), 1);
	eq(buf[0], 'H');
	yes(munmap(map, 4096));
	/* Room, holes, copies. */
	yes(fallocate(fd, 0, 0, 65536));
	yes(fstat(fd, &st_));
	eq(st_.st_size, 65536);
	yes(fallocate(fd, FALLOC_FL_KEEP_SIZE, 65536, 65536));
	yes(fstat(fd, &st_));
	eq(st_.st_size, 65536);
	memset(buf, 'z', sizeof(buf));
	eq(pwrite(fd, buf, 64, 40000), 64);
	yes(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 36864, 8192));
	eq(pread(fd, buf, 64, 40000), 64);
	eq(buf[0] | buf[63], 0);
	yes(close(fd));
	fd = yes(open("holes", O_CREAT | O_RDWR, 0644));
	yes(ftruncate(fd, 1 << 20));
	eq(pwrite(fd, "d", 1, 512 << 10), 1);
	eq(lseek(fd, 0, SEEK_DATA), 512 << 10);
	eq(lseek(fd, 0, SEEK_HOLE), 0);
	no(lseek(fd, 1 << 20, SEEK_DATA), ENXIO);
	fd2 = yes(open("copy", O_CREAT | O_RDWR, 0644));
	yes(lseek(fd, 512 << 10, SEEK_SET));
	eq(copy_file_range(fd, NULL, fd2, NULL, 4096, 0), 4096);
	eq(pread(fd2, buf, 1, 0), 1);
	eq(buf[0], 'd');
	yes(fsync(fd2));
	yes(fdatasync(fd2));
	yes(syncfs(fd2));
	yes(close(fd));
	yes(close(fd2));
	/* Without a name, and then with one. */
	fd = yes(open(".", O_TMPFILE | O_RDWR, 0640));
	eq(write(fd, "tmp", 3), 3);
	yes(fstat(fd, &st_));
	eq(st_.st_nlink, 0);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	yes(linkat(AT_FDCWD, buf, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	eq(get("named", "tmp"), 1);
	eq(st("named").st_mode & 07777, 0640);
	yes(close(fd));
	/* Many at once. */
	for (i = 0; i < 200; i++) {
		snprintf(buf, sizeof(buf), "many%d", i);
		if (open(buf, O_CREAT | O_RDWR, 0644) < 0)
			break;
	}
	eq(i, 200);
	for (i = 3; i < 300; i++)
		close(i);
	yes(chdir(".."));
}

static long entries(const char *dir)
{
	DIR *d = opendir(dir);
	long n = 0;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void dirs(void)
{
	char buf[64];
	DIR *d;
	struct dirent *e;
	long pos = 0, n;
	int i, ret = 0;
	char third[256] = "";

	yes(mkdir("dirs", 0755));
	yes(chdir("dirs"));
	eq(st(".").st_nlink >= 1, 1);
	yes(mkdir("many", 0755));
	for (i = 0; i < 1500; i++) {
		snprintf(buf, sizeof(buf), "many/a-name-of-some-length-%d", i);
		ret |= touch(buf, 0644);
	}
	eq(ret, 0);
	eq(entries("many"), 1502);
	d = opendir("many");
	for (n = 0; (e = readdir(d)) && n < 700; n++) {
		if (n == 500)
			pos = telldir(d);
		if (n == 501)
			strcpy(third, e->d_name);
	}
	seekdir(d, pos);
	e = readdir(d);
	eq(e && !strcmp(e->d_name, third), 1);
	/* What is removed while one reads does not hide others. */
	rewinddir(d);
	for (n = 0; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(buf, sizeof(buf), "many/%.50s", e->d_name);
		ret |= unlink(buf);
		n++;
	}
	closedir(d);
	eq(ret, 0);
	eq(n, 1500);
	eq(entries("many"), 2);
	yes(touch("many/x", 0644));
	no(rmdir("many"), ENOTEMPTY);
	no(unlink("many"), EISDIR);
	no(rmdir("many/x"), ENOTDIR);
	no(mkdir("many/x", 0755), EEXIST);
	no(mkdir("none/x", 0755), ENOENT);
	yes(unlink("many/x"));
	yes(rmdir("many"));
	yes(chdir(".."));
}

static void special(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	char c = 0;
	int fd, fd2;

	yes(mkdir("special", 0755));
	yes(chdir("special"));
	yes(mkfifo("fifo", 0640));
	eq(st("fifo").st_mode, S_IFIFO | 0640);
	fd = yes(open("fifo", O_RDWR | O_NONBLOCK));
	eq(write(fd, "q", 1), 1);
	eq(read(fd, &c, 1), 1);
	yes(close(fd));
	yes(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	eq(st("null").st_mode, S_IFCHR | 0666);
	eq(st("null").st_rdev, makedev(1, 3));
	fd = yes(open("null", O_RDWR));
	eq(write(fd, "gone", 4), 4);
	eq(read(fd, &c, 1), 0);
	yes(close(fd));
	yes(mknod("big", S_IFBLK | 0600, makedev(4000, 1000000)));
	eq(st("big").st_rdev, makedev(4000, 1000000));
	yes(mknod("plain", S_IFREG | 0600, 0));
	eq(st("plain").st_mode, S_IFREG | 0600);
	yes(chown("null", 3, 4));
	yes(chmod("null", 0600));
	eq(st("null").st_mode, S_IFCHR | 0600);
	eq(st("null").st_uid, 3);
	yes(rename("null", "null2"));
	eq(st("null2").st_rdev, makedev(1, 3));
	yes(link("null2", "null3"));
	eq(st("null3").st_mode, S_IFCHR | 0600);
	fd = yes(socket(AF_UNIX, SOCK_STREAM, 0));
	yes(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	yes(listen(fd, 1));
	eq(S_ISSOCK(st("sock").st_mode), 1);
	fd2 = yes(socket(AF_UNIX, SOCK_STREAM, 0));
	yes(connect(fd2, (struct sockaddr *)&a, sizeof(a)));
	yes(close(fd));
	yes(close(fd2));
	no(bind(yes(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	as(1000, 1000, { no(mknod("/tmp/none-such-dir/x", S_IFCHR, 0), ENOENT); no(mkfifo("mine", 0644), EACCES); });
	yes(chdir(".."));
}

static void xattrs(void)
{
	char buf[300], big[4000];
	ssize_t n;

	yes(mkdir("xattrs", 0755));
	yes(chdir("xattrs"));
	yes(touch("f", 0644));
	if (setxattr("f", "user.one", "1", 1, 0) && errno == EOPNOTSUPP) {
		printf("# no user attributes here\n");
		yes(chdir(".."));
		return;
	}
	no(setxattr("f", "user.one", "2", 1, XATTR_CREATE), EEXIST);
	no(setxattr("f", "user.two", "2", 1, XATTR_REPLACE), ENODATA);
	yes(setxattr("f", "user.two", "", 0, 0));
	yes(setxattr("f", "trusted.three", "333", 3, 0));
	eq(getxattr("f", "user.one", buf, sizeof(buf)), 1);
	eq(getxattr("f", "user.two", buf, sizeof(buf)), 0);
	eq(getxattr("f", "trusted.three", buf, sizeof(buf)), 3);
	eq(getxattr("f", "trusted.three", NULL, 0), 3);
	no(getxattr("f", "trusted.three", buf, 2), ERANGE);
	no(getxattr("f", "user.none", buf, 9), ENODATA);
	/* Which are there, whoever sees them otherwise. */
	yes(chown("f", 1000, 1000));
	n = listxattr("f", buf, sizeof(buf));
	eq(n > 0 && memmem(buf, n, "user.one", 9) && memmem(buf, n, "user.two", 9) && memmem(buf, n, "trusted.three", 14), 1);
	eq(n > 0 && !memmem(buf, n, "override_stat", 13) && !memmem(buf, n, "ring3", 5), 1);
	as(1001, 1001, { no(setxattr("f", "user.one", "x", 1, 0), EACCES); eq(getxattr("f", "user.one", buf, sizeof(buf)), 1); });
	as(1000, 1000, { yes(setxattr("f", "user.one", "xy", 2, 0)); });
	yes(removexattr("f", "user.one"));
	no(removexattr("f", "user.one"), ENODATA);
	memset(big, 'b', sizeof(big));
	yes(setxattr("f", "user.big", big, 2000, 0));
	eq(getxattr("f", "user.big", big, sizeof(big)), 2000);
	eq(st("f").st_uid, 1000);
	yes(chdir(".."));
}

static void locks(void)
{
	struct flock lk = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 };
	int fd, fd2;

	yes(mkdir("locks", 0777));
	yes(chdir("locks"));
	fd = yes(open("f", O_CREAT | O_RDWR, 0666));
	yes(fcntl(fd, F_SETLK, &lk));
	as(0, 0, { struct flock l = { .l_type = F_RDLCK, .l_start = 15, .l_len = 1 }; int f = open("f", O_RDWR); no(fcntl(f, F_SETLK, &l), EAGAIN); yes(fcntl(f, F_GETLK, &l)); eq(l.l_type, F_WRLCK); eq(l.l_start, 10); eq(l.l_len, 10); l.l_start = 20; l.l_type = F_WRLCK; l.l_len = 0; yes(fcntl(f, F_SETLK, &l)); });
	lk.l_type = F_UNLCK;
	yes(fcntl(fd, F_SETLK, &lk));
	/* One that waits gets it when the other ends. */
	lk.l_type = F_WRLCK;
	fflush(stdout);
	if (!fork()) {
		fcntl(fd, F_SETLK, &lk);
		pause_ms(300);
		_exit(0);
	}
	pause_ms(100);
	no(fcntl(fd, F_SETLK, &lk), EAGAIN);
	yes(fcntl(fd, F_SETLKW, &lk));
	wait(NULL);
	fd2 = yes(open("f", O_RDWR));
	yes(flock(fd, LOCK_EX));
	no(flock(fd2, LOCK_EX | LOCK_NB), EAGAIN);
	no(flock(fd2, LOCK_SH | LOCK_NB), EAGAIN);
	yes(flock(fd, LOCK_SH));
	yes(flock(fd2, LOCK_SH | LOCK_NB));
	yes(flock(fd, LOCK_UN));
	yes(close(fd));
	yes(flock(fd2, LOCK_EX | LOCK_NB));
	yes(close(fd2));
	yes(chdir(".."));
}

static void whole(void)
{
	struct statvfs v;

	yes(statvfs(".", &v));
	eq(v.f_bsize > 0 && v.f_blocks > 0, 1);
	eq(v.f_namemax, 255);
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
	names();
	modes();
	owners();
	links();
	renames();
	times();
	opens();
	dirs();
	special();
	xattrs();
	locks();
	whole();
	printf("1..%d\n", nr);
	return bad > 0;
}
