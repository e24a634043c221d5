/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of options that several subcommands have. */
#ifndef R3_VALUES_H
#define R3_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* All of the value, in decimal, from min to max. */
int value_number(const char *option, const char *text, unsigned long min, unsigned long max,
		 unsigned int *value, struct r3_err *err);

/* "30", "0.5", "10m", "2h" as milliseconds, more than 0. */
int value_time(const char *option, const char *text, int64_t *ms, struct r3_err *err);

int value_size(const char *option, const char *text, uint64_t *size, struct r3_err *err);

/* "UID" or "UID:GID"; the group is the user's number if not given. */
int value_user(const char *option, const char *text, unsigned int *uid, unsigned int *gid,
	       struct r3_err *err);

/*
 * Host CPUs as "0-3,6" or "0-6:2", each once, in the order given. Each exists
 * and is one that this process may use.
 */
int value_host_cpus(const char *option, const char *text, unsigned short *list, unsigned int *nr,
		    unsigned int max, struct r3_err *err);

/* NAME=VALUE added to a list that has room for max and the NULL behind it. */
int value_env(const char *option, const char *text, char **list, int *nr, int max, struct r3_err *err);

#endif
