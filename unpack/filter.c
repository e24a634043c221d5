// SPDX-License-Identifier: GPL-2.0-or-later
/* The monitor's compiler of system call lists, with these programs' table. */
#include <sys/stat.h>

#include "jail/filter.c"
