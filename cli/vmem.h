/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a running guest's kernel, from outside: by /proc/PID/mem of its
 * monitor, so with the right to trace that process, and without its doing anything.
 * What is read was written by the guest: lengths and addresses in it are checked here.
 */
#ifndef R3_VMEM_H
#define R3_VMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ring3/outside.h>

#include "base/err.h"

#define VMEM_NONE	(~0ULL)

struct vmem {
	pid_t monitor;
	int fd;
	uint64_t ram;		/* bytes */
	unsigned int cpus;
	bool tsc;		/* the guest's clock is the TSC */
	uint64_t pgd;		/* gpa of the kernel's page table, VMEM_NONE if it is not known */
	uint64_t user_pgd;	/* of the user addresses that are read; VMEM_NONE: none */
	uint64_t current_task;	/* per-CPU address; 0: not known */
	struct r3_outside at;	/* version 0: not known */
};

/* The memfd that is the guest's RAM, read-only: what it never touched is a hole. A descriptor. */
int vmem_ram(const struct vmem *m, struct r3_err *err);

int vmem_open(struct vmem *m, pid_t monitor, const char *name, struct r3_err *err);
void vmem_close(struct vmem *m);

/* What symbols tell: the addresses of swapper_pg_dir, r3_current_task and r3_outside, or 0. */
void vmem_symbols(struct vmem *m, uint64_t pgd, uint64_t current_task, uint64_t outside);

/* The task that is on the CPU with this per-CPU base; 0: not known. */
uint64_t vmem_task(const struct vmem *m, uint64_t gs_base);
/* Its name and number; false if they are not known. */
bool vmem_task_name(const struct vmem *m, uint64_t task, char comm[16], int *pid);
/* User addresses are those of this task's address space from now on. */
void vmem_set_user(struct vmem *m, uint64_t task);

/* Kernel addresses, and user addresses of vmem_set_user(). 0, or -EFAULT if some of it is not there. Writes reach read-only memory, too. */
int vmem_read(const struct vmem *m, uint64_t addr, void *buf, size_t len);
int vmem_write(const struct vmem *m, uint64_t addr, const void *buf, size_t len);
int vmem_read_gpa(const struct vmem *m, uint64_t gpa, void *buf, size_t len);

/* The guest physical address behind a kernel address; VMEM_NONE if there is none. */
uint64_t vmem_gpa(const struct vmem *m, uint64_t addr);

/*
 * Calls @run for the pieces of the guest kernel's page table from @from to @to that
 * are mapped, as long as they go on in both kinds of address. At most @max pieces.
 */
int vmem_each(const struct vmem *m, uint64_t from, uint64_t to,
	      int (*run)(void *ctx, uint64_t addr, uint64_t gpa, uint64_t len), void *ctx, unsigned int max);

#endif
