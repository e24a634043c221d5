/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lab from what the user named: a file, or a folder that has one. */
#ifndef R3_LABLOAD_H
#define R3_LABLOAD_H

#include "lab.h"

/*
 * The file that is meant; path NULL: the current folder's. To be freed; NULL with err set.
 * It is absolute, and the same for each way to name it.
 */
char *labload_find(const char *path, struct r3_err *err);

/* Read and checked. file: of labload_find(); name: the lab's, or NULL for its own. To be freed by lab_free(). */
struct lab *labload(const char *file, const char *name, struct r3_err *err);

#endif
