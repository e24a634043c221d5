// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "captures.h"
#include "files.h"
#include "server.h"
#include "snapshot.h"

#define PIECE	16384

/* Nothing but our own files, no frames, nothing told to others, nothing kept. */
static const struct {
	const char *name, *value;
} headers[] = {
	{ "content-security-policy:", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
	  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "x-content-type-options:", "nosniff" },
	{ "x-frame-options:", "DENY" },
	{ "referrer-policy:", "no-referrer" },
	{ "cross-origin-opener-policy:", "same-origin" },
	{ "cross-origin-resource-policy:", "same-origin" },
	{ "cache-control:", "no-store" },
};

/* One answer that is on its way. */
struct http {
	const char *body;
	size_t len, sent;
	struct snapshot *snapshot;	/* that body points into */
	bool wants_snapshot;
	struct http *next;		/* of those who wait for one */
	struct lws *wsi;
};

const size_t http_session_size = sizeof(struct http);
static struct http *waiting;

/* ---- who may ---- */

static bool header(struct lws *wsi, enum lws_token_indexes token, char *text, size_t size)
{
	return lws_hdr_copy(wsi, text, size, token) > 0;
}

const char *server_admit(struct lws *wsi, char *path, size_t size, const char **why)
{
	char host[256], origin[300], site[32];
	const char *rest;
	int n;

	*why = "Host is none of this server's names";
	if (!header(wsi, WSI_TOKEN_HOST, host, sizeof(host)) || !check_host(&server.check, host))
		return NULL;
	*why = "Origin is another";
	if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) &&
	    (!header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)) || !check_origin(origin, host)))
		return NULL;
	*why = "the token is missing or wrong: open the address that \"ring3 web\" printed";
	if (!header(wsi, WSI_TOKEN_GET_URI, path, size))
		return NULL;
	rest = check_path(&server.check, path);
	if (!rest)
		return NULL;
	*why = "the request is from a page of another site";
	/* The page itself may be opened from anywhere by who has its address. */
	n = *rest ? lws_hdr_custom_length(wsi, "sec-fetch-site:", 15) : 0;
	if (n > 0 && (n >= (int)sizeof(site) || lws_hdr_custom_copy(wsi, site, sizeof(site), "sec-fetch-site:", 15) < 0 ||
		      (strcmp(site, "same-origin") && strcmp(site, "none"))))
		return NULL;
	return rest;
}

/* ---- answers ---- */

static int begin(struct lws *wsi, unsigned int status, const char *type, size_t len)
{
	unsigned char buf[LWS_PRE + 2048], *start = buf + LWS_PRE, *p = start, *end = buf + sizeof(buf) - 1;
	size_t i;

	if (lws_add_http_common_headers(wsi, status, type, len, &p, end))
		return 1;
	for (i = 0; i < ARRAY_SIZE(headers); i++)
		if (lws_add_http_header_by_name(wsi, (const unsigned char *)headers[i].name, (const unsigned char *)headers[i].value,
						strlen(headers[i].value), &p, end))
			return 1;
	return lws_finalize_write_http_header(wsi, start, &p, end);
}

static int answer(struct lws *wsi, struct http *h, unsigned int status, const char *type, const char *body, size_t len)
{
	h->body = body;
	h->len = len;
	h->sent = 0;
	if (begin(wsi, status, type, len))
		return 1;
	lws_callback_on_writable(wsi);
	return 0;
}

static int refuse(struct lws *wsi, struct http *h, unsigned int status, const char *why)
{
	/* These are constants of ours, or of captures.c. */
	return answer(wsi, h, status, "text/plain; charset=utf-8", why, strlen(why));
}

static void forget(struct http *h)
{
	struct http **p;

	for (p = &waiting; *p; p = &(*p)->next) {
		if (*p == h) {
			*p = h->next;
			break;
		}
	}
	snapshot_put(h->snapshot);
	h->snapshot = NULL;
}

static int more(struct lws *wsi, struct http *h)
{
	unsigned char buf[LWS_PRE + PIECE];
	size_t n = min_t(size_t, h->len - h->sent, PIECE);
	bool last = h->sent + n == h->len;

	if (!h->body)
		return 0;
	memcpy(buf + LWS_PRE, h->body + h->sent, n);
	if (lws_write(wsi, buf + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return 1;
	h->sent += n;
	if (!last) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	forget(h);
	h->body = NULL;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* ---- requests ---- */

static void snapshot_came(struct snapshot *s)
{
	struct http *h;

	while ((h = waiting)) {
		waiting = h->next;
		h->next = NULL;
		h->snapshot = snapshot_get(s);
		if (answer(h->wsi, h, 200, "application/json", s->text, s->len))
			lws_set_timeout(h->wsi, PENDING_TIMEOUT_HTTP_CONTENT, LWS_TO_KILL_ASYNC);
	}
}

static int capture(struct lws *wsi, struct http *h, const char *number)
{
	static const char extra[] = "content-disposition: attachment\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n"
				    "content-security-policy: default-src 'none'\r\ncross-origin-resource-policy: same-origin\r\n";
	const char *path = capture_path(number);
	int n;

	if (!path)
		return refuse(wsi, h, 404, "there is no such capture");
	n = lws_serve_http_file(wsi, path, "application/x-pcapng", extra, strlen(extra));
	return n < 0 || (n > 0 && lws_http_transaction_completed(wsi)) ? -1 : 0;
}

static int request(struct lws *wsi, struct http *h)
{
	const struct file *f;
	const char *rest, *why;
	char path[256];

	*h = (struct http){ .wsi = wsi };
	/* Anything but GET has another token for its path. */
	if (!lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI)) {
		/* And a body that may never come is not waited for. */
		lws_return_http_status(wsi, 405, NULL);
		return -1;
	}
	rest = server_admit(wsi, path, sizeof(path), &why);
	if (!rest)
		return refuse(wsi, h, 403, why);
	if (!strcmp(rest, "state.json")) {
		h->next = waiting;
		waiting = h;
		snapshot_want(snapshot_came);
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 60);
		return 0;
	}
	if (!strncmp(rest, "capture/", 8))
		return capture(wsi, h, rest + 8);
	f = files_find(rest);
	if (!f)
		return refuse(wsi, h, 404, "there is no such page");
	return answer(wsi, h, 200, f->type, f->data, f->len);
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct http *h = user;
	const char *why;
	char path[256];

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return request(wsi, h);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return more(wsi, h);
	case LWS_CALLBACK_HTTP_FILE_COMPLETION:
		return lws_http_transaction_completed(wsi) ? -1 : 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		/* Not HTTP/2, whose requests would come here another way. */
		if (strcasecmp(in, "websocket"))
			return -1;
		if (!server_admit(wsi, path, sizeof(path), &why)) {
			lws_return_http_status(wsi, 403, NULL);
			return 1;
		}
		return 0;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		/* A WebSocket without one of our protocols. */
		return 1;
	case LWS_CALLBACK_CLOSED_HTTP:
		if (h)
			forget(h);
		return 0;
	default:
		return 0;
	}
}
