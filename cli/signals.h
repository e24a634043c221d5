/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals as something to read: those that programs like ours pass on. */
#ifndef R3_SIGNALS_H
#define R3_SIGNALS_H

#include "base/err.h"

/**
 * signals_open - take the signals that end, resize, stop or bereave a command
 * @err: filled on failure
 *
 * From now on they are blocked, and SIGPIPE is ignored.
 *
 * Return: a signalfd, or -errno.
 */
int signals_open(struct r3_err *err);

/* As a program expects them at its start: none is blocked, ignored or caught. For children. */
void signals_default(void);

#endif
