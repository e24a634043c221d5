// SPDX-License-Identifier: GPL-2.0-or-later
#include "job.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "child.h"
#include "server.h"
#include "text.h"

#define REAP_US	20000

struct job {
	struct child child;
	int fd;				/* libwebsockets' */
	char line[1024];		/* the last one that is complete, and the one that is not */
	char last[1024];
	size_t len;
	void (*done)(void *ctx, int status, const char *text);
	void *ctx;
	lws_sorted_usec_list_t sul;
};

static int nr_jobs;

static void keep_line(struct job *j)
{
	j->line[j->len] = '\0';
	text_line(j->line);
	if (j->len)
		snprintf(j->last, sizeof(j->last), "%s", j->line + (strncmp(j->line, "ring3: ", 7) ? 0 : 7));
	j->len = 0;
}

static bool read_words(struct job *j)
{
	char text[4096];
	ssize_t n = read(j->fd, text, sizeof(text)), i;

	for (i = 0; i < n; i++) {
		if (text[i] == '\n')
			keep_line(j);
		else if (j->len + 1 < sizeof(j->line))
			j->line[j->len++] = text[i];
	}
	return n > 0;
}

/* Its pipe is closed, so it will have ended in a moment. */
static void reap(lws_sorted_usec_list_t *sul)
{
	struct job *j = lws_container_of(sul, struct job, sul);
	int status;

	if (!child_reap(&j->child, &status)) {
		lws_sul_schedule(server.lws, 0, &j->sul, reap, REAP_US);
		return;
	}
	j->done(j->ctx, status, j->last);
	nr_jobs--;
	free(j);
}

struct job *job_start(char *const argv[], void (*done)(void *ctx, int status, const char *text), void *ctx, struct r3_err *err)
{
	struct job *j = nr_jobs < JOB_MAX ? calloc(1, sizeof(*j)) : NULL;
	lws_adopt_desc_t desc = { .vh = server.vhost, .type = LWS_ADOPT_RAW_FILE_DESC, .vh_prot_name = PROTOCOL_ACTION };

	if (!j) {
		err_set(err, EBUSY, "%d commands are at work already; wait until one is done", JOB_MAX);
		return NULL;
	}
	if (child_on_pipe(&j->child, server.ring3, argv, err)) {
		free(j);
		return NULL;
	}
	j->done = done;
	j->ctx = ctx;
	j->fd = desc.fd.filefd = util_take_fd(&j->child.fd);
	desc.opaque = j;
	nr_jobs++;
	/* It closes the descriptor if it fails. */
	if (!lws_adopt_descriptor_vhost_via_info(&desc)) {
		snprintf(j->last, sizeof(j->last), "no memory for what it says");
		lws_sul_schedule(server.lws, 0, &j->sul, reap, REAP_US);
	}
	return j;
}

void job_signal(struct job *j, int sig)
{
	if (j->child.pid)
		kill(j->child.pid, sig);
}

int action_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct job *j = lws_get_opaque_user_data(wsi);

	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return 1;
	case LWS_CALLBACK_RAW_RX_FILE:
		while (read_words(j))
			;
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		while (read_words(j))
			;
		keep_line(j);
		if (server.ending)
			return 0;
		lws_sul_schedule(server.lws, 0, &j->sul, reap, 1);
		return 0;
	default:
		return 0;
	}
}
