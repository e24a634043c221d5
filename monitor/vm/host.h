/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no guest can do without, asked of the host. */
#ifndef R3_HOST_H
#define R3_HOST_H

#include "base/err.h"

/**
 * host_fsgsbase - can programs use the FSGSBASE instructions?
 * @hwcap2: getauxval(AT_HWCAP2)
 * @err: says what is missing and the way out
 *
 * The guest's kernel keeps its per-CPU base in GS and switches thread pointers
 * by these instructions; where the host traps them nothing of it runs.
 */
int host_fsgsbase(unsigned long hwcap2, struct r3_err *err);

#endif
