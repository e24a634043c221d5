// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When what happened. Guest and host share the TSC, so the guest's readings
 * say when its first instruction ran on the host's clock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "machine.h"

uint64_t timing_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void timing_start(struct machine *m)
{
	m->host_start_ns = timing_now();
	m->host_start_tsc = __rdtsc();
}

static int64_t from_tsc(const struct machine *m, uint64_t tsc)
{
	double ns = timing_now() - m->host_start_ns;
	double ticks = __rdtsc() - m->host_start_tsc;

	if (!tsc || ticks <= 0)
		return -1;
	return (double)(int64_t)(tsc - m->host_start_tsc) * ns / ticks;
}

static int64_t since(const struct machine *m, uint64_t ns)
{
	return ns ? (int64_t)(ns - m->host_start_ns) : -1;
}

void timing_write(const struct machine *m)
{
	FILE *f;

	if (!m->opt->timing)
		return;
	f = fopen(m->opt->timing, "we");
	if (!f) {
		term_message("cannot write --timing %s: %s", m->opt->timing, strerror(errno));
		return;
	}
	fprintf(f, "{\"start_monotonic_ns\": %" PRIu64 ", \"init_ns\": %" PRId64 ", \"ready_ns\": %" PRId64
		", \"command_ns\": %" PRId64 ", \"exit_ns\": %" PRId64 ", \"end_ns\": %" PRId64
		", \"guest_init_ns\": %" PRIu64 ", \"guest_ready_ns\": %" PRIu64 "}\n",
		m->host_start_ns, from_tsc(m, m->hello.start_tsc), from_tsc(m, m->hello.ready_tsc),
		since(m, m->started_ns), since(m, m->exit_ns), since(m, timing_now()),
		(uint64_t)m->hello.start_ns, (uint64_t)m->hello.ready_ns);
	if (fclose(f))
		term_message("cannot write --timing %s: %s", m->opt->timing, strerror(errno));
}
