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

#include <json-c/json.h>

#include "message.h"
#include "timing.h"

uint64_t timing_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void timing_start(struct timing *t)
{
	t->start_ns = timing_now();
	t->start_tsc = __rdtsc();
}

static int64_t from_tsc(const struct timing *t, uint64_t tsc)
{
	double ns = timing_now() - t->start_ns;
	double ticks = __rdtsc() - t->start_tsc;

	if (!tsc || ticks <= 0)
		return -1;
	return (double)(int64_t)(tsc - t->start_tsc) * ns / ticks;
}

static int64_t since(const struct timing *t, uint64_t ns)
{
	return ns ? (int64_t)(ns - t->start_ns) : -1;
}

static void add(struct json_object *o, const char *name, int64_t ns)
{
	json_object_object_add(o, name, json_object_new_int64(ns));
}

void timing_write(const struct timing *t, const struct r3_agent_hello *hello, const char *path)
{
	struct json_object *o;
	FILE *f;

	f = fopen(path, "we");
	if (!f) {
		message("cannot write --timing %s: %s", path, strerror(errno));
		return;
	}
	o = json_object_new_object();
	add(o, "start_monotonic_ns", t->start_ns);
	add(o, "init_ns", from_tsc(t, hello->start_tsc));
	add(o, "ready_ns", from_tsc(t, hello->ready_tsc));
	add(o, "command_ns", since(t, t->command_ns));
	add(o, "exit_ns", since(t, t->exit_ns));
	add(o, "end_ns", since(t, timing_now()));
	add(o, "guest_init_ns", hello->start_ns);
	add(o, "guest_ready_ns", hello->ready_ns);
	fprintf(f, "%s\n", json_object_to_json_string(o));
	json_object_put(o);
	if (fclose(f))
		message("cannot write --timing %s: %s", path, strerror(errno));
}
