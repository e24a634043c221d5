/* SPDX-License-Identifier: GPL-2.0-or-later */
/* containerlab's topologies. */
#ifndef R3_LABCLAB_H
#define R3_LABCLAB_H

#include "lab.h"
#include "yamltree.h"

/* Fills a new lab from the root of its file. */
int labclab_read(struct lab *lab, struct ynode *root, struct r3_err *err);

#endif
