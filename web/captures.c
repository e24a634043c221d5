// SPDX-License-Identifier: GPL-2.0-or-later
#include "captures.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "job.h"

static struct capture {
	int number;		/* 0: free */
	struct job *job;	/* NULL: it has ended */
	char name[64], port[64];
	char path[300];
	char end[256];		/* what it said when it ended */
	bool remove;
} all[CAPTURES_MAX];
static int last_number;
static char folder[256];

static struct capture *find(int number)
{
	size_t i;

	for (i = 0; i < CAPTURES_MAX; i++)
		if (number && all[i].number == number)
			return &all[i];
	return NULL;
}

static int64_t size_of(const struct capture *c)
{
	struct stat st;

	return stat(c->path, &st) ? 0 : st.st_size;
}

static int make_folder(struct r3_err *err)
{
	const char *base = getenv("TMPDIR");

	if (folder[0])
		return 0;
	if ((size_t)snprintf(folder, sizeof(folder), "%s/ring3-web.XXXXXX", base && *base == '/' ? base : "/tmp") >= sizeof(folder) ||
	    !mkdtemp(folder)) {
		folder[0] = '\0';
		return err_set(err, errno, "no folder for captures: %s; TMPDIR says where", strerror(errno));
	}
	return 0;
}

static void forget(struct capture *c)
{
	unlink(c->path);
	*c = (struct capture){ 0 };
}

static void ended(void *ctx, int status, const char *text)
{
	struct capture *c = ctx;

	c->job = NULL;
	/* Ended by us, or with the switch. */
	snprintf(c->end, sizeof(c->end), "%s", status && status != 128 + SIGTERM ? text : "");
	if (c->remove)
		forget(c);
}

int capture_start(const char *name, const char *port, struct r3_err *err)
{
	struct capture *c = all;
	char *argv[8] = { "ring3", "net", "capture", (char *)name };
	int n = 4;

	while (c < all + CAPTURES_MAX && c->number)
		c++;
	if (c == all + CAPTURES_MAX)
		return err_set(err, EBUSY, "there are %d captures already; remove one", CAPTURES_MAX);
	if (make_folder(err))
		return err->code;
	if (port)
		argv[n++] = (char *)port;
	snprintf(c->path, sizeof(c->path), "%s/%d.pcapng", folder, last_number + 1);
	argv[n++] = "-w";
	argv[n++] = c->path;
	c->job = job_start(argv, ended, c, err);
	if (!c->job)
		return err->code;
	c->number = ++last_number;
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->port, sizeof(c->port), "%s", port ? port : "");
	c->end[0] = '\0';
	return c->number;
}

int capture_stop(int number, struct r3_err *err)
{
	struct capture *c = find(number);

	if (!c)
		return err_set(err, ENOENT, "there is no capture %d", number);
	if (c->job)
		job_signal(c->job, SIGTERM);
	return 0;
}

int capture_remove(int number, struct r3_err *err)
{
	struct capture *c = find(number);

	if (!c)
		return err_set(err, ENOENT, "there is no capture %d", number);
	c->remove = true;
	if (c->job)
		job_signal(c->job, SIGTERM);
	else
		forget(c);
	return 0;
}

const char *capture_path(const char *number)
{
	char *end;
	long n = strtol(number, &end, 10);
	struct capture *c = number[0] && (!*end || !strcmp(end, ".pcapng")) && n > 0 && n <= last_number ? find(n) : NULL;

	return c ? c->path : NULL;
}

struct json_object *captures_json(void)
{
	struct json_object *list = json_object_new_array(), *o;
	size_t i;

	for (i = 0; i < CAPTURES_MAX; i++) {
		const struct capture *c = &all[i];

		if (!c->number || c->remove)
			continue;
		o = json_object_new_object();
		json_object_object_add(o, "number", json_object_new_int(c->number));
		json_object_object_add(o, "switch", json_object_new_string(c->name));
		json_object_object_add(o, "port", json_object_new_string(c->port));
		json_object_object_add(o, "bytes", json_object_new_int64(size_of(c)));
		json_object_object_add(o, "running", json_object_new_boolean(c->job != NULL));
		if (c->end[0])
			json_object_object_add(o, "error", json_object_new_string(c->end));
		json_object_array_add(list, o);
	}
	return list;
}

void captures_tick(void)
{
	size_t i;

	for (i = 0; i < CAPTURES_MAX; i++)
		if (all[i].job && size_of(&all[i]) > CAPTURES_BYTES)
			job_signal(all[i].job, SIGTERM);
}

void captures_end(void)
{
	size_t i;

	for (i = 0; i < CAPTURES_MAX; i++) {
		if (all[i].job)
			job_signal(all[i].job, SIGTERM);
		if (all[i].number)
			unlink(all[i].path);
	}
	if (folder[0])
		rmdir(folder);
}
