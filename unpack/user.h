/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user that an image names, by the image's own /etc/passwd and /etc/group. */
#ifndef R3_UNPACK_USER_H
#define R3_UNPACK_USER_H

#include <stdint.h>

#include "base/err.h"

/**
 * user_resolve() - USER, UID, USER:GROUP, ... as numbers
 * @passwd: @group: text of these files; empty if there are none
 */
int user_resolve(const char *spec, const char *passwd, const char *group, uint32_t *uid, uint32_t *gid, struct r3_err *err);

#endif
