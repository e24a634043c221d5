// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlog.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bucket.h"

#define LINES_A_SECOND	200
#define LINES_BURST	1000
/* A guest must not fill the disk that the file is on: 64 MB, and what comes in the long run. */
#define BYTES_A_SECOND	4096
#define BYTES_BURST	(64 << 20)

static int log_fd = -1;
static struct bucket budget, bytes;
static unsigned long omitted;

void netlog_open(int fd)
{
	log_fd = fd;
	bucket_set(&budget, LINES_A_SECOND, LINES_BURST);
	bucket_set(&bytes, BYTES_A_SECOND, BYTES_BURST);
}

void netlog_escape(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 7 < size; text++) {
		unsigned char c = *text;

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			n += snprintf(out + n, size - n, "\\u%04x", c);
		else
			out[n++] = c;
	}
	out[n] = '\0';
}

struct text {
	char s[2048];
	size_t n;
};

static void add(struct text *t, const char *key, const char *value)
{
	char escaped[1200];
	int n;

	if (!value || t->n >= sizeof(t->s) - 1300)
		return;
	netlog_escape(escaped, sizeof(escaped), value);
	n = snprintf(t->s + t->n, sizeof(t->s) - t->n, ",\"%s\":\"%s\"", key, escaped);
	t->n += n;
}

static void add_end(struct text *t, const char *key, const char *port_key, const struct net_addr *a, uint16_t port)
{
	char addr[NET_ADDR_TEXT];

	if (a)
		add(t, key, net_addr_text(a, addr));
	if (port)
		t->n += snprintf(t->s + t->n, sizeof(t->s) - t->n, ",\"%s\":%u", port_key, port);
}

static bool may_write(void)
{
	uint64_t now = clock_ns();

	return bucket_ready(&budget, now) & bucket_ready(&bytes, now);
}

/* Return: whether it was written. */
static bool put(struct text *t)
{
	struct pollfd p = { .fd = log_fd, .events = POLLOUT };

	t->s[t->n++] = '}';
	t->s[t->n++] = '\n';
	/* A pipe that takes anything takes a line of this length as a whole. */
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT) || write(log_fd, t->s, t->n) != (ssize_t)t->n)
		return false;
	bucket_take(&budget, 1);
	bucket_take(&bytes, t->n);
	return true;
}

static void begin(struct text *t, const char *event)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	t->n = snprintf(t->s, sizeof(t->s), "{\"time\":%lld.%03ld,\"event\":\"%s\"", (long long)ts.tv_sec,
			ts.tv_nsec / 1000000, event);
}

void netlog_flush(void)
{
	struct text t;

	if (!omitted || log_fd < 0 || !may_write())
		return;
	begin(&t, "omitted");
	t.n += snprintf(t.s + t.n, sizeof(t.s) - t.n, ",\"lines\":%lu", omitted);
	if (put(&t))
		omitted = 0;
}

void netlog_write(const struct netlog_line *l)
{
	struct text t;

	if (log_fd < 0)
		return;
	netlog_flush();
	if (omitted || !may_write()) {
		omitted++;
		return;
	}
	begin(&t, l->event);
	add(&t, "proto", l->proto);
	add_end(&t, "src", "sport", l->src, l->sport);
	add_end(&t, "dst", "port", l->dst, l->dport);
	add(&t, "name", l->name);
	add(&t, "reason", l->reason);
	if (!put(&t))
		omitted++;
}
