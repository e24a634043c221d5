/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_LABPREPARE_H
#define R3_LABPREPARE_H

#include "lab.h"

/*
 * Scripts for a machine, which are the lab's; NULL: there is nothing to do. hosts may be
 * run again when others have changed. 0, or -errno with err set.
 */
int labprepare(struct lab *lab, const struct lab_machine *m, char **prepare, char **hosts, struct r3_err *err);

#endif
