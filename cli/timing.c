// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When what happened. Guest and host share the TSC, so the guest's readings
 * say when its first instruction ran on the host's clock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "machine.h"
#include "message.h"

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

static void add(struct json_object *o, const char *name, int64_t ns)
{
	json_object_object_add(o, name, json_object_new_int64(ns));
}

void timing_write(const struct machine *m)
{
	struct json_object *o;
	FILE *f;

	if (!m->opt->timing)
		return;
	f = fopen(m->opt->timing, "we");
	if (!f) {
		message("cannot write --timing %s: %s", m->opt->timing, strerror(errno));
		return;
	}
	o = json_object_new_object();
	add(o, "start_monotonic_ns", m->host_start_ns);
	add(o, "init_ns", from_tsc(m, m->hello.start_tsc));
	add(o, "ready_ns", from_tsc(m, m->hello.ready_tsc));
	add(o, "command_ns", since(m, m->started_ns));
	add(o, "exit_ns", since(m, m->exit_ns));
	add(o, "end_ns", since(m, timing_now()));
	add(o, "guest_init_ns", m->hello.start_ns);
	add(o, "guest_ready_ns", m->hello.ready_ns);
	fprintf(f, "%s\n", json_object_to_json_string(o));
	json_object_put(o);
	if (fclose(f))
		message("cannot write --timing %s: %s", m->opt->timing, strerror(errno));
}
