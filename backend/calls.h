/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of system calls that is short, for back ends that need no table of them; by libseccomp. */
#ifndef R3_BACKEND_CALLS_H
#define R3_BACKEND_CALLS_H

#include <seccomp.h>
#include <stddef.h>

#include "base/err.h"

/* A call that is allowed where all of its arguments are so. */
struct call_rule {
	int call;
	unsigned int nr;
	struct scmp_arg_cmp arg[2];
};

/**
 * wall_calls() - leave the process these calls, and private memory that holds no code
 * @plain: with any arguments
 *
 * All others are ENOSYS from now on. Return: 0, or -errno with err set.
 */
int wall_calls(const int *plain, size_t nr_plain, const struct call_rule *rules, size_t nr_rules, struct r3_err *err);

#endif
