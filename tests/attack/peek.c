// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looks for anything that is not its own: of the host (memory that its process
 * was started with, vDSO, what is left of the zygote), of the guest's kernel,
 * and of the guest's witness process, whose number is the first argument.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The host starts a program with at least so much stack, below its end of user
 * addresses and no further from it than it randomizes. */
#define HOST_END	0x7ffffffff000UL
#define STACK_LEAST	0x20000UL
#define STACK_RANDOM	(17UL << 30)

static void expect_nothing(unsigned long from, unsigned long to, unsigned long step, const char *what)
{
	unsigned long at;

	for (at = from; at < to; at += step)
		if (readable(at)) {
			through("%s is readable at %#lx", what, at);
			return;
		}
}

/* The space holds the stub, its command page and slots, and no more. */
static void host_memory(void)
{
	unsigned long len = stub_length(), slots = R3_STUB_SLOTS + cpus() * R3_SLOT_STRIDE;

	expect_nothing(R3_STUB_BASE + len, R3_STUB_CMD, PAGE, "something behind the stub");
	expect_nothing(R3_STUB_CMD + PAGE, R3_STUB_SLOTS, PAGE, "something behind the command page");
	expect_nothing(slots, R3_STUB_ZYGOTE, PAGE, "something behind the slots");
	expect_nothing(R3_STUB_ZYGOTE, R3_STUB_END, PAGE, "the zygote's page");
	expect_nothing(HOST_END - STACK_RANDOM, HOST_END, STACK_LEAST, "the host's stack or vDSO");
	if (writable(R3_STUB_CMD))
		through("the command page is writable");
	if (writable(R3_STUB_BASE))
		through("the stub is writable");
}

static void kernel_memory(void)
{
	static const unsigned long at[] = {
		R3_DIRECT_BASE, R3_DIRECT_BASE + 0x100000, R3_DIRECT_BASE + R3_IMAGE_GPA, R3_MODULES_BASE,
		R3_SHARED_BASE, R3_VMALLOC_BASE, R3_VMALLOC_BASE + R3_VMALLOC_SIZE - PAGE,
	};
	unsigned int i;
	char buf[64];
	int fd[2];

	expect_nothing(R3_IMAGE_BASE, R3_IMAGE_BASE + (16UL << 20), PAGE, "the guest's kernel");
	expect_nothing(R3_SHARED_BASE, R3_SHARED_BASE + (1UL << 20), PAGE, "the guest kernel's boot block");
	expect_nothing(R3_DIRECT_BASE, R3_DIRECT_BASE + R3_DIRECT_SIZE, 1UL << 26, "guest RAM");
	if (pipe2(fd, O_NONBLOCK))
		cannot("no pipe");
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		if (write(fd[1], (void *)at[i], 64) > 0)
			through("a system call read the kernel's memory at %#lx", at[i]);
		if (write(fd[1], buf, 64) == 64 && read(fd[0], (void *)at[i], 64) > 0)
			through("a system call wrote the kernel's memory at %#lx", at[i]);
		while (read(fd[0], buf, 64) > 0)
			;
	}
}

static bool has_secret(const char *p, unsigned long len)
{
	char secret[] = SECRET, other[] = "R3_ATTACK_" "SECRET=";
	bool found;

	/* not itself */
	secret[0] ^= 1;
	secret[0] ^= 1;
	found = memmem(p, len, secret, sizeof(secret) - 1) || memmem(p, len, other, sizeof(other) - 1);
	memset(secret, 0, sizeof(secret));
	memset(other, 0, sizeof(other));
	return found;
}

/* Fresh memory is empty, and so is what the stub shares with us. */
static void remnants(void)
{
	unsigned long size = 32UL << 20, i;
	unsigned long *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int cpu;

	if (p == MAP_FAILED)
		cannot("no memory");
	for (i = 0; i < size / PAGE; i++)
		((volatile char *)p)[i * PAGE + 8] = 0;
	for (i = 0; i < size / 8; i++)
		if (p[i]) {
			through("fresh memory is not empty: %#lx", p[i]);
			break;
		}
	munmap(p, size);
	if (has_secret((void *)R3_STUB_BASE, stub_length()) || has_secret((void *)R3_STUB_CMD, PAGE))
		through("a secret is in the stub's pages");
	for (cpu = 0; cpu < cpus(); cpu++) {
		unsigned long slot, n;

		slot = stay_on(cpu);
		getppid();
		for (n = 0; n < R3_SLOT_STRIDE / PAGE && readable(slot + n * PAGE); n++)
			if (has_secret((void *)(slot + n * PAGE), PAGE))
				through("a secret is in slot %d", cpu);
	}
}

/* What a thread's number is on the host, after its start and after stops. */
static void host_numbers(void)
{
	const struct r3_cmd_page *cmds = (void *)R3_STUB_CMD;
	int cpu, i;

	for (cpu = 0; cpu < cpus(); cpu++) {
		const volatile struct r3_slot *slot = (void *)stay_on(cpu);

		for (i = 0; i < 5; i++)
			be_stopped();
		if (slot->tid)
			through("slot %d names its thread on the host: %u", cpu, slot->tid);
	}
	for (i = 0; i < R3_CMD_RING; i++) {
		if (cmds->cmd[i].op == R3_OP_KICK && cmds->cmd[i].arg)
			through("an order names a thread on the host: %u", cmds->cmd[i].arg);
		if (cmds->cmd[i].op == R3_OP_THREAD && cmds->cmd[i].len)
			through("an order names a CPU of the host: %lu", (unsigned long)cmds->cmd[i].len - 1);
	}
}

/* Vector registers stay ours, whoever else runs here: the witness fills its own. */
static void registers(void)
{
	unsigned long mine[4] = { 0x1111, 0x2222, 0x3333, 0x4444 }, got[4];
	int i;

	stay_on(0);
	for (i = 0; i < 2000; i++) {
		__asm__ volatile("movups (%2), %%xmm7\n\tmovups 16(%2), %%xmm15\n\t"
				 "movl $24, %%eax\n\tsyscall\n\t"		/* sched_yield */
				 "movups %%xmm7, (%1)\n\tmovups %%xmm15, 16(%1)"
				 :: "a"(0), "r"(got), "r"(mine) : "rcx", "r11", "memory", "xmm7", "xmm15");
		if (memcmp(got, mine, sizeof(mine))) {
			through("vector registers changed over a system call: %#lx %#lx", got[0], got[2]);
			break;
		}
	}
}

/* As somebody else than root. */
static void witness(int pid, unsigned long secret)
{
	char path[64], buf[64];
	struct iovec here = { buf, 64 }, there = { (void *)secret, 64 };
	int fd;

	if (!pid || geteuid() == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd >= 0)
		through("the witness's memory can be opened");
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0)
		through("the witness's memory can be read");
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0)
		through("the witness can be traced");
}

/* Descriptors of the host: none but 0 to 2 are ours. */
static void descriptors(void)
{
	int fd;

	for (fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			through("descriptor %d is open", fd);
}

int main(int argc, char **argv)
{
	attack_init();
	descriptors();
	host_memory();
	kernel_memory();
	remnants();
	host_numbers();
	registers();
	witness(argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? strtoul(argv[2], NULL, 16) : 0);
	printf("looked everywhere\n");
	return attack_end();
}
