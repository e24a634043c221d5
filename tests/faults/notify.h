/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose system calls are held by a seccomp listener, and answered here. */
#ifndef R3_TEST_NOTIFY_H
#define R3_TEST_NOTIFY_H

#include <linux/filter.h>
#include <linux/seccomp.h>

/* Fills in what the call gives; 0 and no error if it does nothing. */
typedef void (*notify_fn)(const struct seccomp_notif *req, struct seccomp_notif_resp *resp);

/**
 * notify_run() - run a command, under a filter that holds calls
 * @program: for messages
 * @prog: SECCOMP_RET_USER_NOTIF for what @fn answers; children have it too
 * @cmd: its words, NULL at the end
 *
 * Return: its exit status, or 128 and its signal. Exits if it cannot be started.
 */
int notify_run(const char *program, const struct sock_fprog *prog, notify_fn fn, char **cmd);

#endif
