// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is left to a ring3-vsock that its guest has taken over: the guest's packets, the
 * connections there are, taking more on its one socket, and asking `ring3 run` for a
 * connection to a port. It has no way to make a socket, or to reach one by a name.
 *
 * The walls of the monitor's jail stand around it; its list of system calls is this one.
 */
#include "jail.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "../backend/calls.h"
#include "../backend/walls.h"
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

static const struct call_rule rules[] = {
	{ SCMP_SYS(accept4), 1, { SCMP_A3(SCMP_CMP_EQ, SOCK_NONBLOCK | SOCK_CLOEXEC) } },
};

unsigned int vsock_files(void)
{
	struct rlimit limit = { .rlim_cur = 0 };

	wall_files(FILES_MAX);
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
	wall_limit(RLIMIT_AS, MEMORY_MAX);
#endif
	wall_limit(RLIMIT_FSIZE, 0);
	return wall_calls(plain, ARRAY_SIZE(plain), rules, ARRAY_SIZE(rules), err);
}
