/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small helpers of the host side. */
#ifndef R3_UTIL_H
#define R3_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define min_t(type, a, b) ({ \
	type min_a = (a), min_b = (b); \
	min_a < min_b ? min_a : min_b; })

/* Freed, or closed, when the variable goes out of scope. */
#define cleanup_free	__attribute__((cleanup(util_free)))
#define cleanup_close	__attribute__((cleanup(util_close)))
#define cleanup_fclose	__attribute__((cleanup(util_fclose)))

static inline void util_free(void *p)
{
	free(*(void **)p);
}

static inline void util_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void util_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Takes the value out of a cleanup variable, which keeps nothing to clean. */
static inline int util_take_fd(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

#define util_take_ptr(p) ({ __typeof__(*(p)) take_p = *(p); *(p) = NULL; take_p; })

/* Memory that a guest may change at any time: one load, one store. */
#define read_once(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define write_once(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define load_acquire(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define store_release(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define atomic_or(x, v)		__atomic_fetch_or(&(x), (v), __ATOMIC_SEQ_CST)
#define atomic_and(x, v)	__atomic_fetch_and(&(x), (v), __ATOMIC_SEQ_CST)
#define atomic_xchg(x, v)	__atomic_exchange_n(&(x), (v), __ATOMIC_SEQ_CST)

/**
 * read_full() - read until @len bytes or end of file, whatever interrupts it
 *
 * Return: bytes read, less than @len only at end of file; or -errno.
 */
ssize_t read_full(int fd, void *buf, size_t len);

/* Return: 0 when all is written, or -errno. */
int write_full(int fd, const void *buf, size_t len);

/* Closes the descriptors from @first to @last, both included, if there are any. */
void util_close_range(int first, int last);

/*
 * Nobody passes descriptors by this UNIX socket any more, on hosts since Linux 6.16. What is not asked for
 * is closed by the host in the receiving call, and that may take for ever: TCP connections with SO_LINGER.
 */
void util_no_descriptors(int socket);

/**
 * parse_size() - a size as people write it
 * @s: digits and at most one of K, M, G, T (powers of 1024, either case),
 *	optionally followed by B or iB
 *
 * Return: 0 with @size in bytes, -EINVAL if it is not a size, -ERANGE if it
 * does not fit.
 */
int parse_size(const char *s, uint64_t *size);

/* Return: a close-on-exec eventfd at 0, or -errno. */
int event_create(void);
/* Adds 1. Never blocks for long: only full counters do, and nobody fills them. */
void event_post(int fd);
/* Takes the count, waiting while it is 0 if the descriptor blocks. */
void event_take(int fd);

/**
 * sched_short_slices() - have this thread, and what it creates, scheduled often
 *
 * Guest code changes threads all the time. With the host's usual time slice,
 * each change would give up milliseconds to whoever else wants the CPU, and
 * a wake-up would wait as long. Hosts before 6.12 have no such setting.
 */
void sched_short_slices(void);

#endif
