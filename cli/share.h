/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of the host in a guest: one ring3-fs for each, and words for the guest's agent. */
#ifndef R3_SHARE_H
#define R3_SHARE_H

#include <limits.h>
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

/*
 * One that comes while the guest runs: the folder, with this tag, becomes the only device of vhosts, which keeps
 * it. guest: filled with where it is to be in the guest. What opt points to stays the caller's.
 */
int share_plug(const struct shareopt *opt, const char *tag, enum jail_mode jail, struct vhosts *vhosts, char guest[PATH_MAX], struct r3_err *err);

/* Is one of them at this path of the guest's? shares: NULL: there are none. */
bool share_is_at(const struct shares *shares, const char *guest);

/* For the kernel's command line, separated by spaces. */
const char *share_words(const struct shares *shares);

#endif
