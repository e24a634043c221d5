/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints and watchpoints in a guest's kernel. Software breakpoints are written
 * through the direct map, as the kernel's text is mapped so that not even a debugger
 * can write it.
 */
#ifndef R3_BREAKS_H
#define R3_BREAKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "vmem.h"

#define BREAKS_SOFT	256
#define BREAKS_HARD	4

enum break_kind {		/* as in the remote protocol's Z packets */
	BREAK_SOFT = 0,
	BREAK_HARD = 1,
	BREAK_WRITE = 2,
	BREAK_READ = 3,
	BREAK_ACCESS = 4,
};

struct soft_break {
	uint64_t addr;		/* 0: free */
	uint8_t before;
};

struct hard_break {
	bool used;
	enum break_kind kind;
	uint64_t addr;
	unsigned int len;
};

struct breaks {
	const struct vmem *mem;
	struct soft_break soft[BREAKS_SOFT];
	struct hard_break hard[BREAKS_HARD];
	bool hard_changed;
};

/* Takes all out of memory. */
void breaks_remove(struct breaks *b);

/* 0, or -EFAULT, -ENOSPC, -EINVAL, -ENOENT. */
int breaks_set(struct breaks *b, enum break_kind kind, uint64_t addr, unsigned int len);
int breaks_clear(struct breaks *b, enum break_kind kind, uint64_t addr, unsigned int len);

bool breaks_soft_at(const struct breaks *b, uint64_t addr);
/* Memory as it would be without them. */
void breaks_hide(const struct breaks *b, uint64_t addr, uint8_t *buf, size_t len);
/* What was written over one of them stays when it is taken out. */
void breaks_written(struct breaks *b, uint64_t addr, const uint8_t *buf, size_t len);

/* A stopped thread's debug registers. */
void breaks_load(const struct breaks *b, pid_t tid);
/* Which hard one it has hit, if it has. */
const struct hard_break *breaks_hit(const struct breaks *b, pid_t tid);

#endif
