/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of a guest kernel's symbols, from its ELF file: one that the user built. */
#ifndef R3_KSYM_H
#define R3_KSYM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ksym {
	const char *file;
	size_t size;
	const void *sym;	/* Elf64_Sym[nr] */
	size_t nr;
	const char *str;
	size_t str_size;
	int dwarf;		/* it has lines and types, too */
};

int ksym_open(struct ksym *k, const char *path, struct r3_err *err);
void ksym_close(struct ksym *k);

/* 0: there is none of this name. */
uint64_t ksym_find(const struct ksym *k, const char *name);

/* The function that an address is in, and how far; NULL: none. */
const char *ksym_name(const struct ksym *k, uint64_t addr, uint64_t *offset);

/* The kernel with symbols beside the one that runs: PATH.debug if there is one. To be freed. */
char *ksym_beside(const char *kernel);

#endif
