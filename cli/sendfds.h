/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_SENDFDS_H
#define R3_SENDFDS_H

#include <stddef.h>

#define SENDFDS_MAX	8

/**
 * send_fds() - one message, with descriptors
 * @nr: of them; 0: none
 * @flags: MSG_*; there is no SIGPIPE in any case
 *
 * Return: 0, or -errno.
 */
int send_fds(int sock, const void *data, size_t len, const int *fds, unsigned int nr, int flags);

#endif
