// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest, and a monitor, that lie to ring3-fs: hostile PROGRAM DIRECTORY. In the directory
 * are "share", which is shared, and "outside", of which nothing may be read or changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev/vhost_user.h"
#include "front.h"
#include "../unit/tap.h"

#define ROOT	1

static const char *program;
static struct front f;
static char words[2000];

static void begin(const char *const *args, unsigned int nofile)
{
	front_spawn(&f, program, "share", args, nofile);
	if (!front_connect(&f) || !front_init(&f)) {
		front_end(&f, words, sizeof(words));
		tap_bail("ring3-fs does not start: %s", words);
	}
}

static void end(const char *what)
{
	int status = front_end(&f, words, sizeof(words));

	if (!ok(status == 0, "%s: it ends when the front end does", what))
		tap_note("status %d: %s", status, words);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		tap_bail("%s: %s", path, strerror(errno));
	close(fd);
}

#define LOOKUP(dir, name)	front_lookup(&f, dir, name, sizeof(name))

/* ---- names ---- */

static void names(void)
{
	char big[5000];

	begin(NULL, 0);
	is(LOOKUP(ROOT, "a/b"), -EINVAL, "a name with a slash");
	is(LOOKUP(ROOT, "/etc"), -EINVAL, "an absolute path");
	is(LOOKUP(ROOT, ""), -EINVAL, "no name");
	is(LOOKUP(ROOT, ".."), ROOT, "\"..\" of the folder is the folder");
	is(LOOKUP(ROOT, "."), ROOT, "\".\" is itself");
	is(LOOKUP(ROOT, "../outside"), -EINVAL, "a way out");
	is(front_lookup(&f, ROOT, "file", 4), -EINVAL, "a name without its end");
	memset(big, 'x', sizeof(big));
	big[255] = '\0';
	is(front_lookup(&f, ROOT, big, 256), -ENOENT, "255 bytes");
	big[255] = 'x';
	big[256] = '\0';
	is(front_lookup(&f, ROOT, big, 257), -ENAMETOOLONG, "256 bytes");
	is(front_lookup(&f, ROOT, big, sizeof(big)), -ENAMETOOLONG, "5000 bytes");
	is(LOOKUP(ROOT, "\xff\xfe\x80"), -ENOENT, "bytes that are no UTF-8");
	is(front_ask(&f, FUSE_MKDIR, ROOT, "\xff\x01\0\0\0\0\0\0..", 11), -EINVAL, "a directory \"..\"");
	is(front_ask(&f, FUSE_UNLINK, ROOT, "..", 3), -EINVAL, "unlink \"..\"");
	is(front_ask(&f, FUSE_RMDIR, ROOT, "sub/..", 7), -EINVAL, "rmdir of a path");
	is(front_ask2(&f, FUSE_RENAME, ROOT, &(struct fuse_rename_in){ ROOT }, 8, "file\0../outside/x", 19, 4096), -EINVAL, "rename to the outside");
	is(front_ask(&f, FUSE_SYMLINK, ROOT, "../x\0y", 7), -EINVAL, "a link outside");
	is(access("outside/x", F_OK), -1, "nothing was made outside");
	end("names");
}

/* ---- what others made in the folder ---- */

static int open_node(int64_t node, uint32_t flags)
{
	struct fuse_open_in in = { .flags = flags };

	return front_ask(&f, FUSE_OPEN, node, &in, sizeof(in));
}

static void host_things(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "share/sock" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	int64_t n;

	unlink("share/fifo");
	unlink("share/out");
	unlink("share/outdir");
	unlink("share/sock");
	if (mkfifo("share/fifo", 0666) || symlink("../outside/secret", "share/out") || symlink("../outside", "share/outdir") ||
	    bind(s, (struct sockaddr *)&a, sizeof(a)))
		tap_bail("files: %s", strerror(errno));
	begin(NULL, 0);
	n = LOOKUP(ROOT, "fifo");
	ok(n > 0, "a FIFO of the host is seen");
	is(open_node(n, O_RDONLY), -ENXIO, "but never opened, so nobody waits for it");
	n = LOOKUP(ROOT, "sock");
	is(open_node(n, O_RDWR), -ENXIO, "nor a socket");
	n = LOOKUP(ROOT, "out");
	ok(n > 0, "a link that leads outside is seen as a link");
	is(open_node(n, O_RDONLY), -ENXIO, "but not followed by open");
	is(front_ask(&f, FUSE_SETATTR, n, &(struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 0 }, sizeof(struct fuse_setattr_in)), -EINVAL, "nor by truncate");
	n = LOOKUP(ROOT, "outdir");
	is(front_lookup(&f, n, "secret", 7), -ENOTDIR, "nor by a lookup below it");
	is(front_ask(&f, FUSE_OPENDIR, n, &(struct fuse_open_in){ 0 }, sizeof(struct fuse_open_in)), -ENOTDIR, "nor as a directory");
	is(front_ask2(&f, FUSE_MKNOD, n, &(struct fuse_mknod_in){ S_IFREG | 0644 }, sizeof(struct fuse_mknod_in), "x", 2, 4096), -ENOTDIR, "nor to make something there");
	is(access("outside/x", F_OK), -1, "nothing was made outside");
	end("things of the host");
	close(s);
}

/* A directory becomes a link to the outside while the guest knows it. */
static void races(void)
{
	int64_t sub, file, fill, dirs[400];
	char name[40];
	int i, got = 0;

	mkdir("share/sub", 0755);
	put("share/sub/secret", "inside");
	mkdir("share/fill", 0755);
	for (i = 0; i < 400; i++) {
		sprintf(name, "share/fill/%d", i);
		put(name, "x");
	}
	begin(NULL, 256);
	sub = LOOKUP(ROOT, "sub");
	file = front_lookup(&f, sub, "secret", 7);
	ok(sub > 0 && file > 0, "256 descriptors: a directory and a file");
	/* So that their descriptors are closed. */
	fill = LOOKUP(ROOT, "fill");
	for (i = 0; i < 400; i++) {
		int len = sprintf(name, "%d", i);

		dirs[i] = front_lookup(&f, fill, name, len + 1);
		got += front_ask(&f, FUSE_GETATTR, dirs[i], &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in)) > 0;
	}
	is(got, 400, "and 400 more than there are descriptors for");
	if (rename("share/sub", "share/sub.was") || symlink("../outside", "share/sub"))
		tap_bail("rename: %s", strerror(errno));
	is(open_node(file, O_RDONLY), -ESTALE, "a directory that became a link: the file is stale, not the outside's");
	is(front_lookup(&f, sub, "secret", 7), -ESTALE, "and so is the directory");
	is(front_ask(&f, FUSE_GETATTR, file, &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in)), -ESTALE, "attributes too");
	unlink("share/sub");
	rename("share/sub.was", "share/sub");
	ok(open_node(file, O_RDONLY) > 0, "moved back, it is found again");
	/* Another file of that name is another file. */
	for (i = 0; i < 400; i++) {
		int len = sprintf(name, "%d", i);

		dirs[i] = front_lookup(&f, fill, name, len + 1);
		front_ask(&f, FUSE_GETATTR, dirs[i], &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in));
	}
	rename("share/sub/secret", "share/sub/was");
	put("share/sub/secret", "another");
	is(open_node(file, O_RDONLY), -ESTALE, "another file under the same name is not it");
	unlink("share/sub/was");
	end("races");
}

/* ---- numbers ---- */

static void numbers(void)
{
	static const uint64_t nodes[] = { 0, 2, 3, ~0ULL, 1ULL << 32 | 1, 0xffffffff, 1ULL << 63 };
	struct fuse_read_in rd = { .fh = 12345, .size = 4096 };
	struct fuse_write_in wr = { .size = 4 };
	struct fuse_getattr_in ga = { 0 };
	int64_t file;
	uint64_t fh;
	unsigned int i, good = 0;

	begin(NULL, 0);
	for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		good += front_ask(&f, FUSE_GETATTR, nodes[i], &ga, sizeof(ga)) == -ESTALE;
	is(good, i, "inodes that nobody looked up are stale");
	is(front_ask(&f, FUSE_READ, ROOT, &rd, sizeof(rd)), -EBADF, "a file that is not open");
	rd.fh = ~0ULL;
	is(front_ask(&f, FUSE_READDIR, ROOT, &rd, sizeof(rd)), -EBADF, "a directory that is not");
	file = LOOKUP(ROOT, "file");
	ok(open_node(file, O_RDWR) > 0, "a file is opened");
	fh = ((struct fuse_open_out *)front_answer(&f))->fh;
	rd.fh = fh;
	is(front_ask(&f, FUSE_READDIR, file, &rd, sizeof(rd)), -EBADF, "a file is no directory");
	rd.offset = ~0ULL;
	is(front_ask(&f, FUSE_READ, file, &rd, sizeof(rd)), -EINVAL, "a negative offset");
	rd.offset = 0;
	rd.size = ~0u;
	ok(front_ask(&f, FUSE_READ, file, &rd, sizeof(rd)) == 4, "a size beyond all room reads what there is");
	rd.size = 100;
	is(front_ask2(&f, FUSE_READ, file, &rd, sizeof(rd), NULL, 0, 18), 2, "no more than the answer has room for");
	wr.fh = fh;
	wr.size = 1000;
	is(front_ask2(&f, FUSE_WRITE, file, &wr, sizeof(wr), "abcd", 4, 4096), -EINVAL, "a write of more than was sent");
	wr.size = ~0u;
	is(front_ask2(&f, FUSE_WRITE, file, &wr, sizeof(wr), "abcd", 4, 4096), -EINVAL, "of 4 GB");
	wr.size = 4;
	wr.offset = 1ULL << 62;
	ok(front_ask2(&f, FUSE_WRITE, file, &wr, sizeof(wr), "abcd", 4, 4096) < 0, "beyond any file's end");
	is(front_ask2(&f, FUSE_SETXATTR, file, "\4\0\0\0\0\0\0\0", 8, "user.containers.override_stat\0" "0:0:", 34, 4096), -EPERM, "the owner is not set by its attribute");
	is(front_ask2(&f, FUSE_SETXATTR, file, "\xff\xff\xff\xff\0\0\0\0", 8, "user.x\0" "v", 8, 4096), -EINVAL, "an attribute of 4 GB");
	is(front_ask(&f, FUSE_SETATTR, file, &(struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 06777 | S_IFBLK }, sizeof(struct fuse_setattr_in)) > 0, 1, "set-user-ID is set");
	{
		struct stat st;

		stat("share/file", &st);
		is(st.st_mode, S_IFREG | 0777, "... and not on the host");
	}
	end("numbers");
}

/* ---- more than there is ---- */

static void limits(void)
{
	static const char *const few[] = { "--inodes", "64", NULL };
	char name[40];
	int64_t fill, node, first = 0;
	uint64_t fh[2000];
	int i, len, opened = 0;

	begin(few, 0);
	fill = LOOKUP(ROOT, "fill");
	for (i = 0; i < 100; i++) {
		len = sprintf(name, "%d", i);
		node = front_lookup(&f, fill, name, len + 1);
		if (!i)
			first = node;
		if (node < 0)
			break;
	}
	is(node, -ENFILE, "a guest that forgets nothing is told so");
	is(i < 64, 1, "after 62 inodes");
	front_ask(&f, FUSE_FORGET, first, &(struct fuse_forget_in){ 1 }, 8);
	ok(front_lookup(&f, fill, name, len + 1) > 0, "what it forgets has room again");
	front_ask(&f, FUSE_FORGET, ROOT, &(struct fuse_forget_in){ ~0ULL }, 8);
	front_ask(&f, FUSE_FORGET, fill, &(struct fuse_forget_in){ ~0ULL }, 8);
	is(front_ask(&f, FUSE_GETATTR, ROOT, &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in)) > 0, 1, "the folder itself is never forgotten");
	end("few inodes");

	begin(NULL, 256);
	node = LOOKUP(ROOT, "file");
	for (i = 0; i < 2000; i++) {
		if (open_node(node, O_RDONLY) < 0)
			break;
		fh[opened++] = ((struct fuse_open_out *)front_answer(&f))->fh;
	}
	ok(opened > 50 && opened < 256, "256 descriptors: %d files can be open", opened);
	ok(LOOKUP(ROOT, "fill") > 0, "others are found nevertheless");
	for (i = 0; i < opened; i++)
		front_ask(&f, FUSE_RELEASE, node, &(struct fuse_release_in){ .fh = fh[i] }, sizeof(struct fuse_release_in));
	ok(open_node(node, O_RDONLY) > 0, "when they are closed others can be opened");
	end("few descriptors");
}

static void read_only(void)
{
	static const char *const args[] = { "--ro", NULL }, *const off[] = { "--ro", "--jail", "off", NULL };
	static const uint32_t ops[] = { FUSE_SETATTR, FUSE_SYMLINK, FUSE_MKNOD, FUSE_MKDIR, FUSE_UNLINK, FUSE_RMDIR, FUSE_RENAME, FUSE_RENAME2,
		FUSE_LINK, FUSE_CREATE, FUSE_TMPFILE, FUSE_WRITE, FUSE_SETXATTR, FUSE_REMOVEXATTR, FUSE_FALLOCATE, FUSE_COPY_FILE_RANGE };
	char zero[200] = "";
	int64_t node;
	unsigned int i, good = 0;

	begin(args, 0);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		good += front_ask(&f, ops[i], ROOT, zero, sizeof(zero)) == -EROFS;
	is(good, i, "--ro: all that changes something is refused");
	node = LOOKUP(ROOT, "file");
	is(open_node(node, O_RDWR), -EROFS, "... opening to write too");
	is(open_node(node, O_TRUNC), -EROFS, "... and to truncate");
	ok(open_node(node, O_RDONLY) > 0, "reading is not");
	end("read-only");

	/* The server itself, without a mount that would refuse it as well. */
	begin(off, 0);
	chmod("share/file", 0755);
	node = LOOKUP(ROOT, "file");
	ok(setxattr("share/file", "user.containers.override_stat", "0:0:4755:file", 13, 0) == 0, "a file with set-user-ID in the guest");
	front_ask(&f, FUSE_GETATTR, node, &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in));
	is(front_ask(&f, FUSE_OPEN, node, &(struct fuse_open_in){ O_RDONLY, FUSE_OPEN_KILL_SUIDGID }, sizeof(struct fuse_open_in)), -EROFS,
	   "... opening it with the bit taken away is refused");
	ok(getxattr("share/file", "user.containers.override_stat", zero, sizeof(zero)) == 13 && !strncmp(zero, "0:0:4755:file", 13), "... and it has it still");
	removexattr("share/file", "user.containers.override_stat");
	end("read-only without a jail");
}

/* ---- requests that are none ---- */

static void malformed(void)
{
	struct fuse_in_header in = { .len = sizeof(in), .opcode = FUSE_STATFS, .unique = 7, .nodeid = ROOT };
	struct fuse_in_header *p;
	unsigned int i, dead = 0;

	begin(NULL, 0);
	p = (void *)(f.mem + FRONT_DATA);
	*p = in;
	ok(front_raw(&f, 10, 4096) == 0, "a request shorter than its header");
	ok(front_raw(&f, sizeof(in), 8) == 0, "no room for an answer's header");
	ok(front_raw(&f, sizeof(in), 0) == 0, "no room at all");
	p->len = ~0u;
	ok(front_raw(&f, sizeof(in), 4096) >= 16, "a length beyond what was sent");
	p->len = 0;
	ok(front_raw(&f, sizeof(in), 4096) >= 16, "a length of nothing");
	for (i = 0; i < 5000; i++)
		dead += i != FUSE_INIT && i != FUSE_DESTROY && front_ask(&f, i, ROOT, NULL, 0) == FRONT_DEAD;
	is(dead, 0, "5,000 kinds of requests without arguments are all answered");
	is(front_ask(&f, 12345, ROOT, NULL, 0), -ENOSYS, "an unknown one: ENOSYS");
	ok(front_alive(&f), "it is alive");
	end("malformed");

	begin(NULL, 0);
	f.desc[0] = (struct vring_desc){ FRONT_DATA, 100, VRING_DESC_F_NEXT, 0 };
	f.avail->ring[f.avail->idx % FRONT_QUEUE] = 0;
	__atomic_store_n(&f.avail->idx, f.avail->idx + 1, __ATOMIC_SEQ_CST);
	{
		uint64_t one = 1;

		if (write(f.kick, &one, 8) < 0)
			tap_bail("kick");
	}
	usleep(50000);
	ok(front_alive(&f), "a chain that is a loop stops the queue only");
	end("loop");
}

static uint64_t lock_handle(int64_t *node)
{
	*node = LOOKUP(ROOT, "file");
	return *node > 0 && open_node(*node, O_RDWR) > 0 ? ((struct fuse_open_out *)front_answer(&f))->fh : 0;
}

/* A session that ends while locks that were waited for are given. */
static void lock_races(int rounds)
{
	static const char *const args[] = { "--locks", "host", NULL };
	struct fuse_lk_in lk = { .owner = 1, .lk = { .end = ~0ULL >> 1 }, .lk_flags = FUSE_LK_FLOCK };
	int i, j, good = 0;
	int64_t node;

	begin(args, 0);
	for (i = 0; i < rounds; i++) {
		uint64_t holds = lock_handle(&node), waits = lock_handle(&node);

		lk.fh = holds;
		lk.lk.type = F_WRLCK;
		if (front_ask(&f, FUSE_SETLK, node, &lk, sizeof(lk)))
			break;
		lk.fh = waits;
		lk.lk.type = F_RDLCK;
		for (j = 0; j < 30; j++)
			front_post(&f, j, FUSE_SETLKW, node, &lk, sizeof(lk), 40);
		usleep(1000);
		lk.fh = holds;
		lk.lk.type = F_UNLCK;
		/* All of them, and at the same time the end. */
		front_post(&f, 30, FUSE_SETLK, node, &lk, sizeof(lk), 40);
		usleep(i * 7 % 200);
		if (!front_reinit(&f))
			break;
		good++;
	}
	is(good, rounds, "sessions that end while locks are given");
	end("locks");
}

static uint64_t seed;

static unsigned int rnd(unsigned int n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

/* Requests that make sense now and then. */
static void at_random(int steps)
{
	static const char *const some[] = { "file", "sub", "fill", "a", "b", "..", ".", "", "x/y", "out" };
	uint64_t node[64] = { ROOT }, fh[64] = { 0 };
	unsigned char args[600];
	int i, j, n, answers = 0;

	begin(NULL, 256);
	for (i = 0; i < steps; i++) {
		uint32_t op = rnd(60), len = rnd(3) ? rnd(200) : rnd(600);
		size_t at;

		if ((op == FUSE_DESTROY || op == FUSE_INIT) && rnd(50))
			op = FUSE_LOOKUP;
		if (op == FUSE_SYNCFS || op == FUSE_FSYNC || op == FUSE_FSYNCDIR)
			op = FUSE_LOOKUP;
		for (j = 0; j < (int)len; j++)
			args[j] = rnd(3) ? 0 : rnd(256);
		if (len >= 8)
			memcpy(args, rnd(2) ? &node[rnd(64)] : &fh[rnd(64)], 8);
		at = op == FUSE_LOOKUP || op == FUSE_UNLINK || op == FUSE_RMDIR || op == FUSE_SYMLINK ? 0 : op == FUSE_MKDIR || op == FUSE_LINK || op == FUSE_RENAME ? 8 : 16;
		for (j = 0; j < 2; j++) {
			const char *name = some[rnd(10)];

			if (at + strlen(name) + 1 < len) {
				strcpy((char *)args + at, name);
				at += strlen(name) + 1;
			}
		}
		/* Files stay small. */
		if (op == FUSE_FALLOCATE || op == FUSE_WRITE || op == FUSE_SETATTR || op == FUSE_COPY_FILE_RANGE)
			memset(args + 8, 0, len > 40 ? 32 : len > 8 ? len - 8 : 0);
		n = front_ask2(&f, op, node[rnd(64)], args, len, NULL, 0, rnd(4) ? 8192 : rnd(300));
		if (n == FRONT_DEAD)
			break;
		answers++;
		if (n >= (int)sizeof(struct fuse_entry_out) && (op == FUSE_LOOKUP || op == FUSE_MKDIR || op == FUSE_MKNOD || op == FUSE_CREATE))
			node[rnd(64)] = ((struct fuse_entry_out *)front_answer(&f))->nodeid;
		if (n == sizeof(struct fuse_open_out) && (op == FUSE_OPEN || op == FUSE_OPENDIR))
			fh[rnd(64)] = ((struct fuse_open_out *)front_answer(&f))->fh;
	}
	ok(answers == steps && front_alive(&f), "%d random requests are answered (seed %llu)", steps, (unsigned long long)seed);
	end("random requests");
}

/* ---- a monitor that lies ---- */

static void lie(const char *what, uint32_t request, const void *body, uint32_t size, int fd)
{
	int status;

	front_spawn(&f, program, "share", NULL, 0);
	if (!front_connect(&f))
		tap_bail("no connection");
	front_tell(&f, request, body, size, fd);
	usleep(20000);
	status = front_end(&f, words, sizeof(words));
	if (!ok(WIFEXITED(status) && WEXITSTATUS(status) == 1 && strstr(words, "broke the protocol"), "%s ends it with a sentence", what))
		tap_note("status %#x: %s", status, words);
}

static void monitor(void)
{
	struct vhost_user_memory mem = { .nr = 1, .region = { { 0, 1 << 30, 0, 0 } } };
	struct vhost_user_vring_addr addr = { 1, 0, 0x7000000 + FRONT_MEM, 0x7000000, 0x7000000, 0 };
	struct vhost_user_vring_state s = { 1, 3 };
	struct vhost_user_inflight in = { 1 << 20, 0, 2, FRONT_QUEUE };
	uint64_t n = ~0ULL;
	int fd = memfd_create("small", MFD_CLOEXEC);

	lie("an unknown request", 77, NULL, 0, -1);
	lie("a request of too many bytes", VHOST_USER_SET_FEATURES, &addr, sizeof(addr), -1);
	lie("features that were not offered", VHOST_USER_SET_FEATURES, &n, 8, -1);
	lie("memory that is longer than its file", VHOST_USER_SET_MEM_TABLE, &mem, sizeof(mem), fd);
	mem.nr = 8;
	lie("eight regions", VHOST_USER_SET_MEM_TABLE, &mem, sizeof(mem), fd);
	lie("what is in flight in a file that is shorter", VHOST_USER_SET_INFLIGHT_FD, &in, sizeof(in), fd);
	lie("the same without a file", VHOST_USER_SET_INFLIGHT_FD, &in, sizeof(in), -1);
	if (ftruncate(fd, 1 << 20))
		tap_bail("ftruncate");
	in.mmap_size = 64;
	lie("what is in flight in too little memory", VHOST_USER_SET_INFLIGHT_FD, &in, sizeof(in), fd);
	in = (struct vhost_user_inflight){ 1 << 20, 0, 200, FRONT_QUEUE };
	lie("what is in flight of too many queues", VHOST_USER_SET_INFLIGHT_FD, &in, sizeof(in), fd);
	in.num_queues = 1;
	lie("what is in flight of fewer queues than run", VHOST_USER_SET_INFLIGHT_FD, &in, sizeof(in), fd);
	in = (struct vhost_user_inflight){ 1 << 20, 0, 2, FRONT_QUEUE / 2 };
	lie("what is in flight of a shorter queue", VHOST_USER_SET_INFLIGHT_FD, &in, sizeof(in), fd);
	lie("a queue of 3 entries", VHOST_USER_SET_VRING_NUM, &s, sizeof(s), -1);
	s = (struct vhost_user_vring_state){ 200, 64 };
	lie("queue 200", VHOST_USER_SET_VRING_NUM, &s, sizeof(s), -1);
	lie("a queue outside of memory", VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	n = 1;
	lie("a kick without its descriptor", VHOST_USER_SET_VRING_KICK, &n, 8, -1);
	lie("a version of the protocol that is none", VHOST_USER_GET_FEATURES | 1 << 30, &n, 8, -1);
	close(fd);
}

int main(int argc, char **argv)
{
	char outside[100] = "";
	int fd;

	if (argc != 3 || chdir(argv[2])) {
		fprintf(stderr, "usage: hostile PROGRAM DIRECTORY\n");
		return 2;
	}
	program = argv[1];
	seed = getpid();
	mkdir("share", 0755);
	mkdir("outside", 0755);
	put("outside/secret", "secret");
	put("share/file", "text");
	names();
	races();
	host_things();
	numbers();
	limits();
	read_only();
	malformed();
	lock_races(500);
	at_random(20000);
	monitor();
	fd = open("outside/secret", O_RDONLY);
	ok(read(fd, outside, 99) == 6 && !strcmp(outside, "secret"), "outside is as it was");
	return tap_done();
}
