/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labs in YAML, whichever dialect it is. */
#ifndef R3_LABYAML_H
#define R3_LABYAML_H

#include "lab.h"
#include "yamltree.h"

/* Fills a new lab from the text of its file. lab_check() is still to come. */
int labyaml_read(struct lab *lab, const char *text, size_t len, yaml_getvar getvar, void *ctx, struct r3_err *err);

#endif
