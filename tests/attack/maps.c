// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest system calls that would unmap, map, protect or write what is not the
 * guest's: the stub, its command page and slots, and where the guest's kernel
 * is in another process. All must fail, and the stub must be what it was.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a guest has no say over. A table for rewritten call sites would go here. */
static const unsigned long targets[] = {
	R3_STUB_BASE, R3_STUB_BASE + PAGE, R3_STUB_BASE + 0x80000, R3_STUB_CMD, R3_STUB_SLOTS,
	R3_STUB_SLOTS + PAGE, R3_STUB_SLOTS + R3_SLOT_STRIDE, R3_STUB_ZYGOTE, R3_STUB_END - PAGE, R3_STUB_END,
	R3_TASK_SIZE, R3_TASK_SIZE + PAGE, R3_DIRECT_BASE + 0x1000000, R3_IMAGE_BASE, R3_MODULES_BASE,
	R3_SHARED_BASE, R3_VMALLOC_BASE, 0x7ffffffff000 - PAGE, 0x800000000000, 0xffffffffff600000, -PAGE,
};
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

static char *own;
static int mem = -1, uffd = -1, shm = -1, zero = -1, fd[2];

/* A call failed if it said so, or gave us another place than we wanted. */
static void must_fail(const char *what, unsigned long target, long ret)
{
	if (ret != -1)
		through("%s at %#lx: %#lx", what, target, (unsigned long)ret);
}

static void map_there(unsigned long t)
{
	static const int flags[] = {
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE | MAP_LOCKED,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN,
	};
	unsigned int i;
	void *p;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		must_fail("mmap", t, (long)mmap((void *)t, PAGE, 7, flags[i], -1, 0));
		must_fail("mmap over the border", t, (long)mmap((void *)(t - PAGE), 2 * PAGE, 7, flags[i], -1, 0) == -1 ||
			  t - PAGE < R3_TASK_SIZE - 2 * PAGE ? -1 : 0);
	}
	must_fail("mmap of a file", t, (long)mmap((void *)t, PAGE, 3, MAP_PRIVATE | MAP_FIXED, zero, 0));
	p = mmap((void *)t, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED && (unsigned long)p >= R3_TASK_SIZE)
		through("mmap went to %p", p);
	if (p != MAP_FAILED)
		munmap(p, PAGE);
	must_fail("mremap", t, (long)mremap(own, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)t));
	must_fail("mremap, left mapped", t, (long)mremap(own, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | 4, (void *)t));
	must_fail("mremap from", t, (long)mremap((void *)t, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	if (shm >= 0) {
		must_fail("shmat", t, (long)shmat(shm, (void *)t, 0));
		must_fail("shmat, SHM_REMAP", t, (long)shmat(shm, (void *)t, SHM_REMAP));
	}
	if (syscall(SYS_brk, t) == (long)t)
		through("brk to %#lx", t);
	must_fail("remap_file_pages", t, syscall(SYS_remap_file_pages, t, PAGE, 0, 0, 0));
}

static void change_there(unsigned long t)
{
	static const int advice[] = { MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_WILLNEED, MADV_COLD, 21, 22, 23 };
	unsigned int i;

	must_fail("munmap", t, munmap((void *)t, PAGE));
	must_fail("mprotect", t, mprotect((void *)t, PAGE, 7));
	must_fail("pkey_mprotect", t, syscall(SYS_pkey_mprotect, t, PAGE, 7, -1));
	for (i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		must_fail("madvise", t, madvise((void *)t, PAGE, advice[i]));
	must_fail("mlock", t, mlock((void *)t, PAGE));
	must_fail("msync", t, msync((void *)t, PAGE, MS_SYNC));
	must_fail("mincore", t, mincore((void *)t, PAGE, (void *)own));
	must_fail("mseal", t, syscall(462, t, PAGE, 0));
	must_fail("PR_SET_VMA", t, prctl(0x53564d41, 0, t, PAGE, "x"));
	must_fail("PR_SET_MM brk", t, prctl(PR_SET_MM, PR_SET_MM_BRK, t, 0, 0));
}

/* Through the kernel: its copies must refuse these addresses both ways. */
static void copy_there(unsigned long t)
{
	struct iovec here = { own, 64 }, there = { (void *)t, 64 };

	if (mem >= 0) {
		must_fail("/proc/self/mem written", t, pwrite(mem, own, 64, t));
		must_fail("/proc/self/mem read", t, pread(mem, own, 64, t));
	}
	must_fail("process_vm_writev", t, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	must_fail("process_vm_readv", t, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	must_fail("read of a file to", t, read(zero, (void *)t, 64));
	must_fail("write to a pipe from", t, write(fd[1], (void *)t, 64));
	must_fail("vmsplice", t, vmsplice(fd[1], &there, 1, SPLICE_F_NONBLOCK));
	must_fail("getrandom", t, syscall(SYS_getrandom, t, 64, 0));
	must_fail("getcwd", t, syscall(SYS_getcwd, t, 64));
	must_fail("stat", t, syscall(SYS_fstat, 0, t));
	must_fail("uname", t, syscall(SYS_uname, t));
	must_fail("open of a name", t, syscall(SYS_open, t, 0));
	must_fail("clock_gettime", t, syscall(SYS_clock_gettime, 0, t));
	must_fail("gettid by futex", t, syscall(SYS_futex, t, 0, 0, 0, 0, 0));
	must_fail("set by futex", t, syscall(SYS_futex, own, 5, 1, 1, t, 0));
	must_fail("sched_getaffinity", t, syscall(SYS_sched_getaffinity, 0, 128, t));
	must_fail("rseq", t, syscall(334, t, 32, 0, 0x53053053));
	must_fail("pipe", t, syscall(SYS_pipe, t));
	must_fail("arch_prctl", t, syscall(SYS_arch_prctl, 0x1003, t));
}

static void fault_there(unsigned long t)
{
	struct uffdio_register reg = { .range = { t, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = t, .src = (unsigned long)own, .len = PAGE };
	struct uffdio_zeropage zp = { .range = { t, PAGE } };

	if (uffd < 0)
		return;
	must_fail("UFFDIO_REGISTER", t, ioctl(uffd, UFFDIO_REGISTER, &reg));
	must_fail("UFFDIO_COPY", t, ioctl(uffd, UFFDIO_COPY, &copy));
	must_fail("UFFDIO_ZEROPAGE", t, ioctl(uffd, UFFDIO_ZEROPAGE, &zp));
}

/* A debugger of its own child may read and write all that the guest has. */
static void poke(void)
{
	unsigned int i;
	int pid = fork(), status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		cannot("fork");
	waitpid(pid, &status, 0);
	for (i = 0; i < TARGETS; i++) {
		must_fail("PTRACE_POKEDATA", targets[i], ptrace(PTRACE_POKEDATA, pid, targets[i], 0x9090909090909090));
		errno = 0;
		ptrace(PTRACE_PEEKDATA, pid, targets[i], 0);
		must_fail("PTRACE_PEEKDATA", targets[i], errno ? -1 : 0);
	}
	ptrace(PTRACE_KILL, pid, 0, 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static unsigned long checksum(unsigned long from, unsigned long len)
{
	unsigned long sum = 0, i;

	for (i = 0; i < len; i += 8)
		sum = sum * 31 + *(volatile unsigned long *)(from + i);
	return sum;
}

static void try_all(int i)
{
	unsigned long t = targets[i];

	map_there(t);
	change_there(t);
	copy_there(t);
	fault_there(t);
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	unsigned long len, sum, at;
	unsigned int i;

	attack_init();
	len = stub_length();
	if (!len)
		cannot("there is no stub");
	sum = checksum(R3_STUB_BASE, len);
	own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(own, 1, 4 * PAGE);
	mem = open("/proc/self/mem", O_RDWR);
	zero = open("/dev/zero", O_RDWR);
	shm = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api))
		uffd = -1;
	if (pipe2(fd, O_NONBLOCK) || zero < 0)
		cannot("no pipe");
	for (i = 0; i < TARGETS; i++)
		try_all(i);
	poke();
	if (shm >= 0)
		shmctl(shm, IPC_RMID, NULL);

	/* The whole address space at once, in a process of its own. */
	must_fail("munmap of everything", 0, munmap(0, R3_STUB_END));
	must_fail("mprotect of everything", 0, mprotect(0, R3_STUB_END, 0));

	for (at = R3_STUB_BASE; at < R3_STUB_SLOTS; at += PAGE)
		if (writable(at))
			through("the page at %#lx is writable", at);
	for (at = R3_STUB_SLOTS + 64 * R3_SLOT_STRIDE; at < R3_STUB_END; at += PAGE)
		if (readable(at))
			through("there is a page at %#lx", at);
	if (checksum(R3_STUB_BASE, len) != sum)
		through("the stub has changed");
	printf("%d places, userfaultfd %s, shm %s, /proc/self/mem %s\n", (int)TARGETS, uffd < 0 ? "no" : "yes",
	       shm < 0 ? "no" : "yes", mem < 0 ? "no" : "yes");
	return attack_end();
}
