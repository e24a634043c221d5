/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subcommand of ring3 that runs to its end without a terminal, and what it said last. */
#ifndef R3_WEB_JOB_H
#define R3_WEB_JOB_H

#include "base/err.h"

#define JOB_MAX	32

struct job;

/*
 * done: once, with its exit status and its last line without "ring3: ". Not called before
 * job_start() has returned.
 */
struct job *job_start(char *const argv[], void (*done)(void *ctx, int status, const char *text), void *ctx, struct r3_err *err);

void job_signal(struct job *j, int sig);

#endif
