// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 top`: the guests that use most, live on a terminal, or once. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "guestuse.h"
#include "message.h"
#include "opts.h"
#include "text.h"
#include "values.h"

#define INTERVAL_MS	2000
#define FIRST_MS	200

struct row {
	struct guestuse now;
	double cpu, user, map, kernel, device, backend, stopped;	/* per cent of one CPU */
	double disk, net;				/* bytes a second */
};

static const struct key {
	const char *name;
	char letter;
} keys[] = {
	{ "cpu", 'c' }, { "mem", 'm' }, { "disk", 'd' }, { "net", 'n' }, { "name", 'a' },
};

struct top {
	int64_t interval_ms;
	int rounds;			/* left; 0: without end */
	size_t key;
	bool screen;
	struct guestuse *before;
	int nr_before;
};

static const struct opt table[] = {
	{ "sort", 's', "KEY", "What the first has most of: cpu, mem, disk, net; or name. Default: cpu." },
	{ "interval", 'i', "TIME", "Time from one look to the next, in seconds. Default: 2." },
	{ "rounds", 'n', "N", "End after so many looks. Default: 1 if stdout is not a terminal, else without end." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct top *t = ctx;
	unsigned int n;
	int ret;

	if (o->letter == 'i')
		return value_time("interval", value, &t->interval_ms, err);
	if (o->letter == 'n') {
		ret = value_number("rounds", value, 1, 1000000, &n, err);
		t->rounds = n;
		return ret;
	}
	for (t->key = 0; t->key < ARRAY_SIZE(keys); t->key++)
		if (!strcmp(keys[t->key].name, value))
			return 0;
	return err_set(err, EINVAL, "--sort %s: it is cpu, mem, disk, net or name", value);
}

static const struct opts top_opts = {
	.usage = "top [OPTIONS]",
	.about = "Shows the running guests, those that use most first: processor time of their\n"
		 "programs, kernels, devices and back ends in per cent of one CPU; memory; disk and\n"
		 "network. On a terminal again and again: c, m, d, n and a sort, q ends it.",
	.table = table,
	.set = set_option,
};

/* ---- one look ---- */

static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (now - before) / seconds : 0;
}

static void fill_row(struct row *r, const struct guestuse *before)
{
	static const struct guestuse zero;
	const struct guestuse *u = &r->now;
	double s;

	/* Started anew: it counts from there. */
	if (!before || before->at_ms >= u->at_ms)
		before = &zero;
	s = (u->at_ms - before->at_ms) / 1000.0;
	if (s <= 0)
		s = 0.001;
	r->user = rate(u->user, before->user, s) / 1e7;
	r->map = rate(u->map, before->map, s) / 1e7;
	r->stopped = rate(u->stopped, before->stopped, s) / 1e7;
	r->kernel = rate(u->kernel, before->kernel, s) / 1e7;
	r->device = rate(u->device, before->device, s) / 1e7;
	r->backend = rate(u->backend, before->backend, s) / 1e7;
	r->cpu = r->user + r->kernel + r->device + r->backend;
	r->disk = rate(u->disk_in + u->disk_out, before->disk_in + before->disk_out, s);
	r->net = rate(u->net_in + u->net_out, before->net_in + before->net_out, s);
}

static size_t sort_key;

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double d = 0;

	switch (keys[sort_key].letter) {
	case 'c':
		d = y->cpu - x->cpu;
		break;
	case 'm':
		d = (double)y->now.mem_used - (double)x->now.mem_used;
		break;
	case 'd':
		d = y->disk - x->disk;
		break;
	case 'n':
		d = y->net - x->net;
		break;
	}
	return d > 0 ? 1 : d < 0 ? -1 : strcmp(x->now.name, y->now.name);
}

static int collect(struct top *t, struct row **rows, struct r3_err *err)
{
	struct guestuse *now;
	char **names;
	int n = guestuse_names(&names, err), i, nr = 0;

	if (n < 0)
		return n;
	*rows = calloc(n + 1, sizeof(**rows));
	now = calloc(n + 1, sizeof(*now));
	for (i = 0; i < n; i++) {
		struct json_object *o = *rows && now ? guestuse_ask(names[i], err) : NULL;

		/* One that is paused, starts or ends has nothing to tell just now. */
		if (o) {
			guestuse_fill(&now[nr], names[i], o);
			(*rows)[nr].now = now[nr];
			fill_row(&(*rows)[nr], guestuse_find(t->before, t->nr_before, names[i]));
			nr++;
		}
		json_object_put(o);
		free(names[i]);
	}
	free(names);
	if (!*rows || !now) {
		free(*rows);
		free(now);
		return err_set(err, ENOMEM, "no memory for statistics");
	}
	free(t->before);
	t->before = now;
	t->nr_before = nr;
	sort_key = t->key;
	qsort(*rows, nr, sizeof(**rows), by_key);
	return nr;
}

/* ---- the picture ---- */

static int height(void)
{
	struct winsize ws;

	return ioctl(1, TIOCGWINSZ, &ws) || ws.ws_row < 6 ? 24 : ws.ws_row;
}

static void print_row(const struct row *r)
{
	char mem[16], given[16], disk[16], net[16], name[64];

	snprintf(name, sizeof(name), "%s", r->now.name);
	text_line(name);
	guestuse_bytes(mem, sizeof(mem), r->now.mem_used);
	guestuse_bytes(given, sizeof(given), r->now.mem);
	guestuse_bytes(disk, sizeof(disk), r->disk);
	guestuse_bytes(net, sizeof(net), r->net);
	printf("%-16s %6.1f %6.1f %6.1f %6.1f %6.1f %6.1f %6.1f  %5s/%-5s %6" PRIu64 "  %6s %6s", name, r->cpu, r->user, r->map, r->kernel, r->device,
	       r->backend, r->stopped, mem, given, r->now.spaces, disk, net);
}

static void print_all(const struct top *t, const struct row *rows, int n)
{
	const char *end = t->screen ? "\033[K\n" : "\n";
	double cpu = 0, disk = 0, net = 0;
	int i, max = t->screen ? height() - 4 : n;
	uint64_t mem = 0;
	char text[3][16];

	for (i = 0; i < n; i++) {
		cpu += rows[i].cpu;
		mem += rows[i].now.mem_used;
		disk += rows[i].disk;
		net += rows[i].net;
	}
	guestuse_bytes(text[0], sizeof(text[0]), mem);
	guestuse_bytes(text[1], sizeof(text[1]), disk);
	guestuse_bytes(text[2], sizeof(text[2]), net);
	if (t->screen)
		fputs("\033[H", stdout);
	printf("%d guest%s, %.1f %% of one CPU, %s of memory, %s/s to and from disks, %s/s to and from networks; by %s%s", n, n == 1 ? "" : "s",
	       cpu, text[0], text[1], text[2], keys[t->key].name, end);
	if (t->screen)
		fputs("\033[7m", stdout);
	printf("%-16s %6s %6s %6s %6s %6s %6s %6s  %11s %6s  %6s %6s", "NAME", "CPU%", "USER%", "MAP%", "KERN%", "DEV%", "BACK%", "STOP%", "MEM", "PROCS", "DISK/s", "NET/s");
	if (t->screen)
		fputs("\033[0m", stdout);
	fputs(end, stdout);
	for (i = 0; i < n && i < max; i++) {
		print_row(&rows[i]);
		fputs(end, stdout);
	}
	if (i < n)
		printf("... and %d more%s", n - i, end);
	if (t->screen)
		fputs("\033[J", stdout);
}

/* ---- the terminal ---- */

static struct termios before_us;
static bool changed;
static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = sig;
}

static void take_terminal(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct termios raw;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	if (isatty(0) && !tcgetattr(0, &before_us)) {
		raw = before_us;
		raw.c_lflag &= ~(ICANON | ECHO);
		changed = !tcsetattr(0, TCSANOW, &raw);
	}
	fputs("\033[?1049h\033[?25l\033[2J", stdout);
}

static void leave_terminal(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (changed)
		tcsetattr(0, TCSANOW, &before_us);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Until the next look, or a key that asks for it. False: it is to end. */
static bool wait_key(struct top *t, int64_t ms)
{
	int64_t until = now_ms() + ms;
	struct pollfd pfd = { .fd = t->screen && isatty(0) ? 0 : -1, .events = POLLIN };
	char key;
	size_t i;

	for (; !ended; ) {
		int64_t left = until - now_ms();

		if (left <= 0)
			return true;
		if (poll(&pfd, 1, left > 3600000 ? 3600000 : left) <= 0)
			continue;
		if (read(0, &key, 1) != 1 || key == 'q')
			return false;
		for (i = 0; i < ARRAY_SIZE(keys); i++) {
			if (keys[i].letter == key) {
				t->key = i;
				return true;
			}
		}
	}
	return false;
}

/* 0, or -errno with err set. */
static int show(struct top *t, struct r3_err *err)
{
	struct row *rows;
	/* What they use is the difference of two looks: on a terminal the first is a short one. */
	int64_t ms = t->screen ? FIRST_MS : t->interval_ms;
	int n = collect(t, &rows, err);

	while (n >= 0) {
		free(rows);
		if (!wait_key(t, ms))
			return 0;
		ms = t->interval_ms;
		n = collect(t, &rows, err);
		if (n < 0)
			break;
		print_all(t, rows, n);
		if (fflush(stdout) || (t->rounds && !--t->rounds)) {
			free(rows);
			return 0;
		}
	}
	return n;
}

int top_main(int argc, char **argv)
{
	struct top t = { .interval_ms = INTERVAL_MS };
	struct r3_err err;
	bool dashes;
	int at;

	at = opts_parse(&top_opts, argc, argv, &t, &dashes, &err);
	if (at >= 0 && at < argc)
		at = err_set(&err, EINVAL, "unexpected word %s; \"ring3 top\" takes only options", argv[at]);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	t.screen = isatty(1);
	if (!t.screen && !t.rounds)
		t.rounds = 1;
	if (t.screen)
		take_terminal();
	at = show(&t, &err);
	if (t.screen)
		leave_terminal();
	free(t.before);
	if (at < 0)
		message("%s", err.msg);
	return at < 0 || ferror(stdout) ? CLI_FAILED : CLI_OK;
}
