// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is left to a ring3-vsock that its guest has taken over: the guest's packets, the
 * connections there are, taking more on its one socket, and asking `ring3 run` for a
 * connection to a port. It has no way to make a socket, or to reach one by a name.
 *
 * The walls of the monitor's jail stand around it; its list of system calls is this one.
 */
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/util.h"
#include "conns.h"

/* All connections with a full buffer, and what the C library has. */
#define MEMORY_MAX	((uint64_t)CONNS_MAX * BUF_ALLOC * 5 / 4 + (128ULL << 20))
#define FILES_MAX	(CONNS_MAX + 16)

static const int plain[] = {
	/* the loop */
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(clock_gettime),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit_group),
	/* packets, connections, what `ring3 run` says */
	SCMP_SYS(readv), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(shutdown), SCMP_SYS(close),
	/* messages */
	SCMP_SYS(write),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
};

static int filter(void)
{
	const struct scmp_arg_cmp flags = SCMP_A3(SCMP_CMP_EQ, SOCK_NONBLOCK | SOCK_CLOEXEC);
	const struct scmp_arg_cmp private_memory[] = {
		SCMP_A2(SCMP_CMP_EQ, PROT_READ | PROT_WRITE),
		SCMP_A3(SCMP_CMP_EQ, MAP_PRIVATE | MAP_ANONYMOUS),
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	unsigned int i;
	int ret = 0;

	if (!ctx)
		return -ENOMEM;
	for (i = 0; !ret && i < ARRAY_SIZE(plain); i++)
		ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, plain[i], 0, NULL);
	if (!ret)
		ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(accept4), 1, &flags);
	if (!ret)
		ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, private_memory);
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

static void bound(int what, rlim_t max)
{
	struct rlimit limit;

	if (getrlimit(what, &limit))
		return;
	limit.rlim_max = min_t(rlim_t, limit.rlim_max, max);
	limit.rlim_cur = what == RLIMIT_NOFILE ? limit.rlim_max : min_t(rlim_t, limit.rlim_cur, max);
	setrlimit(what, &limit);
}

unsigned int vsock_files(void)
{
	struct rlimit limit = { .rlim_cur = 0 };

	bound(RLIMIT_NOFILE, FILES_MAX);
	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

int vsock_jail(enum jail_mode mode, struct r3_err *err)
{
	struct jail jail;
	int ret;

	ret = jail_process(&jail, mode, err);
	if (ret || mode == JAIL_OFF)
		return ret;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	bound(RLIMIT_AS, MEMORY_MAX);
#endif
	bound(RLIMIT_FSIZE, 0);
	ret = filter();
	return ret ? err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp",
			     strerror(-ret)) : 0;
}
