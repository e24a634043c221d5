/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One small benchmark program, static, so that the same bytes run natively and
 * in every guest. A benchmark is a function that does n operations and says
 * how long they took; the driver (main.c) finds n and takes medians.
 */
#ifndef MICRO_H
#define MICRO_H

#include <stdint.h>

#define PAGE	4096UL

/**
 * struct bench - one row
 * @name: as in the table
 * @unit: "us" for microseconds an operation, "MB/s", or "x" for a plain ratio
 * @run: does @n operations. Returns the nanoseconds that they took; for "x",
 *       the ratio in millionths. 0 means that it cannot run here, or that its
 *       result was wrong; why is in micro_why. Results are checked in every run,
 *       outside the time taken where checking costs.
 * @bytes: an operation's bytes, for "MB/s"
 * @max_n: most operations of one call, 0 for any number
 */
struct bench {
	const char *name;
	const char *unit;
	uint64_t (*run)(uint64_t n);
	uint64_t bytes;
	uint64_t max_n;
};

extern const struct bench sys_benches[], proc_benches[], mem_benches[], ipc_benches[],
	net_benches[], cpu_benches[], long_benches[];

/* A directory to write files in; the name of a file there; why a run failed. */
extern const char *micro_dir;
extern char micro_why[160];

uint64_t micro_now(void);

/* Says why a benchmark cannot run, with errno's text. Returns 0. */
uint64_t micro_fail(const char *what);

/* Says that a benchmark ran but did not do what it should have. Returns 0. */
uint64_t micro_wrong(const char *what);

/* A file of len bytes in micro_dir, already unlinked. Returns it or -1. */
int micro_file(unsigned long len);

/* The calling thread and what it starts stay on the first CPU they may use;
 * micro_unpin() undoes it. */
void micro_pin(void);
void micro_unpin(void);

/* The series of growth.c, or only their small sizes. */
void growth(int small);

/* The program ends at once with this status when it is executed under this name. */
#define MICRO_NOTHING	"micro-nothing"
#define MICRO_STATUS	42

#endif
