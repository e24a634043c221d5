// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server of a shared folder, asked anything: requests in chains of any parts. Beside the
 * folder is one that nothing may reach. The input is a program: which request, of which inode
 * and open file (of those that the server has told), with which arguments. One that begins with
 * "VHST" is a front end's messages instead (fs_messages.c).
 */
#include <fcntl.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs_messages.h"
#include "fuzz.h"
#include "inode.h"
#include "file.h"
#include "lock.h"
#include "request.h"

#define STEPS_MAX	64
#define KNOWN		16
#define ROOM		8192
/* So that no file gets large, and no call takes long. */
#define SIZE_MAX_	100000

static struct share share;
static struct request *r;
static uint64_t node[KNOWN], fh[KNOWN];
static char out[4096], in[ROOM];

static void make(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	must(fd >= 0 && write(fd, text, strlen(text)) >= 0);
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (remove(path) && type == FTW_DNR)
		chmod(path, 0700);
	return 0;
}

/* What the last input left goes, so that each begins alike. */
static void tidy(void)
{
	nftw("share", remove_one, 16, FTW_DEPTH | FTW_PHYS);
	mkdir("outside", 0755);
	must(!mkdir("share", 0755) && !mkdir("share/dir", 0755) && !symlink("../outside", "share/out") && !mkfifo("share/pipe", 0644));
	make("share/file", "some text");
	make("share/dir/inner", "more");
	make("outside/secret", "secret");
}

static char dir[] = "/tmp/fuzz_fs.XXXXXX";

static void clean_up(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
	must(mkdtemp(dir) && !chdir(dir));
	atexit(clean_up);
	r = malloc(sizeof(*r));
	must(r);
}

static void open_share(void)
{
	share = (struct share){ .root_fd = open("share", O_PATH | O_DIRECTORY), .proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY),
				.own_uid = geteuid(), .own_gid = getegid(), .max_fds = 256, .max_inodes = 256, .host_locks = true };
	must(share.root_fd >= 0 && share.proc_fd >= 0);
	pthread_rwlock_init(&share.session, NULL);
	must(!inodes_init(&share) && !files_init(&share) && !locks_init(&share));
	must(!fchdir(share.proc_fd));
}

static void close_share(int back)
{
	must(!fchdir(back));
	locks_free(&share);
	files_free(&share);
	inodes_free(&share);
	close(share.root_fd);
	close(share.proc_fd);
}

/* The chain's parts, cut anywhere. */
static void cut(struct input *p, char *mem, size_t len, unsigned int *nr, uint64_t *total)
{
	while (len && r->chain.nr_out + r->chain.nr_in < 8) {
		size_t n = 1 + in16(p) % len;
		bool last = r->chain.nr_out + r->chain.nr_in == 7 || !p->len;

		if (last)
			n = len;
		r->chain.iov[r->chain.nr_out + r->chain.nr_in] = (struct iovec){ mem, n };
		++*nr;
		*total += n;
		mem += n;
		len -= n;
	}
}

static size_t arguments(struct input *p, uint32_t op, char *to)
{
	static const char *const names[] = { "file", "dir", "inner", "out", "pipe", "new", "..", "a/b" };
	size_t fixed = in8(p) % 80, n, got;
	const uint8_t *bytes = in_bytes(p, fixed, &got);
	uint8_t how = in8(p);

	memset(to, 0, fixed);
	memcpy(to, bytes, got);
	if (how & 1 && fixed >= 8)
		memcpy(to, how & 2 ? &node[how >> 4] : &fh[how >> 4], 8);
	if ((op == FUSE_SETATTR || op == FUSE_FALLOCATE || op == FUSE_WRITE || op == FUSE_COPY_FILE_RANGE) && fixed > 8) {
		uint64_t v;

		for (n = 8; n + 8 <= fixed; n += 8) {
			memcpy(&v, to + n, 8);
			v %= SIZE_MAX_;
			memcpy(to + n, &v, 8);
		}
	}
	n = fixed;
	for (; how & 12; how -= 4) {
		const char *name = names[in8(p) % 8];

		strcpy(to + n, name);
		n += strlen(name) + 1;
	}
	return n;
}

static void one(struct input *p)
{
	struct fuse_in_header h = { .opcode = in8(p) % 64, .unique = 1, .nodeid = node[in8(p) % KNOWN], .uid = in8(p) % 3 };
	struct fuse_out_header answer;
	size_t len, room = in16(p) % ROOM;
	uint32_t used;

	if (h.opcode == FUSE_SYNCFS)
		h.opcode = FUSE_LOOKUP;
	if (h.opcode == FUSE_INIT || h.opcode == FUSE_DESTROY)
		h.opcode = in8(p) % 16 ? FUSE_GETATTR : h.opcode;
	len = sizeof(h) + arguments(p, h.opcode, out + sizeof(h));
	h.len = in8(p) % 16 ? len : in32(p);
	memcpy(out, &h, sizeof(h));
	if (!(in8(p) % 16))
		len = in8(p);
	memset(&r->chain, 0, offsetof(struct virtq_chain, iov));
	r->share = &share;
	r->queue = NULL;
	cut(p, out, len, &r->chain.nr_out, &r->chain.out_len);
	memset(in, 0xa5, sizeof(in));
	cut(p, in, room, &r->chain.nr_in, &r->chain.in_len);
	used = request_serve(r);
	must(!r->later);
	must(used <= r->chain.in_len);
	if (used < sizeof(answer))
		return;
	memcpy(&answer, in, sizeof(answer));
	must(answer.len == used && answer.unique == h.unique && answer.error <= 0 && answer.error > -4096);
	must(!answer.error || used == sizeof(answer));
	if (answer.error)
		return;
	if (used == sizeof(answer) + sizeof(struct fuse_entry_out))
		memcpy(&node[1 + in8(p) % (KNOWN - 1)], in + sizeof(answer), 8);
	if (used == sizeof(answer) + sizeof(struct fuse_open_out))
		memcpy(&fh[in8(p) % KNOWN], in + sizeof(answer), 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input p = { data, size };
	char secret[8] = "";
	struct stat st;
	unsigned int i;
	int back, fd;

	if (!r)
		start();
	tidy();
	open_share();
	memset(fh, 0, sizeof(fh));
	for (i = 0; i < KNOWN; i++)
		node[i] = 1;
	back = openat(share.root_fd, "..", O_RDONLY | O_DIRECTORY);
	must(back >= 0);
	{
		struct { struct fuse_in_header h; struct fuse_init_in i; } init = { { sizeof(init), FUSE_INIT, 1, 0 }, { 7, 38, 0, ~0u, ~0u } };

		memset(&r->chain, 0, offsetof(struct virtq_chain, iov));
		r->share = &share;
		r->chain.nr_out = r->chain.nr_in = 1;
		r->chain.out_len = sizeof(init);
		r->chain.in_len = sizeof(in);
		r->chain.iov[0] = (struct iovec){ &init, sizeof(init) };
		r->chain.iov[1] = (struct iovec){ in, sizeof(in) };
		must(request_serve(r) == sizeof(struct fuse_out_header) + sizeof(struct fuse_init_out));
	}
	if (size > 4 && !memcmp(data, "VHST", 4)) {
		p = (struct input){ data + 4, size - 4 };
		fs_messages(&p, &share, r);
	}
	for (i = 0; i < STEPS_MAX && p.len; i++)
		one(&p);
	close_share(back);
	close(back);
	fd = open("outside/secret", O_RDONLY);
	must(read(fd, secret, sizeof(secret)) == 6 && !memcmp(secret, "secret", 6));
	must(!fstat(fd, &st) && st.st_nlink == 1);
	close(fd);
	return 0;
}
