/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of the host in a guest: one ring3-fs for each, and words for the guest's agent. */
#ifndef R3_SHARE_H
#define R3_SHARE_H

#include <stdbool.h>

#include "base/err.h"
#include "jail/jail.h"
#include "shareopt.h"
#include "vhosts.h"

struct shares;

/*
 * Opens the folders and adds their devices. root: NULL, or the one that is the guest's root, with the
 * tag "root". NULL with err set if one cannot be had. What opt and root point to stays the caller's.
 */
struct shares *share_open(const struct shareopt *opt, int nr, const struct shareopt *root, enum jail_mode jail, struct vhosts *vhosts, struct r3_err *err);

/* For the kernel's command line, separated by spaces. */
const char *share_words(const struct shares *shares);

#endif
