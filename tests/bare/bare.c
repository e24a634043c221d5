// SPDX-License-Identifier: GPL-2.0-or-later
/* Entry, host system calls, memory, interrupts and time of a bare guest. */
#include "bare.h"

#include <asm/unistd.h>
#include <linux/futex.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

#define STR_(x)		#x
#define STR(x)		STR_(x)
#define STACK_SIZE	(64 * 1024)

extern char bare_end[];

struct r3_boot *bare_boot;
unsigned int bare_irqs;

static uint64_t next_free;
static uint32_t idle_word;
static struct {
	void (*fn)(void *arg);
	void *arg;
} secondary[R3_MAX_CPUS];

/* Used by the assembly below. */
void bare_start(struct r3_boot *boot);
void bare_start_secondary(struct r3_boot *boot, unsigned int cpu);
void bare_signal(int sig, siginfo_t *si, void *uc);
void bare_try_out(void);
uint64_t bare_try_sp;

__asm__(".pushsection .header, \"a\"\n"
	".globl bare_header\n"
	"bare_header:\n\t"
	".long " STR(R3_BOOT_MAGIC) ", " STR(R3_ABI_VERSION) "\n\t"
	".quad bare_start, bare_start_secondary, bare_signal, bare_end - bare_header, 0, 0\n\t"
	".popsection\n"
	/* Callee-saved registers and the stack are what a fault goes back to. */
	".globl bare_try\n"
	"bare_try:\n\t"
	"push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
	"sub $8, %rsp\n\t"
	"mov %rsp, bare_try_sp(%rip)\n\t"
	"mov %rdi, %rax\n\tmov %rsi, %rdi\n\t"
	"call *%rax\n\t"
	"xor %eax, %eax\n"
	".globl bare_try_out\n"
	"bare_try_out:\n\t"
	"movq $0, bare_try_sp(%rip)\n\t"
	"add $8, %rsp\n\t"
	"pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\t"
	"ret\n");

long bare_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a" (ret)
			 : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8), "r" (r9)
			 : "rcx", "r11", "memory");
	return ret;
}

void bare_exit(unsigned int reason)
{
	uint64_t one = 1;

	bare_write(bare_boot->exit_reason, reason);
	bare_call3(__NR_write, bare_boot->exit_fd, &one, sizeof(one));
	for (;;)
		bare_call6(__NR_futex, &idle_word, FUTEX_WAIT, 0, 0, 0, 0);
}

void bare_start(struct r3_boot *boot)
{
	bare_boot = boot;
	next_free = ((uint64_t)bare_end - R3_IMAGE_BASE + R3_IMAGE_GPA + 0xfffff) & ~0xfffffULL;
	bare_main();
	bare_exit(R3_EXIT_POWEROFF);
}

void bare_start_secondary(struct r3_boot *boot, unsigned int cpu)
{
	secondary[cpu].fn(secondary[cpu].arg);
	for (;;)
		bare_call6(__NR_futex, &idle_word, FUTEX_WAIT, 0, 0, 0, 0);
}

void bare_cpu_start(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	struct r3_vcpu *vcpu = &bare_boot->vcpu[cpu];
	char *stack = bare_alloc(STACK_SIZE, 4096);

	secondary[cpu].fn = fn;
	secondary[cpu].arg = arg;
	vcpu->stack = (uint64_t)(stack + STACK_SIZE - 8);
	bare_write(vcpu->start, 1);
	bare_call6(__NR_futex, &vcpu->start, FUTEX_WAKE, 1, 0, 0, 0);
}

void bare_signal(int sig, siginfo_t *si, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	if (sig == R3_SIG_IRQ || sig == R3_SIG_TIMER) {
		unsigned int i;

		for (i = 0; i < bare_boot->nr_cpus; i++)
			__atomic_exchange_n(&bare_boot->vcpu[i].pending, 0, __ATOMIC_SEQ_CST);
		__atomic_exchange_n(&bare_boot->dev_pending, 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&bare_irqs, 1, __ATOMIC_SEQ_CST);
		return;
	}
	if (!bare_try_sp) {
		bare_printf("Bail out! signal %d at %lx, address %lx\n", sig,
			    (unsigned long)regs[REG_RIP], (unsigned long)si->si_addr);
		bare_exit(R3_EXIT_PANIC);
	}
	regs[REG_RIP] = (greg_t)bare_try_out;
	regs[REG_RSP] = bare_try_sp;
	regs[REG_RAX] = sig;
}

void *bare_alloc(size_t len, size_t align)
{
	uint64_t gpa = (next_free + align - 1) / align * align;
	void *p = bare_ptr(gpa);

	if (gpa + len > bare_boot->ram_size) {
		bare_printf("Bail out! no memory for %lu bytes\n", len);
		bare_exit(R3_EXIT_PANIC);
	}
	next_free = gpa + len;
	memset(p, 0, len);
	return p;
}

uint64_t bare_mark(void)
{
	return next_free;
}

void bare_release(uint64_t mark)
{
	next_free = mark;
}

uint64_t bare_gpa(const void *p)
{
	uint64_t a = (uint64_t)p;

	return a >= R3_IMAGE_BASE ? a - R3_IMAGE_BASE + R3_IMAGE_GPA : a - R3_DIRECT_BASE;
}

void *bare_ptr(uint64_t gpa)
{
	return (void *)(R3_DIRECT_BASE + gpa);
}

uint64_t bare_now_ms(void)
{
	struct timespec ts;
	uint32_t lo, hi;

	if (bare_boot->tsc_khz) {
		__asm__ volatile("rdtsc" : "=a" (lo), "=d" (hi));
		return ((uint64_t)hi << 32 | lo) / bare_boot->tsc_khz;
	}
	((int (*)(clockid_t, struct timespec *))bare_boot->host_vdso_gettime)(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void bare_wait_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	bare_call6(__NR_futex, &idle_word, FUTEX_WAIT, 0, &ts, 0, 0);
}
