// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every system call number, in every way to make one, from the attacker's own
 * code and from each syscall instruction of the stub, with arguments that make
 * the call worth while. A filter of the guest's own says which of them its
 * kernel saw: any other was the host's.
 *
 * "beyond" leaves out what the manager may do: without the wall between it and
 * user code that is what user code may do, and no more.
 */
#include "attack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_NR		620
#define X32		0x40000000UL
#define MAX_SITES	64
#define PATIENCE_MS	10000	/* for one number, on a host that has much else to do */

enum { GATE_64, GATE_X32, GATE_SITE, GATE_INT80, GATE_32, NR_GATES };
static const char *const gates[] = { "x86-64", "x32", "rewritten", "int 0x80", "32-bit" };

static const unsigned long odd_numbers[] = {
	1023, 1024, 4095, 0x3fffffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffffffffffffff, 0x100000009,
};
#define NUMBERS (LAST_NR + sizeof(odd_numbers) / sizeof(odd_numbers[0]))

/* rdi, rsi, rdx, r10, r8; the sixth is the filter's */
static unsigned long args[][5] = {
	{ 0, 0, 0, 0, 0 },
	{ NOWHERE, PAGE, 7, 0x8011, R3_SPACE_RAM_FD },	/* mmap, munmap, mprotect as the manager */
	{ R3_SPACE_ACK_FD, 0, 8, 0, 0 },		/* write: an acknowledgement */
	{ R3_STUB_SLOTS, 0, 0, R3_STUB_CMD, 0 },	/* futex: waits, with a timeout */
	{ R3_STUB_SLOTS, 1, 2, 0, 0 },			/* futex: wakes two */
	{ R3_STUB_SLOTS, 3, 1, 1, R3_STUB_CMD },	/* futex: requeues */
	{ R3_STUB_CMD, 1, 1, 0, 0 },			/* futex: not in a slot */
	{ 0x150f00, 0, R3_STUB_SLOTS, 0, 0 },		/* clone as the manager */
	{ R3_STUB_SLOTS, 1, 1, 0, 0 },			/* futex, as the stub may wake */
};
#define NR_ARGS (sizeof(args) / sizeof(args[0]))
#define NR_BORROWED (NR_ARGS - 1)			/* the last is granted there */

/*
 * What the host makes whatever a filter says, since it has uprobes without
 * traps: both calls only look where they come from, and refuse.
 */
static bool unfiltered(unsigned long nr)
{
	return nr == 335 || nr == 336;
}

static bool beyond;

/* The instruction's own call, which is the one before it: movl $nr, %eax. From
 * the zygote's there is one that needs no secret. */
static bool own_of(unsigned int nr, unsigned long at)
{
	unsigned int own;

	memcpy(&own, (void *)(at - 4), sizeof(own));
	return nr == (*(unsigned char *)(at - 5) == 0xb8 ? own : SYS_mmap);
}

/* What user code's filter lets the stub's own instruction do, whatever else is
 * in the registers: frames are another attack's, and to yield harms nobody. */
static bool granted(unsigned long nr, unsigned long at)
{
	if (beyond && own_of(nr, at))
		return true;
	return (nr == SYS_rt_sigreturn || nr == SYS_sched_yield) && at > R3_STUB_POSTED && own_of(nr, at);
}

/* What that filter lets through from the reset: stacks are another attack's. */
static bool stack_in_slot(unsigned long nr, unsigned long at, const unsigned long *a)
{
	return nr == SYS_sigaltstack && at > R3_STUB_POSTED && own_of(nr, at) &&
	       a[0] - R3_STUB_SLOTS < R3_MAX_CPUS * R3_SLOT_STRIDE && !a[1];
}

static unsigned long number(unsigned int i)
{
	return i < LAST_NR ? i : odd_numbers[i - LAST_NR];
}

/* ---- from code of one's own ---- */

/* int 0x80 as 32-bit code, which user code gets to by a far return. */
static unsigned char *code32;

static void make_code32(void)
{
	code32 = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (code32 == MAP_FAILED)
		cannot("no memory below 4 GiB");
	memcpy(code32, "\xcd\x80\x0f\x0b", 4);	/* int $0x80; ud2 */
}

static void call32(unsigned long nr, const unsigned long *a)
{
	struct regs r = {
		.ip = (unsigned long)code32, .cs = 0x23, .ss = 0x2b, .flags = FLAGS_RUN,
		.sp = (unsigned long)code32 + PAGE - 64,
		.ax = nr, .bx = a[0], .cx = a[1], .dx = a[2], .si = a[3], .di = a[4],
	};

	enter(&r);
}

/*
 * What the guest's kernel rewrites, after a few calls, to come without a
 * signal. The number is as free as in any other.
 */
extern const unsigned char call_site[];
long site_call(unsigned long nr, const unsigned long *a);
__asm__(".text\n"
	"site_call:\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rcx\n"
	"	movq (%rcx), %rdi\n"
	"	movq 8(%rcx), %rsi\n"
	"	movq 16(%rcx), %rdx\n"
	"	movq 24(%rcx), %r10\n"
	"	movq 32(%rcx), %r8\n"
	"	xorl %r9d, %r9d\n"
	"call_site:\n"
	"	syscall\n"
	"	cmpq $-4095, %rax\n"
	"	ret\n");

static long own_call(int gate, unsigned long nr, const unsigned long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = 0;
	long ret;

	if (gate == GATE_32)
		call32(nr, a);
	if (gate == GATE_SITE)
		return site_call(nr, a);
	if (gate == GATE_INT80)
		__asm__ volatile("int $0x80" : "=a"(ret) : "0"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2]),
				 "S"(a[3]), "D"(a[4]) : "memory");
	else
		__asm__ volatile("syscall" : "=a"(ret)
				 : "0"(gate == GATE_X32 ? nr | X32 : nr), "D"(a[0]), "S"(a[1]), "d"(a[2]),
				   "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}

/* Whether all was as it is when the guest's kernel gets the call: it has a
 * result for 64-bit calls, and SIGSEGV for the others, which it does not have. */
static bool seen(int gate, unsigned long nr, long ret, int sig)
{
	if ((gate == GATE_64 || gate == GATE_SITE) && unfiltered(nr))
		return sig == SIGILL || ret == -ENXIO || ret == -ENOSYS || ret == -SEEN;
	if (gate == GATE_64 || gate == GATE_X32 || gate == GATE_SITE)
		return sig == 0 && ret == -SEEN;
	return sig == SIGSEGV;
}

static void own(unsigned long nr)
{
	volatile unsigned int gate, set;

	for (gate = 0; gate < NR_GATES; gate++)
		for (set = 0; set < NR_ARGS; set++) {
			volatile long ret = 0;

			trying = 1;
			caught.sig = 0;
			if (TRY())
				ret = own_call(gate, nr, args[set]);
			trying = 0;
			if (!seen(gate, nr, ret, caught.sig))
				through("the host made %s call %#lx (arguments %u) from the attacker's code: %ld, signal %d",
					gates[gate], nr, set, ret, caught.sig);
		}
}

static int own_calls(long unused)
{
	keep_fs();
	watch_calls();
	for (; shared->next < (int)NUMBERS && !shared->through; shared->next++)
		own(number(shared->next));
	shared->word[0] = call_site[0] != 0x0f;
	pass_call(SYS_exit_group, 0, 0, 0);
	return 0;
}

/* ---- from the stub's instructions ---- */

static unsigned long site[MAX_SITES];
static int sites;
static char *stack;

/*
 * Behind R3_STUB_POSTED a call that the filter refuses counts as if user code
 * had not gone on since the last event, and is a fault there. So that event is
 * made another one.
 */
static bool counts_as_before(unsigned long at)
{
	if (at < R3_STUB_POSTED || at >= R3_STUB_FAST_END)
		return false;
	trying = 1;
	if (TRY())
		__builtin_trap();
	return true;
}

/* One step: the instruction is made, what follows it is not. */
static void borrow(unsigned long at, unsigned long nr, const unsigned long *a, unsigned int set)
{
	static struct regs r;
	volatile bool before;
	volatile int again = 0;

	r = (struct regs){
		.ip = at, .cs = 0x33, .ss = 0x2b, .flags = FLAGS_STEP, .sp = (unsigned long)stack + 8 * PAGE,
		.ax = nr, .di = a[0], .si = a[1], .dx = a[2], .r10 = a[3], .r8 = a[4],
		.bx = (unsigned long)stack, .r12 = (unsigned long)stack, .bp = 0, .r15 = 1,
	};
	/* Nothing of what happens there counts, a tick's stop neither: again. */
	do {
		before = counts_as_before(at);
		trying = 1;
		caught.ip = caught.ax = caught.sig = 0;
		if (TRY())
			enter(&r);
		trying = 0;
	} while (before && caught.sig == SIGILL && ++again < 6);
	if (before && caught.sig == SIGSEGV)
		return;
	/* To the guest a call from up there is a fault; a call that was made
	 * ends in the next step's trap. */
	if (caught.sig != SIGSEGV || caught.ip != at + 2 || caught.ax != nr)
		through("the host made call %#lx (arguments %u) from the stub's %#lx: %#lx, signal %d at %#lx",
			nr, set, at, caught.ax, caught.sig, caught.ip);
}

/* The manager's calls with arguments that are not the manager's. */
static const struct {
	unsigned long nr, args[5];
} wrong[] = {
	{ SYS_mmap, { NOWHERE, PAGE, 3, 0x32, -1UL } },			/* new memory */
	{ SYS_mmap, { NOWHERE, PAGE, 1, 0x8011, R3_SPACE_ACK_FD } },	/* another file */
	{ SYS_mmap, { NOWHERE, PAGE, 0x0f, 0x8011, R3_SPACE_RAM_FD } },	/* another protection */
	{ SYS_mprotect, { NOWHERE, PAGE, 0x08 } },
	{ SYS_write, { R3_SPACE_ACK_FD, 0, 4 } },
	{ SYS_write, { R3_SPACE_ACK_FD - 1, 0, 8 } },
	{ SYS_write, { R3_SPACE_ACK_FD + R3_MAX_CPUS, 0, 8 } },
	{ SYS_tgkill, { 1, 1, SIGKILL } },
	{ SYS_clone, { SIGCHLD } },
	{ SYS_seccomp, { 2 } },						/* which actions are there */
	{ SYS_sched_setaffinity, { 1, 8, R3_STUB_CMD } },
};
#define NR_WRONG (sizeof(wrong) / sizeof(wrong[0]))

static int wrong_calls(long unused)
{
	keep_fs();
	watch_calls();
	for (; shared->next < (int)(sites * NR_WRONG) && !shared->through; shared->next++) {
		unsigned int i = shared->next % NR_WRONG;
		unsigned long at = site[shared->next / NR_WRONG];

		borrow(at, wrong[i].nr, wrong[i].args, 100 + i);
	}
	pass_call(SYS_exit_group, 0, 0, 0);
	return 0;
}

static int borrowed_calls(long unused)
{
	int total = sites * NUMBERS * 2;

	keep_fs();
	watch_calls();
	for (; shared->next < total && !shared->through; shared->next++) {
		unsigned long at = site[shared->next / (NUMBERS * 2)];
		unsigned long nr = number(shared->next / 2 % NUMBERS);
		unsigned int set;

		if (granted(nr, at) || unfiltered(nr))
			continue;
		if (shared->next % 2)
			nr |= X32;
		for (set = 0; set < NR_BORROWED && !shared->through; set++)
			if (!stack_in_slot(nr, at, args[set]))
				borrow(at, nr, args[set], set);
	}
	pass_call(SYS_exit_group, 0, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long ack = R3_ACK_OK;
	int total;

	attack_init();
	beyond = argc > 1 && !strcmp(argv[1], "beyond");
	stay_on(0);
	args[2][1] = (unsigned long)&ack;
	stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sites = stub_calls(site, MAX_SITES);
	if (stack == MAP_FAILED || !sites)
		cannot("there is no stub");

	make_code32();

	for (shared->next = 0; shared->next < (int)NUMBERS && !shared->through; shared->next++)
		if (in_child(own_calls, 0, PATIENCE_MS))
			through("call %#lx from the attacker's code ended its process", number(shared->next));
	total = sites * NUMBERS * 2;
	for (shared->next = 0; shared->next < total && !shared->through; shared->next++)
		if (in_child(borrowed_calls, 0, PATIENCE_MS))
			through("call %#lx from the stub's %#lx ended its process",
				number(shared->next / 2 % NUMBERS), site[shared->next / (NUMBERS * 2)]);
	for (shared->next = 0; shared->next < (int)(sites * NR_WRONG) && !shared->through; shared->next++)
		if (in_child(wrong_calls, 0, PATIENCE_MS))
			through("call %#lx with other arguments from the stub's %#lx ended its process",
				wrong[shared->next % NR_WRONG].nr, site[shared->next / NR_WRONG]);
	printf("%d numbers, %d instructions of the stub, and one %s\n", (int)NUMBERS, sites,
	       shared->word[0] ? "rewritten" : "that could not be rewritten here");
	return attack_end();
}
