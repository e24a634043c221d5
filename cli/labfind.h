/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lab a user means who names it, its file, or nothing. */
#ifndef R3_LABFIND_H
#define R3_LABFIND_H

#include <stddef.h>

#include "base/err.h"

/* name: of --name, or NULL; word: a file, folder or lab, or NULL. -ENOENT: ring3 up has started no such lab. */
int labfind(const char *name, const char *word, char *lab, size_t size, struct r3_err *err);

#endif
