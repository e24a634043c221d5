// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In place of a ring3-unpack that an archive has taken over: goes into the same jail
 * and tries what such a one would. One line a try: its name, and "reached" or the
 * error.
 *
 *	unpackjail VICTIM-PID OWN-FILE TCP-PORT [DIRECTORY]
 *
 * With the directory it is ring3-copy, which may change that one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "copy_jail.h"
#include "../jail/try.h"

static long tcp_connect(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return s < 0 ? -1 : connect(s, (void *)&sin, sizeof(sin));
}

static long beneath(int dir, const char *path, int flags)
{
	struct open_how how = { .flags = flags };

	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* What only ring3-copy has calls for: files, below its directory and elsewhere. */
static void copy_tries(const char *own, int below)
{
	TRY("make a file below", openat(below, "made", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	TRY("make a directory below", mkdirat(below, "dir", 0700));
	TRY("make a file outside", openat(AT_FDCWD, "/tmp/ring3-unpackjail", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	TRY("make a file above", openat(below, "../ring3-unpackjail", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	TRY("read outside", beneath(AT_FDCWD, own, O_RDONLY));
	TRY("read above", beneath(below, "../own", O_RDONLY));
	TRY("write outside", beneath(AT_FDCWD, own, O_WRONLY));
	TRY("make a directory outside", mkdirat(AT_FDCWD, "/tmp/ring3-unpackjail", 0700));
	TRY("link outside", linkat(below, "made", AT_FDCWD, "/tmp/ring3-unpackjail", 0));
	TRY("link from outside", linkat(AT_FDCWD, own, below, "linked", 0));
	TRY("symbolic link outside", symlinkat("x", AT_FDCWD, "/tmp/ring3-unpackjail"));
	TRY("remove outside", unlinkat(AT_FDCWD, own, 0));
	TRY("remove a directory below", unlinkat(below, "dir", AT_REMOVEDIR));
	TRY("make a device", mknodat(below, "null", S_IFCHR | 0666, 0x103));
	TRY("make a socket", mknodat(below, "sock", S_IFSOCK | 0666, 0));
}

int main(int argc, char **argv)
{
	struct jail jail;
	int below = -1;
	struct r3_err err;
	pid_t victim;
	char byte;
	int fd;

	if (argc != 4 && argc != 5)
		return 2;
	victim = atoi(argv[1]);
	fd = open(argv[2], O_RDONLY);
	if (argc == 5) {
		below = open(argv[4], O_RDONLY | O_DIRECTORY);
		if (copy_jail(JAIL_ON, below, &err))
			return 1;
		copy_tries(argv[2], below);
	} else if (jail_process(&jail, JAIL_ON, &err) || jail_filter("unpack", jail.value)) {
		return 1;
	} else {
		TRY("read what was given", pread(fd, &byte, 1, 0));
		TRY("openat2", beneath(AT_FDCWD, argv[2], O_RDONLY));
		TRY("chmod what was given", fchmod(fd, 0777));
	}
	TRY("open own file", open(argv[2], O_RDONLY));
	TRY("open by descriptor", openat(fd, "", O_RDONLY));
	TRY("read /etc/hosts", open("/etc/hosts", O_RDONLY));
	TRY("create a file", open("/tmp/ring3-unpackjail", O_WRONLY | O_CREAT, 0600));
	TRY("unlink", unlink(argv[2]));
	TRY("rename", rename(argv[2], "/tmp/ring3-unpackjail"));
	TRY("link", linkat(AT_FDCWD, argv[2], AT_FDCWD, "/tmp/ring3-unpackjail", 0));
	TRY("execute", execl("/bin/true", "true", NULL));
	TRY("execute what was given", syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH));
	TRY("fork", syscall(SYS_fork));
	TRY("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	TRY("clone3", syscall(SYS_clone3, NULL, 0));
	TRY("ptrace", ptrace(PTRACE_ATTACH, victim, 0, 0));
	TRY("kill", kill(victim, 0));
	TRY("pidfd", syscall(SYS_pidfd_open, victim, 0));
	TRY("TCP", tcp_connect(atoi(argv[3])));
	TRY("socket", socket(AF_UNIX, SOCK_STREAM, 0));
	TRY("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0, 0 }));
	TRY("namespaces", unshare(CLONE_NEWUSER));
	TRY("mount", mount("x", "/", "tmpfs", 0, NULL));
	TRY("executable memory", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : -1);
	TRY("map a file", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED ? 0 : -1);
	TRY("make memory executable", mprotect(&victim, 1, PROT_READ | PROT_EXEC));
	TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
	TRY("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
	TRY("x32", syscall(SYS_getpid | 0x40000000));
	TRY("send a message with an address", syscall(SYS_sendmsg, fd, NULL, 0));
	_exit(0);
}
