/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What debuggers and dumps have to know of a running guest, asked by its name. */
#ifndef R3_GUEST_H
#define R3_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "vmem.h"

struct guest {
	const char *name;
	pid_t monitor;
	bool paused;
	bool waits;		/* for a debugger, before its first instruction: "run --debug" */
	char kernel[4096];	/* file */
};

int guest_find(struct guest *g, const char *name, struct r3_err *err);

/* One request without an answer but "ok". */
int guest_ask(const char *name, const char *op, struct r3_err *err);

/* Its kernel's memory; symbols tell where the page table is. *symbols, the file that has them, is to be freed. */
int guest_memory(const struct guest *g, struct vmem *m, char **symbols, struct r3_err *err);

#endif
