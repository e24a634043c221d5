/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_UNPACK_COPY_JAIL_H
#define R3_UNPACK_COPY_JAIL_H

#include "base/err.h"
#include "jail/jail.h"

/*
 * The jail of ring3-copy. @below: the one directory that it may change, by
 * Landlock where the host has it; -1: none, and then all walls of ring3-unpack.
 */
int copy_jail(enum jail_mode mode, int below, struct r3_err *err);

#endif
