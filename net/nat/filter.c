// SPDX-License-Identifier: GPL-2.0-or-later
/* The monitor's compiler of system call lists, with this program's table. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "jail/filter.c"
