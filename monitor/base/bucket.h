/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A token bucket that may be overdrawn once: what is taken is waited for afterwards. */
#ifndef R3_BUCKET_H
#define R3_BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct bucket {
	uint64_t rate;			/* tokens a second, 0: without bound */
	uint64_t burst;
	int64_t tokens;			/* in millionths */
	uint64_t last;			/* ns */
};

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline void bucket_set(struct bucket *b, uint64_t rate, uint64_t burst)
{
	b->rate = rate;
	b->burst = burst ? burst : 1;
	b->tokens = b->burst * 1000000;
	b->last = clock_ns();
}

/* Whether anything may be taken. */
static inline bool bucket_ready(struct bucket *b, uint64_t now)
{
	uint64_t past;

	if (!b->rate)
		return true;
	past = now - b->last;
	if (past > 1000000000)
		past = 1000000000;
	if (past >= 100000) {
		b->tokens += past / 1000 * b->rate;
		if (b->tokens > (int64_t)(b->burst * 1000000))
			b->tokens = b->burst * 1000000;
		b->last = now;
	}
	return b->tokens > 0;
}

static inline void bucket_take(struct bucket *b, uint64_t n)
{
	if (b->rate)
		b->tokens -= n * 1000000;
}

/* Milliseconds until something may be taken. */
static inline int bucket_wait(const struct bucket *b)
{
	if (!b->rate || b->tokens > 0)
		return 0;
	return -b->tokens / 1000 / b->rate + 1;
}

#endif
