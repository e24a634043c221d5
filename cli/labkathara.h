/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kathara's labs: a folder with lab.conf and what belongs to it. */
#ifndef R3_LABKATHARA_H
#define R3_LABKATHARA_H

#include "lab.h"

/* The text of lab.conf, and of lab.dep, which names machines that are there. */
int labkathara_conf(struct lab *lab, const char *text, struct r3_err *err);
int labkathara_dep(struct lab *lab, const char *text, struct r3_err *err);

/* What the folder has besides: scripts, files for machines, the shared folder, lab.dep. */
int labkathara_folder(struct lab *lab, struct r3_err *err);

/* All of a file that is not larger than a lab's may be; to be freed. NULL with err set. */
char *labkathara_read(const char *path, size_t *len, struct r3_err *err);

#endif
