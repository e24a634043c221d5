/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server: one thread, libwebsockets' event loop. http.c answers requests, live.c holds those
 * connections that see what changes, term.c those that have a terminal, captures.c files.
 */
#ifndef R3_WEB_SERVER_H
#define R3_WEB_SERVER_H

#include <libwebsockets.h>

#include "check.h"
#include "collect.h"

#define SERVER_MAX_LIVE		16
#define SERVER_MAX_TERMS	32
#define SERVER_MESSAGE_MAX	65536	/* of what a page sends */

struct server {
	struct lws_context *lws;
	struct lws_vhost *vhost;
	struct check check;
	struct collector collector;
	const char *ring3;		/* the program whose subcommands are run */
	bool ending;
	bool can_pause;			/* it has pause and resume */
	int nr_terms;
};

extern struct server server;

/*
 * What the request is for: what follows the token in its path; NULL, with what is wrong, if it is
 * refused. Of requests and of those that are to become WebSockets alike.
 */
const char *server_admit(struct lws *wsi, char *path, size_t size, const char **why);

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int live_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int lines_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int term_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int pty_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int action_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

extern const size_t http_session_size, live_session_size, term_session_size;

/* Protocols' names, as lws_adopt has them. */
#define PROTOCOL_LIVE	"ring3-live"
#define PROTOCOL_TERM	"ring3-term"
#define PROTOCOL_LINES	"lines"
#define PROTOCOL_PTY	"pty"
#define PROTOCOL_ACTION	"action"

int live_start(void);
/* Each second, and before the end. */
void term_tick(void);
void term_end(void);
/* When their terminals are closed. */
void term_wait(void);

#endif
