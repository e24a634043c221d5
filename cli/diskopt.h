/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk as the user asks for it: --disk FILE[,ro][,format=FORMAT][,serial=TEXT][,rate=BYTES][,iops=N], --root FILE[,format=...][,rate=...][,iops=...]. */
#ifndef R3_DISKOPT_H
#define R3_DISKOPT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct diskopt {
	char path[PATH_MAX];
	bool ro;
	const char *format;		/* as QEMU has it; "raw" is served by the monitor */
	char serial[21];		/* empty: none */
	uint64_t rate, iops;		/* bytes and requests a second; 0: without bound */
};

/*
 * option: as messages name it. The path may have commas, if what follows the last one is
 * no key. 0, or -errno with err set.
 */
int diskopt_parse(struct diskopt *d, const char *option, const char *text, struct r3_err *err);

#endif
