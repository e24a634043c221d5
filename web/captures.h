/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captures of switches and ports: each is a file in a folder of the server's own, which is removed
 * when it ends, written by "ring3 net capture".
 */
#ifndef R3_WEB_CAPTURES_H
#define R3_WEB_CAPTURES_H

#include <stdbool.h>

#include <json-c/json.h>

#include "base/err.h"

#define CAPTURES_MAX		8
#define CAPTURES_BYTES		(256LL << 20)	/* one ends when it has got so long */

/* port NULL: all. The number of the capture. */
int capture_start(const char *name, const char *port, struct r3_err *err);
int capture_stop(int number, struct r3_err *err);
int capture_remove(int number, struct r3_err *err);

/* The file of a capture, by its number as a page has it. NULL: there is none. */
const char *capture_path(const char *number);

struct json_object *captures_json(void);

/* Each second: ends those that are too long. */
void captures_tick(void);
void captures_end(void);

#endif
