/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of an x86-64 thread as gdb knows them: their order, sizes, and description. */
#ifndef R3_GDBREGS_H
#define R3_GDBREGS_H

#include <stddef.h>
#include <sys/user.h>

#define GDBREGS_SIZE	560
#define GDBREGS_MAX	16	/* bytes of one */

void gdbregs_pack(unsigned char *out, const struct user_regs_struct *regs, const struct user_fpregs_struct *fp);
void gdbregs_unpack(const unsigned char *in, struct user_regs_struct *regs, struct user_fpregs_struct *fp);

/* Where register number @nr is; 0 bytes: there is none. */
size_t gdbregs_place(unsigned int nr, size_t *offset);

/* Target description, XML. */
const char *gdbregs_xml(void);

#endif
