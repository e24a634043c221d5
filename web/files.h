/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that a page is made of: ours are in the program, xterm.js is the host's. */
#ifndef R3_WEB_FILES_H
#define R3_WEB_FILES_H

#include <stddef.h>

struct file {
	const char *name, *type;
	const char *data;
	size_t len;
};

/* Reads the host's. Those that are not there, the page does without. */
void files_load(void);

const struct file *files_find(const char *name);

#endif
