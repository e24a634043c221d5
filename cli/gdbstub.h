/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of gdb's remote protocol that the guest is at. */
#ifndef R3_GDBSTUB_H
#define R3_GDBSTUB_H

#include "tracee.h"

/*
 * Serves one debugger until it detaches or is gone. Returns false if the guest has
 * ended meanwhile.
 */
bool gdbstub_serve(struct tracee *tr, int in, int out);

#endif
