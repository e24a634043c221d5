/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_FUZZ_FS_MESSAGES_H
#define R3_FUZZ_FS_MESSAGES_H

#include "fuzz.h"
#include "request.h"

/* Messages of a front end until the input is at its end. */
void fs_messages(struct input *in, struct share *s, struct request *r);

#endif
