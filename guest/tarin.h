/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tar archive on stdin, as `ring3 cp` makes one: with pax headers. */
#ifndef R3_GUEST_TARIN_H
#define R3_GUEST_TARIN_H

#include <limits.h>

#include "place.h"

struct tarin {
	struct place_entry entry;	/* until the next */
	uint64_t left, pad;		/* of its data */
	char path[PATH_MAX], link[PATH_MAX];
};

/* 1: there is one more entry, 0: there is none, or -errno. */
int tarin_next(struct tarin *in);
/* Bytes of its data, 0 at their end, or -errno. */
ssize_t tarin_data(struct tarin *in, void *buf, size_t len);

#endif
