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
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "notify.h"

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

static int filter(struct sock_filter *f)
{
	int n = 0, i;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < nr_rules; i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules[i].nr, 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return n;
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

static void answer(const struct seccomp_notif *req, struct seccomp_notif_resp *resp)
{
	resp->error = verdict(req->data.nr);
	if (!resp->error)
		resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
}

int main(int argc, char **argv)
{
	struct sock_filter f[2 + 2 * RULES_MAX];
	struct sock_fprog prog = { .filter = f };
	int at;

	for (at = 1; at < argc && strcmp(argv[at], "--"); at++)
		add_rule(argv[at]);
	if (at + 1 >= argc || !nr_rules) {
		fprintf(stderr, "usage: fail SYSCALL=ERRNO[/N|:N][@FILE]... -- CMD [ARG...]\n");
		return 2;
	}
	prog.len = filter(f);
	return notify_run("fail", &prog, answer, argv + at + 1);
}
