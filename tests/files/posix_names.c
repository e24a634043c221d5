// SPDX-License-Identifier: GPL-2.0-or-later
/* Names and what is known of a file: modes, owners, links, renames, times. */
#include "posix.h"

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

void posix_names(void)
{
	names();
	modes();
	owners();
	links();
	renames();
	times();
}
