/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack traces of a guest's kernel with file and line. */
#ifndef R3_DECODE_H
#define R3_DECODE_H

/*
 * Shows where the functions of the stack traces in @text (FUNCTION+0xOFFSET/0xSIZE) are
 * in the sources; nothing if the kernel has no lines, or this host no addr2line.
 */
void decode_show(const char *kernel, const char *text);

#endif
