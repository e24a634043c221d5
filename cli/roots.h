/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --root of an archive or an image: the disk that it becomes, and how its program runs. */
#ifndef R3_ROOTS_H
#define R3_ROOTS_H

#include "config.h"

/*
 * If --root names an archive or an image, it is made a disk, and what the options
 * do not say is as the image says. Before config_open().
 */
int roots_prepare(struct run_options *opt, struct r3_err *err);

#endif
