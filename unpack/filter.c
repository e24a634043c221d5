// SPDX-License-Identifier: GPL-2.0-or-later
/* The monitor's compiler of system call lists, with this program's table. */
#include "jail/filter.c"
