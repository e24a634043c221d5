/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vCPUs of a guest, traced: threads of its monitor that stop and go on together,
 * or one alone for a step. The signals that are interrupts and faults of the guest's
 * kernel reach it as if nobody traced it.
 */
#ifndef R3_TRACEE_H
#define R3_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include <ring3/layout.h>

#include "base/err.h"
#include "breaks.h"
#include "hold.h"

struct vcpu_thread {
	pid_t tid;
	bool gone;
	bool running;
	bool step;		/* one instruction, then a stop */
	bool asked;		/* a stop that was asked for may still come */
	int signal;		/* to be delivered when it goes on; 0: none */
	uint32_t later;		/* signals that came in the middle of a step, one bit each */
};

enum stop_why {
	STOP_ASKED,		/* Ctrl-C, or the first */
	STOP_STEP,
	STOP_BREAK,		/* a software breakpoint */
	STOP_HARD,		/* a hardware breakpoint or a watchpoint */
	STOP_ENDED,		/* the monitor is gone */
	STOP_CLOSED,		/* who waits for it is gone */
};

struct stop {
	enum stop_why why;
	unsigned int cpu;
	struct hard_break hit;
};

struct tracee {
	struct vmem *mem;
	struct hold hold;
	struct breaks breaks;
	struct vcpu_thread t[R3_MAX_CPUS];
	unsigned int nr;
	bool held;
	int guard;		/* its end is the guard's cue */
	bool (*input)(void *ctx);	/* called when fd has something; true: stop them */
	void *ctx;
	int fd;
};

/* Attaches; all vCPUs are stopped then. NULL with err set if that cannot be. */
struct tracee *tracee_open(struct vmem *mem, const char *name, struct r3_err *err);
/* They go on as if nothing had been. */
void tracee_close(struct tracee *tr);

/* Lets those go on of which the step or go bit is set, and waits for the next stop. */
void tracee_run(struct tracee *tr, uint64_t step, uint64_t go, struct stop *stop);

bool tracee_alive(const struct tracee *tr, unsigned int cpu);
int tracee_get(const struct tracee *tr, unsigned int cpu, struct user_regs_struct *regs, struct user_fpregs_struct *fp);
int tracee_set(const struct tracee *tr, unsigned int cpu, const struct user_regs_struct *regs, const struct user_fpregs_struct *fp);

#endif
