// SPDX-License-Identifier: GPL-2.0-or-later
/* Open files, directories, special files, extended attributes, locks. */
#include "posix.h"

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

void posix_files(void)
{
	opens();
	dirs();
	special();
	xattrs();
	locks();
	whole();
}
