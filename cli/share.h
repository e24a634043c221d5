/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of the host in a guest: one ring3-fs for each, and words for the guest's agent. */
#ifndef R3_SHARE_H
#define R3_SHARE_H

#include "config.h"

/* Opens the folders and adds their devices to cfg. 0, or -errno with err set. */
int share_open(struct run_config *cfg, const struct run_options *opt, struct r3_err *err);

/* For the kernel's command line, separated by spaces. */
const char *share_words(const struct shares *shares);

#endif
