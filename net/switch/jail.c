// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is left to a switch that a member has taken over: its members' sockets,
 * its clients', its pipes, and time. The walls of the monitor's jail stand around
 * it; its list of system calls is this one. Return ENOSYS as the monitor's do.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "../../backend/calls.h"
#include "../../backend/walls.h"
#include "base/util.h"
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

static const struct call_rule rules[] = {
	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_SETFL) } },
	{ SCMP_SYS(setsockopt), 2, { SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_SNDBUF) } },
	{ SCMP_SYS(setsockopt), 2, { SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_RCVBUF) } },
};

int jail_switch(enum jail_mode mode, struct r3_err *err)
{
	struct jail jail;
	int ret;

	ret = jail_process(&jail, mode, err);
	if (ret || mode == JAIL_OFF)
		return ret;
	wall_limit(RLIMIT_AS, MEMORY_MAX);
	wall_files(FILES_MAX);
	wall_limit(RLIMIT_FSIZE, 0);
	return wall_calls(plain, ARRAY_SIZE(plain), rules, ARRAY_SIZE(rules), err);
}
