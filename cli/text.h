/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that a guest, a client or a file name may have any bytes in, made fit for
 * a terminal. Everything that ring3 says itself goes through here; what passes
 * through as it is are the streams of commands and consoles.
 */
#ifndef R3_TEXT_H
#define R3_TEXT_H

#include <json-c/json.h>
#include <stddef.h>

/*
 * Replaces, byte by byte, what could control a terminal or is not seen as what it
 * is: controls but line ends and tabs, 8-bit ones too; characters that turn the
 * direction of text or only format it; what is no UTF-8. Returns the new length.
 */
size_t text_clean(char *text, size_t len);

/* The same for a terminated text that is to be one line, or a part of one. */
void text_line(char *text);

/*
 * JSON in one line and in ASCII: what else is in strings is escaped, so that it is
 * kept and harmless; what is no UTF-8 is replaced. To be freed; NULL without memory.
 */
char *text_json(struct json_object *o);

/*
 * The value of a line of JSON that another process has said, to be put; NULL: it is none, or has more parts than
 * any answer: an empty object of two bytes takes 700 of memory.
 */
struct json_object *text_parse(const char *json);

/* The number that o has as key, 0 if it has none or there is no o. */
int64_t text_number(struct json_object *o, const char *key);

#endif
