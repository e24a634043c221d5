/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of the monitor. */
#ifndef R3_THREAD_H
#define R3_THREAD_H

#include <pthread.h>

#include "base/err.h"

/**
 * thread_start() - a thread with all signals blocked
 * @what: for messages, as "device 3 (blk)"
 *
 * Return: 0, or a negative errno with the limits that it may have met in @err.
 */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, const char *what, struct r3_err *err);

#endif
