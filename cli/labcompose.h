/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring3's own form of labs, with the keys of compose. */
#ifndef R3_LABCOMPOSE_H
#define R3_LABCOMPOSE_H

#include "lab.h"
#include "yamltree.h"

/* Fills a new lab from the root of its file. */
int labcompose_read(struct lab *lab, struct ynode *root, struct r3_err *err);

#endif
