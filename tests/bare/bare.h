/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bare guest: a freestanding program of ours in the place of the guest
 * kernel. It has what a taken-over kernel has: a vCPU thread of the monitor,
 * guest RAM, the boot block, the device pages, and host system calls as far as
 * they are let through.
 *
 * A program defines bare_main() and is built with bare_deps (meson.build). It
 * runs as
 *
 *	ring3 run --kernel PROGRAM --init /none --early-console --root DISK
 *
 * What it prints comes out on stderr, the console device is stdout, the exit
 * status is 0 after bare_exit(R3_EXIT_POWEROFF).
 */
#ifndef R3_TEST_BARE_H
#define R3_TEST_BARE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ring3/boot.h>

extern struct r3_boot *bare_boot;

/* By the program, on vCPU 0. When it returns, the guest powers off. */
void bare_main(void);

/* A host system call. Return: as the host has it, -errno included. */
long bare_call(long nr, long a, long b, long c, long d, long e, long f);
#define bare_call1(nr, a)		bare_call(nr, (long)(a), 0, 0, 0, 0, 0)
#define bare_call3(nr, a, b, c)		bare_call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define bare_call6(nr, a, b, c, d, e, f) \
	bare_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* On the early console. %s %c %d %u %x, each with l or not, and %%. */
void bare_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bare_vprintf(const char *fmt, va_list ap);

/* TAP on the early console; done prints the plan. */
bool bare_ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool bare_is(long got, long want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void bare_done(void);

/* Ends the guest: R3_EXIT_*. */
void bare_exit(unsigned int reason) __attribute__((noreturn));

/* Zeroed guest RAM behind the image. bare_mark and bare_release give it back. */
void *bare_alloc(size_t len, size_t align);
uint64_t bare_mark(void);
void bare_release(uint64_t mark);
/* Of RAM, by either of its mappings. */
uint64_t bare_gpa(const void *p);
void *bare_ptr(uint64_t gpa);

/* The command line's WORD=value; NULL if it has none. Valid until the next call. */
const char *bare_option(const char *word);

uint64_t bare_now_ms(void);
/* Gives the CPU away, for at most @ms or until an interrupt. */
void bare_wait_ms(unsigned int ms);
/* Random numbers that the seed=N of the command line makes the same again. */
uint32_t bare_random(uint32_t below);

/* Interrupts taken; whether and why are lost. */
extern unsigned int bare_irqs;

/**
 * bare_try() - call a function that may fault
 *
 * Return: 0, or the signal that ended it (SIGSEGV, SIGBUS, SIGILL, SIGFPE,
 * SIGTRAP). On vCPU 0 only. Without it a fault is printed and a panic.
 */
int bare_try(void (*fn)(void *arg), void *arg);

/* Starts vCPU @cpu at fn(arg). It sleeps for ever when that returns. */
void bare_cpu_start(unsigned int cpu, void (*fn)(void *arg), void *arg);

void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

#define bare_read(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define bare_write(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#endif
