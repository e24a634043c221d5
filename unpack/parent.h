/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of the control socket: `ring3 run`, which has the files and decides. */
#ifndef R3_UNPACK_PARENT_H
#define R3_UNPACK_PARENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* What is known now, and what is to be made of it. */
struct parent_want {
	bool make;			/* else: nothing, it is there already */
	int image, settings;		/* empty files */
};

void parent_open(int fd);
/* The file of a blob, by its digest in hexadecimal; or -errno. */
int parent_blob(const char *digest, struct r3_err *err);
/* A file without a name, for what is needed meanwhile. */
int parent_scratch(struct r3_err *err);
/* It is this image. Return: 0 and what to do, or -errno. */
int parent_image(const char *digest, struct parent_want *want, struct r3_err *err);
void parent_progress(unsigned int percent);
void parent_done(void);
void parent_error(const char *text);

#endif
