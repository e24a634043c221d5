// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-fs under foreign control: what its jail leaves. jailed FOLDER walls|lists [ro|host]. With
 * "walls" the lists of system calls are left out, so that the walls behind them are tested.
 * Beside the folder is "outside/secret".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../unit/tap.h"
#include "hide.h"
#include "jail.h"

static struct share s;

/* Raw calls: the C library's may take another way. */
static long try_open(int dir, const char *path, int flags)
{
	long fd = syscall(SYS_openat, dir, path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void refused(long ret, const char *what)
{
	if (!ok(ret < 0, "%s is refused", what))
		tap_note("it returned %ld", ret);
}

static long call(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* By what the list has. */
static long reads(int dir, const char *path)
{
	char c;
	long fd = syscall(SYS_openat, dir, path, O_RDONLY | O_CLOEXEC, 0), n;

	if (fd < 0)
		return -errno;
	n = syscall(SYS_preadv, fd, &(struct iovec){ &c, 1 }, 1, 0, 0);
	close(fd);
	return n < 0 ? -errno : n;
}

static void files(bool ro)
{
	is(reads(s.root_fd, "file"), 1, "a file of the folder is read");
	if (ro) {
		refused(try_open(s.root_fd, "file", O_WRONLY), "writing to a file of the folder, with ro,");
		refused(try_open(s.root_fd, "new", O_CREAT | O_WRONLY), "making one");
		refused(call(syscall(SYS_unlinkat, s.root_fd, "file", 0)), "removing one");
		refused(call(syscall(SYS_mkdirat, s.root_fd, "d", 0700)), "a new directory");
	} else {
		is(try_open(s.root_fd, "new", O_CREAT | O_WRONLY), 0, "one is made");
		is(call(syscall(SYS_unlinkat, s.root_fd, "new", 0)), 0, "and removed");
	}
	refused(reads(AT_FDCWD, "/etc/passwd"), "/etc/passwd");
	refused(reads(s.root_fd, "../outside/secret"), "a file beside the folder");
	refused(reads(s.root_fd, "../../../../../../../../etc/passwd"), "a file far above it");
	refused(reads(s.root_fd, "link"), "the target of a link that leads out");
	refused(reads(s.proc_fd, "../status"), "the process's own /proc");
	refused(reads(s.proc_fd, "../../1/cmdline"), "another process's");
	refused(reads(s.proc_fd, "../root/etc/passwd"), "the root of /proc/self");
	refused(try_open(s.root_fd, "../outside/new", O_CREAT | O_WRONLY), "making a file beside the folder");
	refused(call(syscall(SYS_mknodat, s.root_fd, "dev", S_IFCHR | 0600, 0x103)), "a device node");
	refused(call(syscall(SYS_mknodat, s.root_fd, "fifo", S_IFIFO | 0600, 0)), "a FIFO in the folder");
	refused(call(syscall(SYS_renameat2, s.root_fd, "file", s.root_fd, "../outside/moved", 0)), "moving a file out");
	refused(call(syscall(SYS_linkat, s.root_fd, "file", s.root_fd, "../outside/linked", 0)), "linking one out");
}

/* Of a host's root: Landlock knows what is hidden. */
static void host_root(void)
{
	is(reads(s.root_fd, "usr/file"), 1, "a program is read");
	refused(reads(s.root_fd, "file"), "a file at the top");
	refused(reads(s.root_fd, "home/key"), "a file of a home");
	refused(reads(s.root_fd, "opt/named/x"), "one that was to be hidden");
	is(reads(s.root_fd, "opt/other/x"), 1, "one beside it is not");
	refused(reads(AT_FDCWD, "/etc/passwd"), "/etc/passwd of this host");
	refused(reads(s.root_fd, "../outside/secret"), "a file beside the folder");
	refused(reads(s.root_fd, "usr/link"), "the target of a link that leads out");
	refused(try_open(s.root_fd, "usr/file", O_WRONLY), "writing");
	refused(try_open(s.root_fd, "usr/new", O_CREAT | O_WRONLY), "making a file");
	refused(call(syscall(SYS_unlinkat, s.root_fd, "usr/file", 0)), "removing one");
}

static void read_only(void)
{
	refused(call(syscall(SYS_chmod, "4", 0644)), "a mode");
	refused(call(syscall(SYS_utimensat, s.root_fd, "usr/file", NULL, 0)), "a time");
	refused(call(syscall(SYS_setxattr, "4", "user.x", "1", 1, 0)), "an attribute");
	refused(call(syscall(SYS_openat, s.root_fd, "usr/file", O_RDWR)), "opening for writing");
	refused(call(syscall(SYS_linkat, s.root_fd, "usr/file", s.root_fd, "usr/linked", 0)), "a name");
}

static void process(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	refused(fd < 0 ? fd : connect(fd, (struct sockaddr *)&a, sizeof(a)), "a connection");
	refused(call(syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL)), "mount()");
	refused(call(syscall(SYS_chroot, "/")), "chroot()");
	refused(call(syscall(SYS_setuid, 12345)), "another user");
	refused(call(syscall(SYS_execve, "/bin/true", NULL, NULL)), "a program");
}

static void lists(void)
{
	const struct open_how how = { .flags = O_CREAT | O_WRONLY, .mode = 04755 };

	refused(call(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0)), "a socket");
	refused(call(syscall(SYS_fork)), "a process");
	refused(call(syscall(SYS_clone3, NULL, 0)), "a thread");
	refused(call(syscall(SYS_kill, getppid(), 0)), "a signal");
	refused(call(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)), "ptrace()");
	refused(call(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), "executable memory");
	refused(call(syscall(SYS_chmod, "4", 04755)), "a set-user-ID bit");
	refused(call(syscall(SYS_openat, s.root_fd, "suid", O_CREAT | O_WRONLY, 04755)), "a file made with one");
	refused(call(syscall(SYS_openat2, s.root_fd, "suid", &how, sizeof(how))), "one made with it by openat2()");
	refused(call(syscall(SYS_mkdirat, s.root_fd, "sgid", 02755)), "a directory with set-group-ID");
	if (!s.ro)
		is(try_open(s.root_fd, "old", O_CREAT | O_WRONLY), 0, "a file to be renamed");
	refused(call(syscall(SYS_renameat2, s.root_fd, "old", s.root_fd, "new", RENAME_WHITEOUT)), "a device left behind by a rename");
	refused(call(syscall(SYS_fchmod, s.root_fd, 04755)), "fchmod()");
	refused(call(syscall(SYS_fchownat, s.root_fd, "file", 0, 0, 0)), "chown()");
	refused(call(syscall(SYS_ioctl, 0, 0x5401, 0)), "ioctl()");
	refused(call(syscall(SYS_unshare, 0x10000000)), "a namespace");
	refused(call(syscall(SYS_prctl, 4, 1, 0, 0, 0)), "prctl()");
	refused(call(syscall(SYS_name_to_handle_at, s.root_fd, "file", NULL, NULL, 0)), "file handles");
}

int main(int argc, char **argv)
{
	const char *warning;
	struct r3_err err;
	int folder;

	if (argc < 3)
		return 2;
	folder = open(argv[1], O_PATH | O_DIRECTORY);
	s.ro = argc > 3;
	if (s.ro && !strcmp(argv[3], "host"))
		s.hide = hide_new();
	if (s.hide && hide_add(s.hide, "/opt/named", &err))
		return 2;
	s.own_uid = geteuid();
	s.own_gid = getegid();
	if (fs_jail_process(JAIL_REQUIRE, &s, folder, &warning, &err)) {
		printf("1..0 # SKIP host: %s\n", err.msg);
		return 0;
	}
	if (!strcmp(argv[2], "lists") && fs_jail_worker(JAIL_ON, s.ro))
		tap_bail("no list");
	if (s.hide) {
		if (s.no_ids) {
			printf("1..0 # SKIP host: no Landlock\n");
			return 0;
		}
		host_root();
	} else {
		files(s.ro);
		process();
	}
	if (s.ro && !strcmp(argv[2], "lists"))
		read_only();
	if (!strcmp(argv[2], "lists"))
		lists();
	/* The C library's end is more than the list has. */
	fflush(stdout);
	_exit(tap_done() | (fflush(stdout) != 0));
}
