/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labs in YAML: ring3's own form, with the keys of compose, and containerlab's topologies. */
#ifndef R3_LABCOMPOSE_H
#define R3_LABCOMPOSE_H

#include "lab.h"
#include "yamltree.h"

/* Fills a new lab from the root of its file. */
int labcompose_read(struct lab *lab, struct ynode *root, struct r3_err *err);
int labclab_read(struct lab *lab, struct ynode *root, struct r3_err *err);

/* Text of a file, whichever of the two it is. Machines are there, lab_check() is still to come. */
int labyaml_read(struct lab *lab, const char *text, size_t len, yaml_getvar getvar, void *ctx, struct r3_err *err);

#endif
