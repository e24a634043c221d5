/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's side of a guest's console (hvc0): what it writes is kept, and
 * shown to whoever looks: our stdout, with --init, and attached clients.
 */
#ifndef R3_HVC_H
#define R3_HVC_H

#include <stdbool.h>

#include "bootlog.h"
#include "loop.h"
#include "stdfd.h"
#include "term.h"

#define HVC_PENDING	4096

struct hvc {
	struct loop *loop;
	struct bootlog log;
	bool verbose;			/* its text also goes to stderr */
	bool early_verbose;

	int fd;				/* -1: no guest */
	struct watch watch;
	int early_fd;			/* the early console, -1: none */
	struct watch early_watch;

	bool attached;			/* stdin and stdout are the console */
	struct stdfd in, out;
	struct watch in_watch, out_watch;
	struct term_escape escape;
	char out_buf[16384];
	size_t out_len, out_start;
	char in_buf[2 * HVC_PENDING];	/* for the guest, not taken yet */
	size_t in_len;

	void *ctx;
	void (*output)(void *ctx, const char *data, size_t len);	/* may be NULL */
	void (*room)(void *ctx);	/* hvc_input() takes more; may be NULL */
	void (*escaped)(void *ctx);
	void (*unread)(void *ctx);	/* our stdout was closed */
};

/* Callbacks and ctx are set by the caller before. */
void hvc_init(struct hvc *h, struct loop *loop);

/* A guest begins: its console and early console. Takes both, non-blocking. */
void hvc_start(struct hvc *h, int fd, int early_fd);

/* It has ended: reads what is left, waiting for our reader as stdfd_wait() does; closes. */
void hvc_stop(struct hvc *h, int64_t until);

int hvc_attach(struct hvc *h);

/* Input for the guest; returns how much of it was taken. */
size_t hvc_input(struct hvc *h, const char *data, size_t len);

void hvc_free(struct hvc *h);

#endif
