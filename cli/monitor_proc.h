/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's process: a child that is the guest, and ends with us. */
#ifndef R3_MONITOR_PROC_H
#define R3_MONITOR_PROC_H

#include <sys/types.h>

#include "vm/vm.h"

struct monitor_proc {
	pid_t pid;			/* 0: none */
	int log_fd;			/* read end of its stderr, non-blocking; -1: none */
};

/* The descriptors named in @cfg stay the caller's. */
int monitor_start(struct monitor_proc *mon, const struct vm_config *cfg, struct r3_err *err);

/* Returns true, once, when it has ended, with its waitpid() status. */
bool monitor_reap(struct monitor_proc *mon, int *status);

void monitor_kill(struct monitor_proc *mon);

/* It was killed, but takes its time: not waited for, whatever it is at. */
void monitor_abandon(struct monitor_proc *mon);

#endif
