// SPDX-License-Identifier: GPL-2.0-or-later
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dev/vhost_user.h"

#define WAIT_MS		10000
#define RINGS		4096

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void child(const char *program, const char *const *args, unsigned int nofile, int sock, int dir, int err)
{
	const char *argv[20] = { program };
	struct rlimit lim = { nofile, nofile };
	int i;

	for (i = 0; args && args[i] && i < 18; i++)
		argv[i + 1] = args[i];
	sock = fcntl(sock, F_DUPFD, 100);
	dir = fcntl(dir, F_DUPFD, 100);
	err = fcntl(err, F_DUPFD, 100);
	dup2(err, 2);
	dup2(sock, 3);
	dup2(dir, 4);
	for (i = 5; i < 256; i++)
		close(i);
	if (nofile)
		setrlimit(RLIMIT_NOFILE, &lim);
	execv(program, (char *const *)argv);
	_exit(127);
}

void front_spawn(struct front *f, const char *program, const char *path, const char *const *args, unsigned int nofile)
{
	int sv[2], p[2], dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	memset(f, 0, sizeof(*f));
	if (dir < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) || pipe2(p, O_CLOEXEC))
		die(path);
	signal(SIGPIPE, SIG_IGN);
	f->pid = fork();
	if (!f->pid)
		child(program, args, nofile, sv[1], dir, p[1]);
	close(sv[1]);
	close(p[1]);
	close(dir);
	f->sock = sv[0];
	f->err = p[0];
	f->mem_fd = memfd_create("ram", MFD_CLOEXEC);
	f->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->mem_fd < 0 || ftruncate(f->mem_fd, FRONT_MEM))
		die("memfd");
	f->mem = mmap(NULL, FRONT_MEM, PROT_READ | PROT_WRITE, MAP_SHARED, f->mem_fd, 0);
	if (f->mem == MAP_FAILED)
		die("mmap");
	f->desc = (void *)(f->mem + RINGS);
	f->avail = (void *)(f->mem + RINGS + 16 * FRONT_QUEUE);
	f->used = (void *)(f->mem + 2 * RINGS);
}

void front_tell(struct front *f, uint32_t request, const void *body, uint32_t size, int fd)
{
	struct vhost_user_header head = { request, VHOST_USER_VERSION, size };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, size } };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	sendmsg(f->sock, &msg, MSG_NOSIGNAL);
}

static bool answer(struct front *f, uint64_t *value)
{
	struct pollfd p = { f->sock, POLLIN, 0 };
	struct {
		struct vhost_user_header head;
		uint64_t value;
	} __attribute__((packed)) in;

	if (poll(&p, 1, WAIT_MS) != 1 || recv(f->sock, &in, sizeof(in), MSG_WAITALL) != sizeof(in))
		return false;
	*value = in.value;
	return true;
}

bool front_connect(struct front *f)
{
	struct vhost_user_memory mem = { .nr = 1, .region = { { 0, FRONT_MEM, 0x7000000, 0 } } };
	struct vhost_user_vring_addr addr = { 1, 0, 0x7000000 + RINGS, 0x7000000 + 2 * RINGS, 0x7000000 + RINGS + 16 * FRONT_QUEUE, 0 };
	struct vhost_user_vring_state num = { 1, FRONT_QUEUE }, base = { 1, 0 }, on = { 1, 1 };
	uint64_t features, index = 1;

	front_tell(f, VHOST_USER_GET_FEATURES, NULL, 0, -1);
	if (!answer(f, &features))
		return false;
	front_tell(f, VHOST_USER_SET_FEATURES, &features, 8, -1);
	front_tell(f, VHOST_USER_SET_MEM_TABLE, &mem, sizeof(mem), f->mem_fd);
	front_tell(f, VHOST_USER_SET_VRING_NUM, &num, sizeof(num), -1);
	front_tell(f, VHOST_USER_SET_VRING_BASE, &base, sizeof(base), -1);
	front_tell(f, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	front_tell(f, VHOST_USER_SET_VRING_CALL, &index, 8, f->call);
	front_tell(f, VHOST_USER_SET_VRING_KICK, &index, 8, f->kick);
	front_tell(f, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), -1);
	return true;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

long front_raw(struct front *f, size_t len, size_t room)
{
	struct vring_used_elem *e;
	int64_t end = now_ms() + WAIT_MS;
	uint16_t i = f->avail->idx;
	uint64_t n = 0;
	unsigned int d = 0;

	if (len)
		f->desc[d++] = (struct vring_desc){ FRONT_DATA, len, room ? VRING_DESC_F_NEXT : 0, 1 };
	if (room)
		f->desc[d] = (struct vring_desc){ FRONT_DATA + FRONT_ANSWER, room, VRING_DESC_F_WRITE, 0 };
	f->avail->ring[i % FRONT_QUEUE] = 0;
	/* It interrupts for each. */
	f->avail->ring[FRONT_QUEUE] = f->used_seen;
	__atomic_store_n(&f->avail->idx, i + 1, __ATOMIC_SEQ_CST);
	n = 1;
	if (write(f->kick, &n, sizeof(n)) < 0)
		return -1;
	while (__atomic_load_n(&f->used->idx, __ATOMIC_ACQUIRE) == f->used_seen) {
		struct pollfd p[2] = { { f->call, POLLIN, 0 }, { f->sock, POLLIN, 0 } };

		poll(p, 2, 2);
		if ((p[1].revents & POLLHUP) || now_ms() > end)
			return -1;
	}
	if (read(f->call, &n, sizeof(n)) < 0)
		n = 0;
	e = &f->used->ring[f->used_seen++ % FRONT_QUEUE];
	return e->len;
}

#define POSTED	(1u << 19)		/* behind FRONT_DATA */

static void put_chain(struct front *f, unsigned int d, uint32_t at, size_t len, size_t room)
{
	static const uint64_t one = 1;
	uint16_t i = f->avail->idx;

	f->desc[d] = (struct vring_desc){ FRONT_DATA + at, len, VRING_DESC_F_NEXT, d + 1 };
	f->desc[d + 1] = (struct vring_desc){ FRONT_DATA + FRONT_ANSWER + at, room, VRING_DESC_F_WRITE, 0 };
	f->avail->ring[i % FRONT_QUEUE] = d;
	f->avail->ring[FRONT_QUEUE] = f->used_seen;
	__atomic_store_n(&f->avail->idx, i + 1, __ATOMIC_SEQ_CST);
	if (write(f->kick, &one, sizeof(one)) < 0)
		die("kick");
}

static size_t put_request(struct front *f, uint32_t at, uint32_t opcode, uint64_t nodeid, const void *args, size_t len)
{
	struct fuse_in_header in = { .len = sizeof(in) + len, .opcode = opcode, .unique = ++f->unique, .nodeid = nodeid };

	memcpy(f->mem + FRONT_DATA + at, &in, sizeof(in));
	memcpy(f->mem + FRONT_DATA + at + sizeof(in), args, len);
	return in.len;
}

void front_post(struct front *f, unsigned int nr, uint32_t opcode, uint64_t nodeid, const void *args, size_t len, size_t room)
{
	uint32_t at = POSTED + nr * 4096;

	put_chain(f, 2 + 2 * nr, at, put_request(f, at, opcode, nodeid, args, len), room);
}

bool front_reinit(struct front *f)
{
	struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .flags = ~0u, .flags2 = ~0u };
	int ms;

	put_chain(f, 0, 0, put_request(f, 0, FUSE_INIT, 0, &in, sizeof(in)), 4096);
	for (ms = 0; __atomic_load_n(&f->used->idx, __ATOMIC_ACQUIRE) != f->avail->idx; ms++) {
		if (!front_alive(f) || ms == WAIT_MS)
			return false;
		poll(NULL, 0, 1);
	}
	f->used_seen = f->avail->idx;
	return true;
}

void *front_answer(struct front *f)
{
	return f->mem + FRONT_DATA + FRONT_ANSWER + sizeof(struct fuse_out_header);
}

int front_ask2(struct front *f, uint32_t opcode, uint64_t nodeid, const void *args, size_t len, const void *more, size_t more_len, size_t room)
{
	struct fuse_in_header in = { .len = sizeof(in) + len + more_len, .opcode = opcode, .unique = ++f->unique, .nodeid = nodeid };
	struct fuse_out_header out;
	char *p = f->mem + FRONT_DATA;
	long n;

	memcpy(p, &in, sizeof(in));
	if (len)
		memcpy(p + sizeof(in), args, len);
	if (more_len)
		memcpy(p + sizeof(in) + len, more, more_len);
	n = front_raw(f, in.len, room);
	if (n < 0)
		return FRONT_DEAD;
	if (n < (long)sizeof(out))
		return 0;
	memcpy(&out, f->mem + FRONT_DATA + FRONT_ANSWER, sizeof(out));
	if (out.unique != in.unique || out.len != n)
		return FRONT_DEAD;
	return out.error ? out.error : (int)(n - sizeof(out));
}

int front_ask(struct front *f, uint32_t opcode, uint64_t nodeid, const void *args, size_t len)
{
	return front_ask2(f, opcode, nodeid, args, len, NULL, 0, 131072);
}

bool front_init(struct front *f)
{
	struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_readahead = 1 << 17,
				   .flags = ~0u, .flags2 = ~0u };

	return front_ask(f, FUSE_INIT, 0, &in, sizeof(in)) == sizeof(struct fuse_init_out);
}

int64_t front_lookup(struct front *f, uint64_t dir, const char *name, size_t len)
{
	int n = front_ask(f, FUSE_LOOKUP, dir, name, len);

	if (n < 0)
		return n;
	n = ((struct fuse_entry_out *)front_answer(f))->nodeid ? 0 : -ENOENT;
	return n ? n : (int64_t)((struct fuse_entry_out *)front_answer(f))->nodeid;
}

bool front_alive(struct front *f)
{
	return waitpid(f->pid, NULL, WNOHANG) == 0;
}

int front_end(struct front *f, char *words, size_t size)
{
	int64_t end = now_ms() + WAIT_MS;
	int status = 0;
	ssize_t n;

	shutdown(f->sock, SHUT_RDWR);
	while (waitpid(f->pid, &status, WNOHANG) == 0) {
		poll(NULL, 0, 2);
		if (now_ms() < end)
			continue;
		kill(f->pid, SIGKILL);
		waitpid(f->pid, &status, 0);
		status = -1;
		break;
	}
	n = words ? read(f->err, words, size - 1) : 0;
	if (words)
		words[n > 0 ? n : 0] = '\0';
	close(f->sock);
	close(f->err);
	close(f->kick);
	close(f->call);
	close(f->mem_fd);
	munmap(f->mem, FRONT_MEM);
	return status;
}
