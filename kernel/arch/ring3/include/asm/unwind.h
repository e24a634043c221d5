/* SPDX-License-Identifier: GPL-2.0-only */
/* For x86's module.c: frame pointers need no tables. */
#ifndef _ASM_RING3_UNWIND_H
#define _ASM_RING3_UNWIND_H

static inline void unwind_module_init(struct module *mod, void *ip, size_t ip_size,
				      void *orc, size_t orc_size)
{
}

#endif
