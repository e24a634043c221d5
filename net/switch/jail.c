// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is left to a switch that a member has taken over: its members' sockets,
 * its clients', its pipes, and time. The walls of the monitor's jail stand around
 * it; its list of system calls is this one. Return ENOSYS as the monitor's do.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "jail/jail.h"
#include "switch.h"

/* All buffers, queues, cables and captures at their bounds, and what the C library has. */
#define MEMORY_MAX	(1ULL << 30)
#define FILES_MAX	512

static const int plain[] = {
	/* the loop */
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll), SCMP_SYS(timerfd_settime),
	SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit_group),
	/* members, clients, taps, captures */
	SCMP_SYS(accept4), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendto),
	SCMP_SYS(recvfrom), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap),
};

static int allow(scmp_filter_ctx ctx, int call, unsigned int n, const struct scmp_arg_cmp *args)
{
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, n, args);
}

static int filter(void)
{
	const struct scmp_arg_cmp set_flags = SCMP_A1(SCMP_CMP_EQ, F_SETFL);
	const struct scmp_arg_cmp private_memory[] = {
		SCMP_A2(SCMP_CMP_EQ, PROT_READ | PROT_WRITE),
		SCMP_A3(SCMP_CMP_EQ, MAP_PRIVATE | MAP_ANONYMOUS),
	};
	const struct scmp_arg_cmp buffers[2][2] = {
		{ SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_SNDBUF) },
		{ SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_RCVBUF) },
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	unsigned int i;
	int ret = 0;

	if (!ctx)
		return -ENOMEM;
	for (i = 0; !ret && i < ARRAY_SIZE(plain); i++)
		ret = allow(ctx, plain[i], 0, NULL);
	if (!ret)
		ret = allow(ctx, SCMP_SYS(fcntl), 1, &set_flags);
	if (!ret)
		ret = allow(ctx, SCMP_SYS(mmap), 2, private_memory);
	for (i = 0; !ret && i < 2; i++)
		ret = allow(ctx, SCMP_SYS(setsockopt), 2, buffers[i]);
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
	limit.rlim_cur = min_t(rlim_t, what == RLIMIT_NOFILE ? limit.rlim_max : limit.rlim_cur, max);
	setrlimit(what, &limit);
}

int jail_switch(enum jail_mode mode, struct r3_err *err)
{
	struct jail jail;
	int ret;

	ret = jail_process(&jail, mode, err);
	if (ret || mode == JAIL_OFF)
		return ret;
	bound(RLIMIT_AS, MEMORY_MAX);
	bound(RLIMIT_NOFILE, FILES_MAX);
	bound(RLIMIT_FSIZE, 0);
	ret = filter();
	return ret ? err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp",
			     strerror(-ret)) : 0;
}
