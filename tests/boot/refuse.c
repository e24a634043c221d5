// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refuse CMD...: run CMD where the system calls are refused that the default
 * profiles of container engines refuse. The filter has to be felt before CMD
 * is run, so that a test with it cannot pass for its absence.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_NAMESPACES	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
			 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value)	BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(error)	RETURN(SECCOMP_RET_ERRNO | (error))
/* The next statement is for this number only. */
#define CALL(name)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1)

static struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	CALL(ptrace), REFUSE(EPERM),
	CALL(process_vm_readv), REFUSE(EPERM),
	CALL(process_vm_writev), REFUSE(EPERM),
	CALL(bpf), REFUSE(EPERM),
	CALL(perf_event_open), REFUSE(EPERM),
	CALL(io_uring_setup), REFUSE(EPERM),
	CALL(io_uring_enter), REFUSE(EPERM),
	CALL(io_uring_register), REFUSE(EPERM),
	CALL(userfaultfd), REFUSE(EPERM),
	CALL(unshare), REFUSE(EPERM),
	CALL(setns), REFUSE(EPERM),
	CALL(mount), REFUSE(EPERM),
	CALL(umount2), REFUSE(EPERM),
	CALL(pivot_root), REFUSE(EPERM),
	CALL(add_key), REFUSE(EPERM),
	CALL(keyctl), REFUSE(EPERM),
	CALL(request_key), REFUSE(EPERM),
	/* Its flags are in memory, where no filter can look. */
	CALL(clone3), REFUSE(ENOSYS),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
	REFUSE(EPERM),
	RETURN(SECCOMP_RET_ALLOW),
};

static int failed;

static void feel(const char *name, long ret, int want)
{
	if (ret == -1 && errno == want)
		return;
	fprintf(stderr, "refuse: %s is not refused: %ld (%s)\n", name, ret, strerror(errno));
	failed = 1;
}

int main(int argc, char **argv)
{
	struct sock_fprog prog = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (argc < 2) {
		fprintf(stderr, "usage: refuse CMD [ARG...]\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		perror("refuse: seccomp");
		return 2;
	}
	feel("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
	feel("bpf", syscall(SYS_bpf, 0, 0, 0), EPERM);
	feel("io_uring_setup", syscall(SYS_io_uring_setup, 1, 0), EPERM);
	feel("userfaultfd", syscall(SYS_userfaultfd, 0), EPERM);
	feel("unshare", syscall(SYS_unshare, CLONE_NEWUSER), EPERM);
	feel("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM);
	feel("clone3", syscall(SYS_clone3, 0, 0), ENOSYS);
	if (failed)
		return 2;
	execvp(argv[1], argv + 1);
	fprintf(stderr, "refuse: %s: %s\n", argv[1], strerror(errno));
	return 127;
}
