// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fail SYSCALL=ERRNO[/N|:N][@FILE]... -- CMD...: run CMD on a host that fails it.
 * Every Nth call of SYSCALL (default: each), or with a colon only the Nth, by CMD
 * or any of its children gives ERRNO, with @FILE only while FILE exists.
 * FILE.count then has how many.
 *
 * The calls are held by a seccomp listener, which this process answers; it ends
 * with CMD's status.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULES_MAX	16

static const struct {
	const char *name;
	int nr;
} calls[] = {
	{ "preadv", SYS_preadv }, { "pwritev", SYS_pwritev }, { "fdatasync", SYS_fdatasync },
	{ "fallocate", SYS_fallocate }, { "mmap", SYS_mmap }, { "munmap", SYS_munmap },
	{ "mprotect", SYS_mprotect }, { "madvise", SYS_madvise }, { "clone", SYS_clone },
	{ "clone3", SYS_clone3 }, { "fork", SYS_fork }, { "memfd_create", SYS_memfd_create },
	{ "eventfd2", SYS_eventfd2 }, { "timer_create", SYS_timer_create },
	{ "ftruncate", SYS_ftruncate }, { "getrandom", SYS_getrandom }, { "socketpair", SYS_socketpair },
	{ "pipe2", SYS_pipe2 }, { "execveat", SYS_execveat }, { "signalfd4", SYS_signalfd4 },
	{ "fcntl", SYS_fcntl }, { "openat", SYS_openat }, { "dup2", SYS_dup2 },
	{ "setsid", SYS_setsid }, { "bind", SYS_bind }, { "pread64", SYS_pread64 },
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EIO", EIO }, { "ENOSPC", ENOSPC }, { "ENOMEM", ENOMEM }, { "EAGAIN", EAGAIN },
	{ "EINTR", EINTR }, { "EMFILE", EMFILE }, { "ENFILE", ENFILE }, { "EPERM", EPERM }, { "ENOSYS", ENOSYS },
};

static struct rule {
	int nr, error;
	unsigned long every, seen, failed;
	bool once;
	const char *file;
} rules[RULES_MAX];
static int nr_rules;

static void die(const char *what)
{
	fprintf(stderr, "fail: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void add_rule(char *text)
{
	struct rule *r = &rules[nr_rules];
	char *error = strchr(text, '='), *file = strchr(text, '@'), *every;
	size_t i;

	errno = EINVAL;
	if (!error || nr_rules == RULES_MAX)
		die(text);
	*error++ = 0;
	if (file)
		*file++ = 0;
	every = strpbrk(error, "/:");
	r->once = every && *every == ':';
	if (every)
		*every++ = 0;
	r->nr = -1;
	r->every = every ? strtoul(every, NULL, 10) : 1;
	r->file = file;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, text))
			r->nr = calls[i].nr;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].name, error))
			r->error = errors[i].error;
	if (r->nr < 0 || !r->error || !r->every)
		die(text);
	nr_rules++;
}

/* Return: the listener. */
static int listen_to_calls(void)
{
	struct sock_filter f[4 + 2 * RULES_MAX];
	struct sock_fprog prog = { .filter = f };
	int n = 0, i;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < nr_rules; i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules[i].nr, 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("no_new_privs");
	i = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	if (i < 0)
		die("seccomp");
	return i;
}

static void pass_fd(int sock, int fd)
{
	char space[CMSG_SPACE(sizeof(fd))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) != 1)
		die("sendmsg");
}

static int take_fd(int sock)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		die("no listener");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void count(const struct rule *r)
{
	char name[4096], temp[4096];
	FILE *f;

	snprintf(name, sizeof(name), "%s.count", r->file);
	snprintf(temp, sizeof(temp), "%s.temp", r->file);
	f = fopen(temp, "w");
	if (f) {
		fprintf(f, "%lu\n", r->failed);
		fclose(f);
		rename(temp, name);
	}
}

static int verdict(int nr)
{
	int i;

	for (i = 0; i < nr_rules; i++) {
		struct rule *r = &rules[i];

		if (r->nr != nr || (r->file && access(r->file, F_OK)))
			continue;
		r->seen++;
		if (r->once ? r->seen != r->every : r->seen % r->every)
			continue;
		r->failed++;
		if (r->file)
			count(r);
		return -r->error;
	}
	return 0;
}

static void answer(int listener)
{
	struct seccomp_notif req = { 0 };
	struct seccomp_notif_resp resp = { 0 };

	/* It may have been killed meanwhile. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
		return;
	resp.id = req.id;
	resp.error = verdict(req.data.nr);
	if (!resp.error)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

int main(int argc, char **argv)
{
	int at = 1, sv[2], status, listener;
	struct pollfd pfd;
	pid_t pid;

	for (; at < argc && strcmp(argv[at], "--"); at++)
		add_rule(argv[at]);
	if (at + 1 >= argc || !nr_rules) {
		fprintf(stderr, "usage: fail SYSCALL=ERRNO[/N|:N][@FILE]... -- CMD [ARG...]\n");
		return 2;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pass_fd(sv[1], listen_to_calls());
		execvp(argv[at + 1], argv + at + 1);
		die(argv[at + 1]);
	}
	close(sv[1]);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	listener = take_fd(sv[0]);
	pfd = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (;;) {
		if (poll(&pfd, 1, 100) > 0 && pfd.revents & POLLIN)
			answer(listener);
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
