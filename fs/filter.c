// SPDX-License-Identifier: GPL-2.0-or-later
/* The monitor's compiler of system call lists, with this program's table. */
#include <linux/fs.h>
#include <sys/uio.h>

#include "jail/filter.c"
