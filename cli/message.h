/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ring3 says on stderr: the only way there, so that nothing of it is a control. */
#ifndef R3_MESSAGE_H
#define R3_MESSAGE_H

#include <stddef.h>

/* One line "ring3: ...", right also on a raw terminal. */
void message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From now on all of it is also given to @fn; NULL: no more. */
void message_copy(void (*fn)(void *ctx, const char *text, size_t len), void *ctx);

/* Lines that somebody else wrote, as a guest's kernel. */
void message_text(const char *text, size_t len);

#endif
