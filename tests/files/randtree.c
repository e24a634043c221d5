// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random operations on names, in two trees at once: randtree TREE OTHER SEED OPERATIONS.
 * Each gives the same result, or the same error, in both, and in the end both are the same:
 * names, types, modes, owners, link counts, targets, sizes, and bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NAMES	6
#define DEPTH	4
#define OPEN	8

static unsigned long long state;
static unsigned long step, bad;
static int tree[2], open_fd[2][OPEN];
static char what[300];

static unsigned int rnd(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static void make_path(char *p)
{
	unsigned int i, n = 1 + rnd(DEPTH);

	for (i = 0; i < n; i++)
		p += sprintf(p, "%sn%u", i ? "/" : "", rnd(NAMES));
}

static void same(long a, int ea, long b, int eb)
{
	if (a == b && (a >= 0 || ea == eb))
		return;
	printf("# operation %lu: %s: %ld (%s), other tree %ld (%s)\n", step, what, a, a < 0 ? strerror(ea) : "", b, b < 0 ? strerror(eb) : "");
	if (++bad > 20)
		exit(1);
}

#define both(call) do { \
	long r_[2]; \
	int e_[2], t; \
	for (t = 0; t < 2; t++) { \
		errno = 0; \
		r_[t] = (call); \
		e_[t] = errno; \
	} \
	same(r_[0], e_[0], r_[1], e_[1]); \
} while (0)

static long stat_sum(const struct stat *st)
{
	return st->st_mode + st->st_uid * 7 + st->st_gid * 13 + (S_ISDIR(st->st_mode) ? 0 : st->st_nlink * 1000003L + st->st_size * 31) +
	       st->st_rdev * 101;
}

static long stat_at(int dir, const char *p)
{
	struct stat st;

	return fstatat(dir, p, &st, AT_SYMLINK_NOFOLLOW) ? -1 : stat_sum(&st);
}

static long make(int dir, const char *p, const char *text)
{
	int fd = openat(dir, p, O_CREAT | O_WRONLY | O_NONBLOCK | (strlen(text) & 1 ? O_TRUNC : O_EXCL), 0640), n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n;
}

static long open_one(int t, int slot, const char *p)
{
	int fd = openat(tree[t], p, O_RDWR | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	if (open_fd[t][slot] >= 0)
		close(open_fd[t][slot]);
	open_fd[t][slot] = fd;
	return 0;
}

static long use(int t, int slot)
{
	struct stat st;
	int fd = open_fd[t][slot];

	if (fd < 0)
		return 0;
	if (pwrite(fd, "used", 4, slot) != 4 || fstat(fd, &st))
		return -1;
	return stat_sum(&st);
}

static long read_link(int dir, const char *p)
{
	char buf[200];
	long n = readlinkat(dir, p, buf, sizeof(buf)), i, sum = 0;

	for (i = 0; i < n; i++)
		sum += buf[i] * (i + 1);
	return n < 0 ? n : sum;
}

static void one(void)
{
	char p[64], q[64];
	unsigned int x = rnd(1u << 16), slot = rnd(OPEN);

	make_path(p);
	make_path(q);
#define SAY(...) snprintf(what, sizeof(what), __VA_ARGS__)
	switch (rnd(17)) {
	case 0: case 1: case 2:
		SAY("mkdir %s", p);
		both(mkdirat(tree[t], p, x & 03777));
		break;
	case 3: case 4: case 5:
		SAY("write %s", p);
		both(make(tree[t], p, "some text of no meaning" + x % 20));
		break;
	case 6:
		SAY("unlink %s", p);
		both(unlinkat(tree[t], p, 0));
		break;
	case 7:
		SAY("rmdir %s", p);
		both(unlinkat(tree[t], p, AT_REMOVEDIR));
		break;
	case 8: case 9: case 10:
		SAY("rename %s %s %u", p, q, x % 6);
		both(syscall(SYS_renameat2, tree[t], p, tree[t], q, x % 6 == 1 ? 1 : x % 6 == 2 ? 2 : 0));
		break;
	case 11:
		SAY("link %s %s", p, q);
		both(linkat(tree[t], p, tree[t], q, 0));
		break;
	case 12:
		SAY("symlink %s %s", p, q);
		both(symlinkat(p, tree[t], q));
		break;
	case 13:
		SAY("chmod, chown %s", p);
		if (x & 1)
			both(fchownat(tree[t], p, x >> 2 & 3, x >> 4 & 3, AT_SYMLINK_NOFOLLOW));
		else
			both(fchmodat(tree[t], p, x & 07777, 0));
		break;
	case 14:
		/* Numbers that no device has. */
		SAY("mknod %s", p);
		both(mknodat(tree[t], p, (x & 1 ? S_IFIFO : S_IFCHR) | (x & 0777), makedev(3000 + (x & 15), x >> 4)));
		break;
	case 15:
		SAY("open %s", p);
		both(stat_at(tree[t], p));
		both(read_link(tree[t], p));
		/* Pipes and devices would do something. */
		if (!(stat_at(tree[0], p) < 0)) {
			struct stat st;

			if (!fstatat(tree[0], p, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
				both(open_one(t, slot, p));
		}
		break;
	case 16:
		SAY("use descriptor %u", slot);
		both(use(t, slot));
		break;
	}
}

/* Sum over all of a tree, by name, so that its order does not matter. */
static unsigned long walk(int dir, const char *name, int depth, int say)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned long sum = 0;
	struct dirent *e;

	if (!d)
		return 1;
	while ((e = readdir(d))) {
		unsigned long h = 5381;
		const char *c;
		char buf[100] = "";
		struct stat st;
		int f;

		if (e->d_name[0] == '.')
			continue;
		for (c = e->d_name; *c; c++)
			h = h * 33 + *c;
		h = h * 1000003 + stat_at(dirfd(d), e->d_name) + read_link(dirfd(d), e->d_name);
		if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode)) {
			f = openat(dirfd(d), e->d_name, O_RDONLY);
			if (read(f, buf, sizeof(buf)) > 0)
				for (c = buf; *c; c++)
					h = h * 31 + *c;
			close(f);
		}
		if (say)
			printf("# %d %*s%s %o %d:%d links %d size %ld %lx\n", say, depth, "", e->d_name, st.st_mode, st.st_uid, st.st_gid, (int)st.st_nlink, (long)st.st_size, h);
		if (S_ISDIR(st.st_mode))
			h += walk(dirfd(d), e->d_name, depth + 1, say) * 7;
		sum += h * h;
	}
	closedir(d);
	return sum;
}

int main(int argc, char **argv)
{
	unsigned long n, a, b;
	int i;

	if (argc != 5)
		return 2;
	umask(0);
	state = strtoull(argv[3], NULL, 0);
	n = strtoul(argv[4], NULL, 0);
	for (i = 0; i < 2; i++) {
		mkdir(argv[1 + i], 0755);
		tree[i] = open(argv[1 + i], O_RDONLY | O_DIRECTORY);
		if (tree[i] < 0) {
			perror(argv[1 + i]);
			return 2;
		}
	}
	memset(open_fd, 0xff, sizeof(open_fd));
	for (step = 0; step < n; step++)
		one();
	a = walk(tree[0], ".", 0, 0);
	b = walk(tree[1], ".", 0, 0);
	if (a != b) {
		walk(tree[0], ".", 0, 1);
		walk(tree[1], ".", 0, 2);
	}
	printf("%sok 1 - %lu operations, seed %s: %lu differences, trees %s\n", bad || a != b ? "not " : "", n, argv[3], bad, a == b ? "alike" : "unlike");
	return bad || a != b;
}
