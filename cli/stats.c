// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 stats`: what guests use, live, once as JSON, or for Prometheus. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "guestuse.h"
#include "message.h"
#include "opts.h"
#include "text.h"
#include "values.h"

#define INTERVAL_MS	1000

struct stats {
	bool once, json, prometheus;
	int64_t interval_ms;
};

static const struct opt table[] = {
	{ "once", '1', NULL, "Print once, with what was used since each guest's start." },
	{ "json", 'j', NULL, "Print once, all that is known, one JSON object a guest and line." },
	{ "prometheus", 0, NULL, "Print once, as text for Prometheus." },
	{ "interval", 'i', "TIME", "Time from one look to the next, in seconds. Default: 1." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct stats *s = ctx;

	if (o->letter == 'i')
		return value_time("interval", value, &s->interval_ms, err);
	*(o->letter == '1' ? &s->once : o->letter == 'j' ? &s->json : &s->prometheus) = true;
	return 0;
}

static const struct opts stats_opts = {
	.usage = "stats [OPTIONS] [NAME...]",
	.about = "Shows what the running guests NAME, or all, use: processor time of their\n"
		 "programs, of their kernels, of their devices and of back ends; memory; disk and\n"
		 "network. Without --once, --json and --prometheus again and again, until Ctrl-C.",
	.table = table,
	.set = set_option,
};

/* ---- as a table ---- */

/* What address spaces that have ended used is in their sum, and in no part of it any more. */
static double more(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* before: what it was, or NULL: zero, at its start. */
static void print_row(const struct guestuse *now, const struct guestuse *before)
{
	static const struct guestuse zero;
	double s, ns;
	char mem[16], given[16], text[4][16];

	if (!before || before->at_ms > now->at_ms)
		before = &zero;
	s = (now->at_ms - before->at_ms) / 1000.0;
	if (s <= 0)
		s = 0.001;
	ns = s * 1e7;
	guestuse_bytes(mem, sizeof(mem), now->mem_used);
	guestuse_bytes(given, sizeof(given), now->mem);
	guestuse_bytes(text[0], sizeof(text[0]), (now->disk_in - before->disk_in) / s);
	guestuse_bytes(text[1], sizeof(text[1]), (now->disk_out - before->disk_out) / s);
	guestuse_bytes(text[2], sizeof(text[2]), (now->net_in - before->net_in) / s);
	guestuse_bytes(text[3], sizeof(text[3]), (now->net_out - before->net_out) / s);
	printf("%-16s %6.1f %6.1f %6.1f %6.1f %6.1f %6.1f  %5s/%-5s %6" PRIu64 "  %6s %6s  %6s %6s\n", now->name, (now->user - before->user) / ns,
	       more(now->map, before->map) / ns,	       (now->kernel - before->kernel) / ns, (now->device - before->device) / ns, (now->backend - before->backend) / ns,
	       (now->stopped - before->stopped) / ns,
	       mem, given, now->spaces, text[0], text[1], text[2], text[3]);
}

static void print_head(void)
{
	printf("%-16s %6s %6s %6s %6s %6s %6s  %11s %6s  %6s %6s  %6s %6s\n", "NAME", "USER%", "MAP%", "KERN%", "DEV%", "BACK%", "STOP%", "MEM", "PROCS",
	       "READ/s", "WRIT/s", "RECV/s", "SEND/s");
}

/* ---- for Prometheus ---- */

static const struct {
	const char *name, *key, *help, *type;
	double scale;
} metrics[] = {
	{ "ring3_uptime_seconds", "uptime_ms", "Time since the guest was started, or started again", "gauge", 1e-3 },
	{ "ring3_memory_bytes", "mem", "Memory that the guest was given", "gauge", 1 },
	{ "ring3_memory_given_bytes", "mem_given", "Memory that the guest does with, as it was asked", "gauge", 1 },
	{ "ring3_memory_used_bytes", "mem_used", "Memory that the guest uses of the host's", "gauge", 1 },
	{ "ring3_spaces", "spaces", "Address spaces of the guest's processes", "gauge", 1 },
	{ "ring3_processes", "processes", "Processes on the host: of the guest, and of what serves it", "gauge", 1 },
	{ "ring3_cpu_user_seconds_total", "spaces_ns", "Processor time of the guest's programs, and of what maps their memory", "counter", 1e-9 },
	{ "ring3_cpu_zygote_seconds_total", "zygote_ns", "Of that: of the process that makes address spaces", "counter", 1e-9 },
	{ "ring3_cpu_managers_seconds", "managers_ns", "Of that: of what maps memory, in address spaces that there are now", "gauge", 1e-9 },
	{ "ring3_cpu_run_seconds_total", "run_ns", "Processor time of ring3 run itself", "counter", 1e-9 },
	{ "ring3_stopped_seconds_total", "stopped_ns", "Time for which the guest was stopped by --cpu-limit", "counter", 1e-9 },
	{ "ring3_stops_total", "stops", "Times that the guest was stopped by --cpu-limit", "counter", 1 },
	{ "ring3_processes_killed_total", "killed", "Processes killed by --pids-limit", "counter", 1 },
	{ "ring3_cpu_monitor_seconds_total", "monitor_ns", "Processor time of the guest's kernel and devices", "counter", 1e-9 },
	{ "ring3_cpu_backend_seconds_total", "backends_ns", "Processor time of back ends", "counter", 1e-9 },
}, dev_metrics[] = {
	{ "ring3_device_cpu_seconds_total", "cpu_ns", "Processor time of the device's thread", "counter", 1e-9 },
	{ "ring3_device_kicks_total", "kicks", "Times that the driver woke the device", "counter", 1 },
	{ "ring3_device_interrupts_total", "interrupts", "Interrupts of the device", "counter", 1 },
	{ "ring3_device_in_bytes_total", "in_bytes", "Bytes to the guest", "counter", 1 },
	{ "ring3_device_out_bytes_total", "out_bytes", "Bytes from the guest", "counter", 1 },
	{ "ring3_device_dropped_total", "dropped", "Frames dropped, requests failed", "counter", 1 },
};

static void print_prometheus(struct json_object **all, char *const *names, int n)
{
	size_t m, j;
	int i;

	for (m = 0; m < ARRAY_SIZE(metrics); m++) {
		printf("# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help, metrics[m].name, metrics[m].type);
		for (i = 0; i < n; i++)
			if (all[i])
				printf("%s{guest=\"%s\"} %.15g\n", metrics[m].name, names[i], guestuse_number(all[i], metrics[m].key) * metrics[m].scale);
	}
	for (m = 0; m < ARRAY_SIZE(dev_metrics); m++) {
		printf("# HELP %s %s\n# TYPE %s %s\n", dev_metrics[m].name, dev_metrics[m].help, dev_metrics[m].name, dev_metrics[m].type);
		for (i = 0; i < n; i++) {
			struct json_object *list = all[i] ? guestuse_list(all[i], "devices") : NULL;

			for (j = 0; list && j < json_object_array_length(list); j++) {
				struct json_object *dev = json_object_array_get_idx(list, j);

				/* Of eight letters at most, and ours; but the monitor may say anything. */
				printf("%s{guest=\"%s\",device=\"%zu\",kind=\"%.*s\"} %.15g\n", dev_metrics[m].name, names[i], j,
				       (int)strspn(guestuse_kind(dev), "abcdefghijklmnopqrstuvwxyz"), guestuse_kind(dev),
				       guestuse_number(dev, dev_metrics[m].key) * dev_metrics[m].scale);
			}
		}
	}
}

/* ---- rounds ---- */

static void print_json(struct json_object *o)
{
	char *text = text_json(o);

	if (text)
		puts(text);
	free(text);
}

/* What is known of each, in the order of names; those that were asked for and cannot be had are named. */
static int look(struct json_object **all, char *const *names, int n, bool asked_for)
{
	struct r3_err err;
	int i, status = CLI_OK;

	for (i = 0; i < n; i++) {
		all[i] = guestuse_ask(names[i], &err);
		if (all[i] || !asked_for)
			continue;
		message("%s: %s", names[i], err.msg);
		status = CLI_FAILED;
	}
	return status;
}

static int show_round(const struct stats *s, char **names, int n, bool asked_for, struct guestuse **before, int *nr_before)
{
	struct json_object **all = calloc(n + 1, sizeof(*all));
	struct guestuse *now = calloc(n + 1, sizeof(*now));
	int i, nr = 0, status;

	if (!all || !now) {
		free(all);
		free(now);
		message("no memory for statistics");
		return CLI_FAILED;
	}
	status = look(all, names, n, asked_for);
	if (s->prometheus)
		print_prometheus(all, names, n);
	else if (!s->json)
		print_head();
	for (i = 0; i < n; i++) {
		if (all[i] && s->json)
			print_json(all[i]);
		if (all[i]) {
			guestuse_fill(&now[nr], names[i], all[i]);
			if (!s->json && !s->prometheus)
				print_row(&now[nr], guestuse_find(*before, *nr_before, names[i]));
			nr++;
		}
		json_object_put(all[i]);
	}
	free(all);
	free(*before);
	*before = now;
	*nr_before = nr;
	return fflush(stdout) ? CLI_FAILED : status;
}

static int show(const struct stats *s, char **given, int nr_given)
{
	bool once = s->once || s->json || s->prometheus, screen = !once && isatty(1);
	struct guestuse *before = NULL;
	int nr_before = 0, status, n, i;
	struct r3_err err;
	char **names;

	do {
		n = nr_given ? nr_given : guestuse_names(&names, &err);
		if (n < 0) {
			message("%s", err.msg);
			status = CLI_FAILED;
			break;
		}
		if (screen)
			fputs("\033[H\033[J", stdout);
		status = show_round(s, nr_given ? given : names, n, nr_given, &before, &nr_before);
		for (i = 0; !nr_given && i < n; i++)
			free(names[i]);
		if (!nr_given)
			free(names);
		/* Of those that were asked for none is left. */
		if (!once && !(nr_given && !nr_before) && !ferror(stdout))
			poll(NULL, 0, s->interval_ms > 3600000 ? 3600000 : s->interval_ms);
	} while (!once && !(nr_given && !nr_before) && !ferror(stdout));
	free(before);
	return status;
}

int stats_main(int argc, char **argv)
{
	struct stats s = { .interval_ms = INTERVAL_MS };
	struct r3_err err;
	bool dashes;
	int at;

	at = opts_parse(&stats_opts, argc, argv, &s, &dashes, &err);
	if (at >= 0 && s.once + s.json + s.prometheus > 1)
		at = err_set(&err, EINVAL, "--once, --json and --prometheus exclude each other");
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	return show(&s, argv + at, argc - at);
}
