// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In place of a back end that is under foreign control: goes into the same jail
 * and tries what such a one would. One line a try: its name, and "reached" or the
 * error.
 *
 *	natjail nat|resolver VICTIM-PID UNIX-SOCKET ABSTRACT-NAME TCP-PORT OWN-FILE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "jail.h"
#include "../jail/try.h"

static long unix_connect(const char *path, int abstract, int type, int s)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strncpy(un.sun_path + abstract, path, sizeof(un.sun_path) - 2);
	if (s < 0)
		s = socket(AF_UNIX, type, 0);
	return s < 0 ? -1 : connect(s, (void *)&un, sizeof(sa_family_t) + abstract + strlen(path) + !abstract);
}

static long unix_send(const char *name, int s)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strncpy(un.sun_path + 1, name, sizeof(un.sun_path) - 2);
	return sendto(s, "x", 1, 0, (void *)&un, sizeof(sa_family_t) + 1 + strlen(name));
}

static long tcp_connect(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return s < 0 ? -1 : connect(s, (void *)&sin, sizeof(sin));
}

/* Without the call's result: a path that is not there would be no refusal. */
static long opens(const char *path, int flags)
{
	return openat(AT_FDCWD, path, flags, 0600);
}

int main(int argc, char **argv)
{
	int pair[2], packets[2], memory = 0;
	struct iovec local = { &memory, 4 }, remote = { &memory, 4 };
	const char *warning;
	struct r3_err err;
	pid_t victim;
	int nat;

	if (argc != 7)
		return 2;
	nat = !strcmp(argv[1], "nat");
	victim = atoi(argv[2]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets))
		return 1;
	if (nat ? nat_jail_net(JAIL_ON, &warning, &err) : nat_jail_resolver(JAIL_ON, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	TRY("read own file", opens(argv[6], O_RDONLY));
	TRY("read /etc/hosts", opens("/etc/hosts", O_RDONLY));
	TRY("write own file", opens(argv[6], O_WRONLY));
	TRY("create a file", opens("/tmp/ring3-natjail", O_WRONLY | O_CREAT));
	TRY("read /proc", opens("/proc/self/status", O_RDONLY));
	TRY("read a home", opens("/root", O_RDONLY | O_DIRECTORY));
	TRY("unlink", unlink(argv[6]));
	TRY("execute", execl("/bin/true", "true", NULL));
	TRY("fork", syscall(SYS_fork));
	TRY("vfork", syscall(SYS_vfork));
	TRY("clone a process", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	TRY("clone3", syscall(SYS_clone3, NULL, 0));
	TRY("ptrace", ptrace(PTRACE_ATTACH, victim, 0, 0));
	TRY("read its memory", process_vm_readv(victim, &local, 1, &remote, 1, 0));
	TRY("write its memory", process_vm_writev(victim, &local, 1, &remote, 1, 0));
	TRY("kill", kill(victim, 0));
	TRY("pidfd", syscall(SYS_pidfd_open, victim, 0));
	TRY("UNIX socket", unix_connect(argv[3], 0, SOCK_STREAM, -1));
	TRY("abstract socket", unix_connect(argv[4], 1, SOCK_STREAM, -1));
	TRY("UNIX socket by a stream pair", unix_connect(argv[3], 0, 0, pair[0]));
	TRY("UNIX socket by a packet pair", unix_connect(argv[3], 0, 0, packets[0]));
	TRY("abstract datagram by a pair", unix_send(argv[4], pair[0]));
	/* Sent, but to the other end: the address is not looked at. */
	TRY("abstract datagram by a packet pair", unix_send(argv[4], packets[0]) == 1 && recv(packets[1], &memory, 4, MSG_DONTWAIT) == 1 ?
	    (errno = EISCONN, -1) : 0);
	TRY("datagram pair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	TRY("netlink", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	TRY("packet socket", socket(AF_PACKET, SOCK_RAW, 0));
	TRY("raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	TRY("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	TRY("algorithm socket", socket(38, SOCK_SEQPACKET, 0));
	TRY("executable memory", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : -1);
	TRY("namespaces", unshare(CLONE_NEWUSER));
	TRY("mount", mount("x", "/", "tmpfs", 0, NULL));
	TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
	TRY("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
	TRY("keys", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	TRY("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	TRY("dumpable", prctl(PR_SET_DUMPABLE, 1));
	TRY("x32", syscall(SYS_getpid | 0x40000000));
	TRY("open by handle", syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
	TRY("TIOCSTI", ioctl(0, TIOCSTI, "x"));
	TRY("socket filter", setsockopt(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SOL_SOCKET, 26 /* SO_ATTACH_FILTER */, &memory, 4));
	TRY("TCP", tcp_connect(atoi(argv[5])));
	TRY("UDP", socket(AF_INET6, SOCK_DGRAM, 0));
	_exit(0);
}
