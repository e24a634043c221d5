/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_LABPRINT_H
#define R3_LABPRINT_H

#include "labplan.h"

/* The commands for a shell that would start it, on stdout. Not 0: they could not be written. */
int labprint(const struct labplan *plan);

#endif
