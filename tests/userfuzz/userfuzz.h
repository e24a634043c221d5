/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of userfuzz share; userfuzz.c says what it is. */
#ifndef USERFUZZ_H
#define USERFUZZ_H

#include <signal.h>

#include "attack.h"
#include "board.h"

#define KIDS 6			/* processes of a round, at a time */

/* Every other round few processes do one thing with the vCPUs for themselves. */
enum { FOCUS_NONE, FOCUS_COPIES, FOCUS_MIDDLE, FOCUS_SIGNALS, FOCUS_PAGES, NR_FOCUS };

extern struct board *board;

/* ---- userfuzz.c ---- */

extern unsigned long rng, seed0, without;
unsigned long rnd(unsigned long n);
void finding(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- code.c ---- */

#define FILES 2
#define PAGES 4			/* of a file of code */
#define SITES 40		/* in each, of two forms */
#define FIRST 0x100
#define APART 32
#define DATA 0xd00
#define GOOD 0x600d0000U

struct function {
	unsigned int at, len, jump;
	const char *bytes;
};
extern const struct function functions[2];
extern const unsigned char *code[FILES];	/* what this process has mapped */

void make_page(unsigned char *p, int n);
void make_files(int round);
const unsigned char *map_code(int f, int flags);
long call_at(const unsigned char *site, long nr, long a, long b);
void look_at_code(const unsigned char *file, int n, const char *what);

/* ---- canaries.c ---- */

#define CANARY 0xca9a47UL	/* upper bits of what memory is filled with: whose it is */
#define REGIONS 8

struct region {
	unsigned long *p;
	unsigned long pages;
};
extern struct region regions[REGIONS];
extern unsigned int me;			/* whose canaries */

unsigned long canary(unsigned int who, unsigned long i);
void fill(struct region *r);
void look_at_region(struct region *r);
void new_region(struct region *r);
int vectors_spin(unsigned long v, long turns);
void look_at_vectors(void);

/* ---- files.c, masks.c, trace.c ---- */

void make_data(int round);
void use_file(void);
void use_masks(void);
void trace(void);

/* ---- signals.c ---- */

extern char *signal_file;		/* the stack's */

void on_alarm(int sig, siginfo_t *si, void *context);
void cold_stack(void);
void take_signals(void);

/* ---- actions.c ---- */

void *in_page(void *arg);
long right_answer(int n);
void use_pipe(void);
void step(void);

/* ---- hostile.c, focus.c: index is that of the process in its round ---- */

void hostile_step(void);
void focus_copies(int index);
void focus_middle(int index);
void focus_signals(int index);
void focus_pages(int index);

/* ---- processes.c ---- */

extern int hostile, kid_index;		/* those of witnesses follow */

void kid(unsigned long seed, unsigned int uid);
int start(void (*fn)(unsigned long, unsigned int), unsigned long seed, unsigned int uid);
int start_witness(int index, unsigned long seed, unsigned int uid);
int start_libc(int index, const char *program, unsigned int uid);

#endif
