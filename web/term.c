// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Terminals: a connection with one subcommand on a terminal of the host. Binary messages are its
 * bytes, both ways. A page sends text for the rest, {"cols": 80, "rows": 24} and {"ack": BYTES}, what
 * it has shown; at the end it gets {"exit": STATUS}.
 *
 * Nothing is read of the terminal while the page has not shown WINDOW bytes, nor of the page while
 * the command does not read: so whoever writes waits, as on any terminal.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/util.h"
#include "child.h"
#include "config.h"
#include "loop.h"
#include "server.h"
#include "text.h"

#define PIECE		16384
#define WINDOW		(256 * 1024)
#define IN_MAX		(2 * SERVER_MESSAGE_MAX)
#define REAP_US		20000
#define RETRY_US	4000
#define END_MS		3000		/* all of them have from the server's SIGHUP to SIGKILL */
#define LINGER_S	30
#define HANGUP_TICKS	5		/* seconds from SIGHUP to SIGKILL */

struct term {
	struct term *next;
	struct lws *ws, *pty;		/* NULL: closed */
	struct child child;
	int fd;				/* the terminal's, ours beside libwebsockets' */
	bool input;			/* what is typed is for the command */
	unsigned char out[LWS_PRE + PIECE];
	size_t out_len, unseen;
	unsigned char in[IN_MAX];
	size_t in_len;
	char text[256];			/* a message of text that comes */
	size_t text_len;
	int status;			/* -1: it runs */
	int ticks;			/* since it was hung up on */
	bool told;
};

struct session {
	struct term *term;
};

const size_t term_session_size = sizeof(struct session);

static struct term *all;
static lws_sorted_usec_list_t sul, sul_in;

/* ---- its life ---- */

static void drop(struct term *t)
{
	struct term **p;

	if (t->ws || t->pty || t->child.pid)
		return;
	for (p = &all; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	if (t->fd >= 0)
		close(t->fd);
	server.nr_terms--;
	free(t);
}

static void reap(lws_sorted_usec_list_t *s)
{
	struct term *t, *next;
	bool again = false;

	for (t = all; t; t = next) {
		next = t->next;
		if (!t->pty && child_reap(&t->child, &t->status)) {
			if (t->ws)
				lws_callback_on_writable(t->ws);
			drop(t);
		} else if (!t->pty && t->child.pid) {
			again = true;
		}
	}
	if (again)
		lws_sul_schedule(server.lws, 0, &sul, reap, REAP_US);
}

void term_tick(void)
{
	struct term *t;

	for (t = all; t; t = t->next)
		if (!t->ws && t->child.pid && ++t->ticks > HANGUP_TICKS)
			kill(t->child.pid, SIGKILL);
	if (all)
		lws_sul_schedule(server.lws, 0, &sul, reap, 1);
}

void term_end(void)
{
	struct term *t;

	for (t = all; t; t = t->next)
		if (t->child.pid)
			kill(t->child.pid, SIGHUP);
}

void term_wait(void)
{
	int64_t until = loop_now() + END_MS;
	struct term *t;
	int status;

	for (t = all; t; t = t->next) {
		while (t->child.pid && !child_reap(&t->child, &status)) {
			if (loop_now() > until)
				kill(t->child.pid, SIGKILL);
			usleep(2000);
		}
	}
}

static const struct {
	const char *kind;
	const char *words[5];
	bool input;
} kinds[] = {
	{ "shell", { "exec", "--tty" }, true },
	{ "console", { "console" }, true },
	{ "log", { "logs", "--follow", "--tail", "1000" }, false },
};

static unsigned int size_of(const char *text, unsigned int none)
{
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n >= 2 && n <= 1000 ? n : none;
}

static int begin(struct term *t, const char *kind, const char *machine, unsigned int cols, unsigned int rows, struct r3_err *err)
{
	char *argv[8] = { "ring3" };
	size_t i, n = 1, k;

	for (i = 0; i < ARRAY_SIZE(kinds) && strcmp(kinds[i].kind, kind); i++)
		;
	if (i == ARRAY_SIZE(kinds))
		return err_set(err, EINVAL, "there is no such kind of terminal");
	if (!config_name_ok(machine))
		return err_set(err, EINVAL, "that is not the name of a machine");
	for (k = 0; k < ARRAY_SIZE(kinds[i].words) && kinds[i].words[k]; k++)
		argv[n++] = (char *)kinds[i].words[k];
	argv[n] = (char *)machine;
	t->input = kinds[i].input;
	return child_on_pty(&t->child, server.ring3, argv, cols, rows, err);
}

static const char *argument(struct lws *wsi, const char *name, char *text, size_t size)
{
	const char *v = lws_get_urlarg_by_name(wsi, name, text, size - 1);

	return v && *v == '=' ? v + 1 : v ? v : "";
}

static int established(struct lws *wsi, struct session *s)
{
	struct term *t = calloc(1, sizeof(*t));
	char kind[32], machine[128], cols[16], rows[16];
	lws_adopt_desc_t desc = { .vh = server.vhost, .type = LWS_ADOPT_RAW_FILE_DESC, .vh_prot_name = PROTOCOL_PTY };
	const char *k = argument(wsi, "kind=", kind, sizeof(kind)), *m = argument(wsi, "machine=", machine, sizeof(machine));
	unsigned int w = size_of(argument(wsi, "cols=", cols, sizeof(cols)), 80), h = size_of(argument(wsi, "rows=", rows, sizeof(rows)), 24);
	struct r3_err err;

	s->term = NULL;
	if (!t)
		return -1;
	*t = (struct term){ .next = all, .ws = wsi, .fd = -1, .child.fd = -1, .status = -1 };
	all = t;
	s->term = t;
	server.nr_terms++;
	if (begin(t, k, m, w, h, &err)) {
		t->out_len = snprintf((char *)t->out + LWS_PRE, PIECE, "%s\r\n", err.msg);
		t->status = 125;
		lws_callback_on_writable(wsi);
		return 0;
	}
	t->fd = util_take_fd(&t->child.fd);
	desc.fd.filefd = dup(t->fd);
	desc.opaque = t;
	t->pty = desc.fd.filefd < 0 ? NULL : lws_adopt_descriptor_vhost_via_info(&desc);
	return t->pty ? 0 : -1;
}

static void ws_closed(struct term *t)
{
	t->ws = NULL;
	if (t->child.pid)
		kill(t->child.pid, SIGHUP);
	if (t->pty)
		lws_set_timeout(t->pty, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
	drop(t);
}

/* ---- from the command to the page ---- */

static bool may_read(const struct term *t)
{
	return t->ws && !t->out_len && t->unseen < WINDOW;
}

static ssize_t read_some(struct term *t)
{
	ssize_t n = read(t->fd, t->out + LWS_PRE, PIECE);

	if (n > 0) {
		t->out_len = n;
		lws_callback_on_writable(t->ws);
	}
	return n;
}

static void go_on(struct term *t)
{
	if (!may_read(t))
		return;
	if (t->pty)
		lws_rx_flow_control(t->pty, 1);
	else
		lws_callback_on_writable(t->ws);
}

static int tell_end(struct term *t)
{
	unsigned char buf[LWS_PRE + 64];
	int len = snprintf((char *)buf + LWS_PRE, 64, "{\"exit\":%d}", t->status);

	t->told = true;
	/* The page hangs up: if we did, what it has not read yet could be lost. */
	lws_set_timeout(t->ws, PENDING_TIMEOUT_CLOSE_SEND, LINGER_S);
	return lws_write(t->ws, buf + LWS_PRE, len, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

static int writeable(struct term *t)
{
	int ret;

	if (t->told)
		return 0;
	/* What it wrote before its end may still be there. */
	if (!t->pty && t->fd >= 0 && may_read(t))
		read_some(t);
	if (t->out_len) {
		ret = lws_write(t->ws, t->out + LWS_PRE, t->out_len, LWS_WRITE_BINARY);
		t->unseen += t->out_len;
		t->out_len = 0;
		go_on(t);
		if (t->status >= 0)
			lws_callback_on_writable(t->ws);
		return ret < 0 ? -1 : 0;
	}
	if (t->pty || t->status < 0 || !may_read(t))
		return 0;
	return tell_end(t);
}

/* ---- from the page to the command ---- */

static void retry_in(lws_sorted_usec_list_t *s);

static int flush_in(struct term *t)
{
	ssize_t n = t->in_len && t->fd >= 0 ? write(t->fd, t->in, t->in_len) : 0;

	if (n > 0) {
		t->in_len -= n;
		memmove(t->in, t->in + n, t->in_len);
	}
	/* libwebsockets 4.1 forgets what a file's callback asks for of its next one. */
	if (t->in_len && t->pty)
		lws_sul_schedule(server.lws, 0, &sul_in, retry_in, RETRY_US);
	if (t->ws)
		lws_rx_flow_control(t->ws, t->in_len < SERVER_MESSAGE_MAX);
	return 0;
}

static void retry_in(lws_sorted_usec_list_t *s)
{
	struct term *t;

	for (t = all; t; t = t->next)
		if (t->in_len)
			flush_in(t);
}

static int64_t number_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : 0;
}

static int take_text(struct term *t)
{
	struct json_object *o;
	int64_t ack, cols, rows;

	t->text[t->text_len] = '\0';
	t->text_len = 0;
	o = json_tokener_parse(t->text);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return -1;
	}
	ack = number_of(o, "ack");
	cols = number_of(o, "cols");
	rows = number_of(o, "rows");
	json_object_put(o);
	if (ack > 0) {
		t->unseen -= min_t(uint64_t, ack, t->unseen);
		go_on(t);
	}
	if (cols >= 2 && cols <= 1000 && rows >= 2 && rows <= 1000) {
		t->child.fd = t->fd;
		child_resize(&t->child, cols, rows);
		t->child.fd = -1;
	}
	return 0;
}

static int receive(struct term *t, const unsigned char *data, size_t len)
{
	if (lws_frame_is_binary(t->ws)) {
		if (!t->input || t->status >= 0)
			return 0;
		if (len > sizeof(t->in) - t->in_len)
			return -1;
		memcpy(t->in + t->in_len, data, len);
		t->in_len += len;
		return flush_in(t);
	}
	if (len >= sizeof(t->text) - t->text_len)
		return -1;
	memcpy(t->text + t->text_len, data, len);
	t->text_len += len;
	return lws_is_final_fragment(t->ws) && !lws_remaining_packet_payload(t->ws) ? take_text(t) : 0;
}

/* ---- what libwebsockets tells ---- */

int term_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct session *s = user;
	const char *rest, *why;
	char path[256];

	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		rest = server_admit(wsi, path, sizeof(path), &why);
		return !rest || strcmp(rest, "term") || server.nr_terms >= SERVER_MAX_TERMS;
	case LWS_CALLBACK_ESTABLISHED:
		return established(wsi, s);
	case LWS_CALLBACK_RECEIVE:
		return s->term ? receive(s->term, in, len) : -1;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return s->term ? writeable(s->term) : -1;
	case LWS_CALLBACK_CLOSED:
		if (s->term)
			ws_closed(s->term);
		s->term = NULL;
		return 0;
	default:
		return 0;
	}
}

int pty_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct term *t = lws_get_opaque_user_data(wsi);
	ssize_t n;

	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return 1;
	case LWS_CALLBACK_RAW_RX_FILE:
		if (!may_read(t)) {
			lws_rx_flow_control(wsi, 0);
			return 0;
		}
		n = read_some(t);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		lws_rx_flow_control(wsi, 0);
		return 0;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		t->pty = NULL;
		if (t->ws)
			lws_callback_on_writable(t->ws);
		if (!server.ending)
			lws_sul_schedule(server.lws, 0, &sul, reap, 1);
		return 0;
	default:
		return 0;
	}
}
