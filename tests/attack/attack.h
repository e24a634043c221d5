/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the attacks share. Each is a program that runs as guest user code and
 * tries to get through a wall; it knows where the stub is and how it works.
 *
 * Exit status: 0 all tries failed, 1 one got through (and is named on stdout),
 * 2 the attack could not be made. Tries that may end their process run in a
 * child of their own.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <ucontext.h>

#include <ring3/boot.h>
#include <ring3/layout.h>
#include <ring3/space.h>

#define PAGE 4096UL

/* Above what getrandom or a file would give by chance; the witness holds it. */
#define SECRET "ring3-witness-secret-3b1c"

/* Nothing of the guest is ever mapped here: what appears is the host's doing. */
#define NOWHERE 0x123400000000UL

/* What the tries of one program have in common; shared with children. */
struct shared {
	int through;			/* tries that got through */
	int next;			/* where the next child goes on */
	unsigned long word[8];
	char why[256];
};
extern struct shared *shared;

void attack_init(void);
int attack_end(void);
void cannot(const char *what) __attribute__((noreturn));
void through(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- tries ---- */

/* Runs fn(arg) in a child that is ended after ms milliseconds; its wait status.
 * fn returns an exit status. */
int in_child(int (*fn)(long), long arg, unsigned int ms);

/* Any signal of the process leads back to the last TRY(), which then is true;
 * CAUGHT says what it was. */
#define TRY() (_setjmp(*(jmp_buf *)try_from) == 0)
extern __thread jmp_buf try_from;
extern __thread volatile sig_atomic_t trying;
struct caught {
	int sig, code;
	unsigned long addr, ip, ax;
};
extern __thread volatile struct caught caught;
void catch_signals(void);
/* For what may lose the thread pointer: signals bring back that of now. */
void keep_fs(void);

bool readable(unsigned long addr);
bool writable(unsigned long addr);

/* All general registers at once, and a jump. */
struct regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, bp, bx, dx, cx, ax, si, di;
	uint64_t ip, cs, flags, sp, ss;
};
#define FLAGS_STEP 0x302		/* IF, TF */
#define FLAGS_RUN 0x202
void enter(const struct regs *regs) __attribute__((noreturn));

/* ---- the stub ---- */

/* Length of what is executable at R3_STUB_BASE. */
unsigned long stub_length(void);
/* Addresses of the syscall instructions in it, at most max. */
int stub_calls(unsigned long *at, int max);
/* The first place of a byte string in the stub, or 0. */
unsigned long stub_find(const void *bytes, unsigned long len);
unsigned long stub_signal(void);	/* where signals of guest threads go */
unsigned long stub_sigreturn(void);	/* movl $15, %eax; syscall */
unsigned long stub_wait(void);		/* where a thread waits that has posted an event */

/* The guest's physical address of one of our pages that was mapped lately, as
 * the command page tells, or 0. For the slot only in a fresh space: who looks
 * for that leaves none that was used to the next, by being stopped. */
unsigned long physical(unsigned long addr);
void be_stopped(void);

/* This thread stays on one vCPU; returns its slot's address. */
unsigned long stay_on(int cpu);
int cpus(void);

/* What the host makes of a stopped thread: the fields that matter of a frame. */
struct frame {
	unsigned long uc_flags;
	void *link;
	stack_t stack;
	uint64_t g[23];			/* REG_R8 ... REG_CR2, as in <sys/ucontext.h> */
	uint64_t fpstate;
	uint64_t reserved[8];
	uint64_t mask;
};

/* A guest-seccomp filter under which each call that reaches the guest's kernel
 * fails with SEEN, unless its sixth argument is PASS: what has another result
 * was made by the host. */
#define SEEN 777
#define PASS 0x7a55c0deUL
void watch_calls(void);
long pass_call(long nr, long a, long b, long c);

/* Is a page no longer full of ones? */
bool page_changed(const char *page);

#endif
