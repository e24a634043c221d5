// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaves its space to others. A space may serve another process when its own
 * has ended, so children end in all states that they can bring their thread
 * into: parked in the stub or running on, with flags, segments, signal mask and
 * signal stack of their choice. Who comes after them must start clean, run
 * right, and find nothing of them.
 */
#include "attack.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SI_ADDR 16
#define SI_ARCH 28

#define HEIRS 5				/* more than are kept for a vCPU: each of those serves */
#define HEIR_MS 8000
#define LEFT 42				/* exit status of an event that is believed */

/* Never as it is in the memory of who only looks for it. */
#define MASK 0xa5a5a5a5a5a5a5a5UL
static volatile unsigned long masked_secret = 0x5ec2e75ab1e5a110 ^ MASK;
static volatile unsigned long masked_place = 0x2b7d5a3c1000 ^ MASK;

static unsigned long slot;
static char *area, *stack, *code32;

static volatile struct r3_slot *header(void)
{
	return (void *)slot;
}

static struct r3_cmd_page *commands(void)
{
	return (void *)R3_STUB_CMD;
}

/* ---- what a thread is made of ---- */

enum { AX, BX, CX, DX, SI, DI, BP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS };
struct state {
	uint64_t g[16];
	uint64_t sel[4];		/* DS, ES, FS, GS */
	uint64_t pad[4];
	unsigned char x[3904];		/* XSAVE: x87 to AVX-512, without MPX */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct state, x) == 192, "assembly below");

static struct state before, after;
struct state born;			/* at the first instruction after exec */
int vector_level;			/* 1: AVX, 2: AVX-512 */

#define PATTERN(n) (0x1122334455667700UL + (n))
#define FLAGS_PATTERN 0xad7UL		/* all of arithmetic */

/*
 * fork() between two looks at all registers: those of vectors are in before,
 * those of the result in after.
 */
int fork_and_look(struct state *before, struct state *after);
void fill_vectors(unsigned long word);

__asm__(".text\n"
	".globl fork_and_look\n"
	"fork_and_look:\n"
	"	pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
	"	pushfq; pushq %rsi; pushq %rdi\n"
	"	movabsq $0x0f1e2d3c4b5a6978, %rdi\n"
	"	call fill_vectors\n"
	"	movq (%rsp), %rdi\n"
	"	movl $0xe7, %eax; xorl %edx, %edx; xsave64 192(%rdi)\n"
	"	movabsq $0x1122334455667700, %rax\n"
	"	leaq 1(%rax), %rbx; leaq 3(%rax), %rdx; leaq 4(%rax), %rsi; leaq 5(%rax), %rdi\n"
	"	leaq 6(%rax), %rbp; leaq 7(%rax), %r8; leaq 8(%rax), %r9; leaq 9(%rax), %r10\n"
	"	leaq 11(%rax), %r12; leaq 12(%rax), %r13; leaq 13(%rax), %r14; leaq 14(%rax), %r15\n"
	"	pushq $0xad7; popfq\n"
	"	movl $57, %eax\n"
	"	syscall\n"
	"	pushfq\n"
	"	pushq %r15; pushq %r14; pushq %r13; pushq %r12; pushq %r11; pushq %r10; pushq %r9; pushq %r8\n"
	"	pushq %rbp; pushq %rdi; pushq %rsi; pushq %rdx; pushq %rcx; pushq %rbx; pushq %rax\n"
	"	cld\n"
	"	movq %rsp, %rsi\n"
	"	movq 136(%rsp), %rdi\n"
	"	movl $16, %ecx\n"
	"	rep movsq\n"
	"	movl %ds, %eax; movq %rax, (%rdi)\n"
	"	movl %es, %eax; movq %rax, 8(%rdi)\n"
	"	movl %fs, %eax; movq %rax, 16(%rdi)\n"
	"	movl %gs, %eax; movq %rax, 24(%rdi)\n"
	"	movl $0xe7, %eax; xorl %edx, %edx; xsave64 64(%rdi)\n"
	"	popq %rax\n"
	"	addq $128, %rsp\n"
	"	popq %rsi; popfq\n"
	"	popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
	"	ret\n"

	/* The program's first instruction: see meson.build. */
	".globl heir_start\n"
	"heir_start:\n"
	"	movq %rax, born(%rip); movq %rbx, born+8(%rip); movq %rcx, born+16(%rip); movq %rdx, born+24(%rip)\n"
	"	movq %rsi, born+32(%rip); movq %rdi, born+40(%rip); movq %rbp, born+48(%rip)\n"
	"	movq %r8, born+56(%rip); movq %r9, born+64(%rip); movq %r10, born+72(%rip); movq %r11, born+80(%rip)\n"
	"	movq %r12, born+88(%rip); movq %r13, born+96(%rip); movq %r14, born+104(%rip); movq %r15, born+112(%rip)\n"
	"	pushfq; popq born+120(%rip)\n"
	"	movl %ds, %eax; movq %rax, born+128(%rip)\n"
	"	movl %es, %eax; movq %rax, born+136(%rip)\n"
	"	movl %fs, %eax; movq %rax, born+144(%rip)\n"
	"	movl %gs, %eax; movq %rax, born+152(%rip)\n"
	"	movl $0xe7, %eax; xorl %edx, %edx; xsave64 born+192(%rip)\n"
	"	movq born(%rip), %rax; movq born+24(%rip), %rdx\n"
	"	jmp _start\n"

	/* Where no page with a pattern has to be. */
	".globl fill_vectors\n"
	"fill_vectors:\n"
	"	movq %rdi, %xmm0\n"
	"	punpcklqdq %xmm0, %xmm0\n"
	"	.irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movdqa %xmm0, %xmm\\n\n"
	"	.endr\n"
	"	cmpl $1, vector_level(%rip)\n"
	"	jb 1f\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vinsertf128 $1, %xmm0, %ymm\\n, %ymm\\n\n"
	"	.endr\n"
	"	cmpl $2, vector_level(%rip)\n"
	"	jb 1f\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	vpbroadcastq %rdi, %zmm\\n\n"
	"	.endr\n"
	"	.irp n, 1,2,3,4,5,6,7\n"
	"	kmovw %edi, %k\\n\n"
	"	.endr\n"
	"1:	ret\n"

	/* depart(regs, event, its value, selectors): the event is posted, and off it goes. */
	".globl depart\n"
	"depart:\n"
	"	movl %ecx, %ds; shrq $16, %rcx\n"
	"	movl %ecx, %es; shrq $16, %rcx\n"
	"	movl %ecx, %fs; shrq $16, %rcx\n"
	"	movl %ecx, %gs\n"
	"	movl %edx, (%rsi)\n"
	"	jmp enter\n");
void depart(const struct regs *r, volatile void *event, unsigned int value, unsigned long sel) __attribute__((noreturn));

static void look_at_cpu(void)
{
	unsigned int a, b, c, d, low, high;

	__cpuid(1, a, b, c, d);
	if (!(c & bit_OSXSAVE))
		cannot("no XSAVE");
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	if ((low & 6) == 6 && (c & bit_AVX))
		vector_level = 1;
	__cpuid_count(7, 0, a, b, c, d);
	if (vector_level && (low & 0xe6) == 0xe6 && (b & bit_AVX512F))
		vector_level = 2;
}

/* ---- who leaves ---- */

enum where { WAIT, ELSEWHERE, KEEP, SPIN, RESET, RUN, CODE32 };

#define ALL (~0UL)
struct way {
	const char *name;
	enum where where;
	unsigned long flags;		/* beside IF */
	unsigned long mask;		/* 0: as it was */
	unsigned long alt, alt_size;
	unsigned int alt_flags;
	unsigned int resume, event;	/* 0: 2 and 1 */
	unsigned long sel;
	unsigned int tid;
};

#define WRONG (0x2bUL | 0x33UL << 16 | 0x23UL << 32 | 0x7bUL << 48)
#define OTHER (0x29UL | 0x2aUL << 16 | 0x2bUL << 32 | 0x33UL << 48)
#define EVERYTHING .alt = PAGE, .alt_size = 1UL << 47
#define AT_HEAD .alt = R3_STUB_SLOTS, .alt_size = PAGE
#define AT_COMMANDS .alt = R3_STUB_CMD, .alt_size = PAGE
#define TF 0x100UL
#define DF 0x400UL
#define NT 0x4000UL
#define AC 0x40000UL
#define ID 0x200000UL

static const struct way ways[] = {
	{ "parked", WAIT },
	{ "parked, stepping", WAIT, .flags = TF },
	{ "parked with AC", WAIT, .flags = AC },
	{ "parked with NT, ID and DF", WAIT, .flags = NT | ID | DF },
	{ "parked, signals blocked", WAIT, .mask = ALL },
	{ "parked, signals blocked, stepping", WAIT, .flags = TF, .mask = ALL },
	{ "parked, its signal stack everything", WAIT, EVERYTHING },
	{ "parked, its signal stack over the slot's head", WAIT, AT_HEAD },
	{ "parked, its signal stack the command page", WAIT, AT_COMMANDS },
	{ "parked without a signal stack", WAIT, .alt = 0, .alt_size = 0, .alt_flags = 2 },
	{ "parked, its signal stack good once", WAIT, EVERYTHING, .alt_flags = 1U << 31 },
	{ "parked with other selectors", WAIT, .sel = WRONG },
	{ "parked with others yet", WAIT, .sel = OTHER },
	{ "parked with all of that", WAIT, .flags = AC | NT | ID | DF, .mask = ALL, EVERYTHING, .sel = WRONG },
	{ "parked, resume 1", WAIT, .resume = 1 },
	{ "parked, resume 3", WAIT, .resume = 3 },
	{ "parked, event 3", WAIT, .event = 3 },
	{ "parked under another number", WAIT, .tid = 1 },
	{ "parked at another word", ELSEWHERE },
	{ "in a loop of the stub's end", KEEP, .mask = ALL, EVERYTHING, .sel = WRONG },
	{ "in a loop before the sleep", SPIN, EVERYTHING, .sel = WRONG },
	{ "in a loop before the sleep, signals blocked", SPIN, .mask = ALL, EVERYTHING, .sel = WRONG },
	{ "reset by itself", RESET, .sel = WRONG },
	{ "running", RUN },
	{ "running, signals blocked", RUN, .mask = ALL, EVERYTHING },
	{ "running 32-bit code, signals blocked", CODE32, .mask = ALL, EVERYTHING, .sel = WRONG },
};
#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

/* The kernel thinks that it is no more. */
static void run_on(unsigned long secret)
{
	volatile unsigned long *word = (void *)(slot + R3_SLOT_RESET);
	unsigned int i;

	for (;;)
		for (i = 0; i < 64; i++) {
			word[i] = secret;
			((volatile unsigned long *)area)[i] = secret;
		}
}

static unsigned long place_of(enum where where)
{
	switch (where) {
	case WAIT:
	case ELSEWHERE:		/* movl $202, %eax; syscall; leaq -4(%rdi), %rsp */
		return stub_find("\xb8\xca\0\0\0\x0f\x05\x48\x8d\x67\xfc", 11) + 5;
	case KEEP:		/* leaq flags(%rbx), %rsp; popfq; movq ax(%rbx), %rax */
		return stub_find("\x48\x8d\xa3\x98\0\0\0\x9d\x48\x8b\x83\x80\0\0\0", 15);
	case SPIN:
		return stub_wait();
	case RESET:		/* leaq flags(%rbx), %rsp; popfq; xorl %eax, %eax */
		return stub_find("\x48\x8d\xa3\x98\0\0\0\x9d\x31\xc0", 10);
	case RUN:
		return (unsigned long)run_on;
	case CODE32:
		return (unsigned long)code32;
	}
	return 0;
}

/*
 * Says that this thread called exit_group, and is somewhere else then. All that
 * this touches is touched once before: a fault would be an event of its own.
 */
static int leave(long which)
{
	const struct way w = ways[which];
	unsigned long secret = masked_secret ^ MASK, place = masked_place ^ MASK, *p, size = commands()->stack_start;
	unsigned long at = place_of(w.where), parked = place_of(WAIT), keep = place_of(KEEP);
	struct regs r = { .ip = NOWHERE, .cs = 0x33, .ss = 0x2b, .flags = FLAGS_RUN, .sp = (unsigned long)stack };
	struct frame *f = (void *)area, *its;
	unsigned int unused;
	char *info;
	int i;

	/* For orders that tell something. */
	p = mmap((void *)place, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED)
		return 3;
	*p = 1;
	memset(area, 0, 2 * PAGE);
	memset(stack + 7 * PAGE, 0, PAGE);
	((void (*)(void))(code32 + 2))();
	keep_fs();
	trying = 1;
	if (TRY())
		depart(&r, &unused, 0, 0);
	trying = 0;
	fill_vectors(secret);
	its = (void *)header()->uc;
	info = (char *)header()->info;

	memcpy(f, its, sizeof(*f));
	for (i = REG_R8; i <= REG_RSP; i++)
		f->g[i] = secret;
	f->g[REG_RIP] = at;
	f->g[REG_RSP] = (unsigned long)stack + 8 * PAGE - 8;
	f->g[REG_RBX] = slot;
	f->g[REG_RAX] = SYS_futex;
	f->g[REG_RDI] = slot + (w.where == ELSEWHERE ? R3_SLOT_TID : R3_SLOT_RESUME);
	f->g[REG_RSI] = 0;
	f->g[REG_RDX] = w.resume ?: 2;
	f->g[REG_R10] = 0;
	f->g[REG_EFL] = FLAGS_RUN | w.flags;
	f->g[REG_CSGSFS] = 0x33 | 0x2bUL << 48;
	f->fpstate = 0;
	if (w.mask)
		f->mask = w.mask;
	if (w.alt || w.alt_flags)
		f->stack = (stack_t){ .ss_sp = (void *)w.alt, .ss_size = w.alt_size, .ss_flags = w.alt_flags };
	if (w.where == RUN)
		f->g[REG_RDI] = secret;
	if (w.where == SPIN) {
		f->g[REG_RSP] = slot;
		f->g[REG_RCX] = 0x7fffffff;
	}
	if (w.where == CODE32) {
		f->g[REG_CSGSFS] = 0x23 | 0x2bUL << 48;
		f->g[REG_RSP] = (unsigned long)code32 + PAGE;
	}
	r.ip = stub_sigreturn();
	r.sp = (unsigned long)f;

	/* What it leaves in its slot: below the frames that the host writes. */
	for (p = (void *)(slot + R3_SLOT_FP); (unsigned long)p < slot + size; p++)
		*p = secret;
	if (w.where == RESET) {
		memcpy((void *)(slot + R3_SLOT_RESET), f, sizeof(*f));
		((struct frame *)(slot + R3_SLOT_RESET))->g[REG_RIP] = parked;
	}
	header()->flags = FLAGS_RUN;
	header()->cx = keep;
	header()->bx = slot;
	header()->ip = header()->r15 = secret;
	header()->spins = 0x7fffffff;
	its->fpstate = slot + R3_SLOT_FP;	/* none if a handler was the last that ran */
	its->g[REG_RAX] = SYS_exit_group;
	its->g[REG_RDI] = LEFT;
	*(unsigned long *)(info + SI_ADDR) = (unsigned long)leave;
	*(int *)(info + SI_ARCH) = AUDIT_ARCH_X86_64;
	if (w.where == ELSEWHERE || w.tid)
		header()->tid = w.tid ?: 2;
	header()->sig = SIGSYS;
	header()->resume = w.resume ?: 2;
	depart(&r, &header()->event, w.event ?: 1, w.sel);
}

/* One that does not play tricks, but knows a secret. */
static int leave_well(long unused)
{
	fill_vectors(masked_secret ^ MASK);
	pass_call(SYS_exit_group, LEFT, masked_secret ^ MASK, masked_place ^ MASK);
	return 0;
}

/* ---- who comes after ---- */

enum kind { FORK, EXEC, KICK, NR_KINDS };
static const char *const kinds[] = { "a forked process", "a program", "a process that is preempted" };

/* Exit statuses of an heir, and what is said of it. */
enum { GOOD, REGISTER, FLAG, SELECTOR, VECTOR, IN_SLOT, IN_COMMANDS, RESULT, SIGNAL, PREEMPTED, USED = 64 };
static const char *const wrong[] = {
	[REGISTER] = "had wrong registers",
	[FLAG] = "had wrong flags",
	[SELECTOR] = "had wrong segments",
	[VECTOR] = "had wrong vector registers",
	[IN_SLOT] = "found a secret in its slot",
	[IN_COMMANDS] = "found a secret in its command page",
	[RESULT] = "had a wrong result",
	[SIGNAL] = "had a signal go wrong",
	[PREEMPTED] = "had a wrong register when it had been preempted",
};

static bool has(const volatile void *where, unsigned long len, unsigned long masked)
{
	const volatile unsigned long *p = where;

	for (; len >= 8; len -= 8)
		if ((*p++ ^ MASK) == masked)
			return true;
	return false;
}

static int remnants(void)
{
	if (has((void *)(slot + R3_SLOT_YIELD_REQUEST), commands()->stack_size - R3_SLOT_YIELD_REQUEST, masked_secret))
		return IN_SLOT;
	if (has(commands(), PAGE, masked_place) || has(commands(), PAGE, masked_secret))
		return IN_COMMANDS;
	return GOOD;
}

/* XSAVE leaves out what is in its initial state: for x87, all but that is 0. */
static bool same_vectors(const unsigned char *a, const unsigned char *b)
{
	return !memcmp(a + 24, b + 24, 4) && !memcmp(a + 32, b + 32, 416 - 32) &&
	       !memcmp(a + 576, b + 576, sizeof(before.x) - 576);
}

static int selectors(const struct state *s)
{
	return s->sel[0] != R3_SLOT_DS(0) || s->sel[1] || s->sel[2] || s->sel[3] ? SELECTOR : GOOD;
}

static int after_fork(void)
{
	int i;

	for (i = BX; i <= R15; i++)
		if (i != CX && i != R11 && after.g[i] != PATTERN(i))
			return REGISTER;
	if (has(after.g, sizeof(after.g), masked_secret))
		return REGISTER;
	if (after.g[FLAGS] != FLAGS_PATTERN)
		return FLAG;
	if (!same_vectors(before.x, after.x))
		return VECTOR;
	return selectors(&after);
}

static int after_exec(void)
{
	static const unsigned char none[sizeof(born.x)];
	int i;

	for (i = AX; i <= R15; i++)
		if (born.g[i])
			return REGISTER;
	if (born.g[FLAGS] != FLAGS_RUN)
		return FLAG;
	if (*(unsigned int *)(born.x + 24) != 0x1f80)
		return VECTOR;
	*(unsigned int *)(born.x + 24) = 0;
	return same_vectors(born.x, none) ? selectors(&born) : VECTOR;
}

/* What any process does, and knows the outcome of. */
static int work(long parent)
{
	unsigned long *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile unsigned long sum = 0;
	unsigned long i, word = 0;
	int fd[2];

	if (p == MAP_FAILED || getppid() != parent)
		return RESULT;
	for (i = 0; i < 8 * PAGE / 8; i++) {
		if (p[i])
			return RESULT;
		p[i] = i;
	}
	for (i = 0; i < 8 * PAGE / 8; i++)
		sum += p[i];
	if (sum != 4095 * 4096 / 2 || pipe(fd) || write(fd[1], p + 77, 8) != 8 || read(fd[0], &word, 8) != 8 || word != 77)
		return RESULT;
	for (i = 0; i < 20; i++)
		if (getppid() != parent)
			return RESULT;
	return readable(NOWHERE) || caught.sig != SIGSEGV || caught.addr != NOWHERE ? SIGNAL : GOOD;
}

static char alarm_stack[32768];
static volatile int rang;

static void ring(int sig)
{
	char here;

	rang = &here > alarm_stack && &here < alarm_stack + sizeof(alarm_stack) ? 1 : 2;
}

/* It makes no call and has no fault: it is the kernel that stops it. */
static int preempted(void)
{
	struct itimerval t = { { 0, 0 }, { 0, 3000 } };
	struct sigaction act = { .sa_handler = ring, .sa_flags = SA_ONSTACK };
	stack_t alt = { .ss_sp = alarm_stack, .ss_size = sizeof(alarm_stack) };
	unsigned long want[2] = { 0x77777, 0x88888 }, got[2], r;
	unsigned int i;

	memset(alarm_stack, 0, sizeof(alarm_stack));
	for (i = 0; i < 2; i++) {
		rang = 0;
		if (sigaltstack(&alt, NULL) || sigaction(SIGALRM, &act, NULL) || setitimer(ITIMER_REAL, &t, NULL))
			return RESULT;
		__asm__ volatile("movups (%2), %%xmm11\n\t"
				 "movl $0x1234567, %%r14d\n"
				 "1:	cmpl $0, %3\n\t"
				 "je 1b\n\t"
				 "movups %%xmm11, (%1)\n\t"
				 "movq %%r14, %0"
				 : "=&r"(r) : "r"(got), "r"(want), "m"(rang) : "r14", "xmm11", "memory");
		if (r != 0x1234567 || memcmp(got, want, sizeof(want)))
			return PREEMPTED;
		if (rang != 1)
			return SIGNAL;
	}
	return GOOD;
}

static int used(void)
{
	/* Its thread was made for somebody else. */
	return header()->tid ? 0 : USED;
}

/* argv of a program that is an heir: its parent */
static int program(long parent)
{
	int ret = remnants();

	ret = ret ?: after_exec() ?: work(parent);
	return ret ?: used();
}

static char *self;

static int heir(enum kind kind, long parent)
{
	char number[16];
	char *argv[] = { self, "heir", number, NULL };
	int ret = after_fork();

	if (ret)
		return ret;
	ret = remnants();
	if (ret)
		return ret;
	if (kind == EXEC) {
		snprintf(number, sizeof(number), "%ld", parent);
		execv(self, argv);
		return RESULT;
	}
	ret = work(parent);
	if (!ret && kind == KICK)
		ret = preempted();
	return ret ?: used();
}

static void nothing(int sig)
{
}

/* Returns whether its space had served before. */
static bool one_heir(enum kind kind, const char *who)
{
	struct itimerval t = { .it_value = { HEIR_MS / 1000, 0 } }, off = { };
	struct sigaction watch = { .sa_handler = nothing };	/* no SA_RESTART */
	int pid, status, parent = getpid();

	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	fflush(stdout);
	pid = fork_and_look(&before, &after);
	if (!pid)
		_exit(heir(kind, parent));
	if (pid < 0)
		cannot("fork");
	sigaction(SIGALRM, &watch, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	while (waitpid(pid, &status, 0) != pid)
		kill(pid, SIGKILL);
	setitimer(ITIMER_REAL, &off, NULL);
	if (WIFEXITED(status) && !(WEXITSTATUS(status) & ~USED))
		return WEXITSTATUS(status);
	if (WIFEXITED(status) && WEXITSTATUS(status) <= PREEMPTED)
		through("%s after one that was %s %s", kinds[kind], who, wrong[WEXITSTATUS(status)]);
	else
		through("%s after one that was %s was ended (status %#x)", kinds[kind], who, status);
	return false;
}

int main(int argc, char **argv)
{
	int i, kind, round, n, believed = 0, leavers = 0, heirs = 0, had = 0, rounds = argc > 1 ? atoi(argv[1]) : 1;

	slot = stay_on(0);
	self = argv[0];
	if (argc > 2 && !strcmp(argv[1], "heir")) {
		catch_signals();
		return program(atol(argv[2]));
	}
	attack_init();
	look_at_cpu();
	area = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	code32 = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (area == MAP_FAILED || stack == MAP_FAILED || code32 == MAP_FAILED || !stub_sigreturn())
		cannot("no memory, or no stub");
	for (i = WAIT; i <= RESET; i++)
		if (place_of(i) < R3_STUB_BASE + 16)
			cannot("a place in the stub is not found");
	memcpy(code32, "\xeb\xfe\xc3", 3);	/* jmp .; ret */

	for (round = 0; round < rounds; round++)
		for (i = -1; i < WAYS; i++)
			for (kind = 0; kind < NR_KINDS && !shared->through; kind++) {
				int status = i < 0 ? in_child(leave_well, 0, 500) : in_child(leave, i, 500);

				leavers++;
				if (WIFEXITED(status) && WEXITSTATUS(status) == LEFT)
					believed++;
				else
					printf("one that was to be %s ended with %#x\n", i < 0 ? "good" : ways[i].name, status);
				for (n = 0; n < HEIRS && !shared->through; n++, heirs++)
					had += one_heir(kind, i < 0 ? "good" : ways[i].name);
			}
	printf("%d processes left, %d as they wanted; %d came after, %d of them into a used space\n",
	       leavers, believed, heirs, had);
	if (!shared->through && (believed < leavers / 2 || !had))
		cannot("no event is believed, or no space serves again");
	return attack_end();
}
