/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks of a lab in ring3's own form, and what a machine says of them. */
#ifndef R3_LABNETS_H
#define R3_LABNETS_H

#include "labread.h"

/* networks: of the file. */
int labnets_read(struct labread *r, struct ynode *map);
/* networks: of a machine; and what it has that says nothing. */
int labnets_cards(struct labread *r, struct ynode *v);
int labnets_default(struct labread *r, const struct ynode *machine);
/* Subnets of those that need one. */
void labnets_finish(struct lab *lab);

#endif
