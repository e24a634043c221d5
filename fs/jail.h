/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The jail of ring3-fs: the shared folder, and nothing else of the host. */
#ifndef R3_FS_JAIL_H
#define R3_FS_JAIL_H

#include "jail/jail.h"
#include "share.h"

/*
 * fs_jail_process() - the process's walls, while there is one thread
 * @folder: descriptor of it; closed
 * @warning: a sentence for the user, or NULL
 *
 * Opens the share's root_fd and proc_fd, which is the working directory then. Return: 0 or -errno.
 */
int fs_jail_process(enum jail_mode mode, struct share *s, int folder, const char **warning, struct r3_err *err);

/* The lists of system calls, of the calling thread. */
/* @ro: nothing is written to */
int fs_jail_worker(enum jail_mode mode, bool ro);
int fs_jail_main(enum jail_mode mode, struct r3_err *err);

#endif
