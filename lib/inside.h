/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of libring3: what its files have of each other. */
#ifndef RING3_INSIDE_H
#define RING3_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "base/err.h"
#include "ring3.h"

#define EXPORT		__attribute__((visibility("default")))

/* Constant from its making on: threads need no lock. */
struct ring3 {
	char name[RING3_NAME_SIZE];
	pid_t pid;			/* of its "ring3 run", to know it by */
};

/* machine.c */

/* *error, if there is one, from err; -EAGAIN, the cli's word for no answer, is -ETIMEDOUT. Return: the code. */
int inside_error(struct ring3_error *error, struct r3_err *err);

/* Connected to this very machine. */
int inside_connect(const struct ring3 *m, struct r3_err *err);

/* The point in time for loop_now(), -1: none. And what is left of it for poll(). */
int64_t inside_until(int timeout_ms);
int inside_left(int64_t until);

/* Takes the request. *reply is to be put; may be NULL. */
int inside_ask(const struct ring3 *m, struct json_object *req, int timeout_ms, struct json_object **reply, struct r3_err *err);

/* begin.c: ring3_exec() that is answered by then. */
int inside_exec(struct ring3 *m, const struct ring3_exec *exec, int64_t until, struct ring3_command **command, struct r3_err *err);

/* command.c: for ring3_run(), with the parts of a call that waits. All take the lock. */

/* What is there now; 0: nothing. */
size_t inside_take(struct ring3_command *c, int *stream, void *data, size_t size);
/* What can be had now; 0: nothing. -EPIPE. */
ssize_t inside_give(struct ring3_command *c, const void *data, size_t len);
/* Has it ended, and was all read? */
bool inside_over(struct ring3_command *c);
/* Until something came or went. 0, -ETIMEDOUT. */
int inside_step(struct ring3_command *c, int64_t until);

/* program.c */

/**
 * struct inside_program - a run of the program "ring3"
 * @argv: what follows its name, ends with NULL
 * @in: stdin, -1: /dev/null
 * @file_max: how large files may be that it writes, 0: as they may be
 * @out: the first of its stdout, with @out_size
 * @said: the last line of its stderr, without "ring3: "
 */
struct inside_program {
	const char *const *argv;
	int in;
	uint64_t file_max;
	char *out;
	size_t out_size;
	char said[900];
};

/* Return: its exit status, or -errno: it could not be started, or was killed when the time was up. */
int inside_program(struct inside_program *p, int timeout_ms, struct r3_err *err);

#endif
