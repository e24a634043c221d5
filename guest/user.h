/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_GUEST_USER_H
#define R3_GUEST_USER_H

#include <sys/types.h>

struct user {
	uid_t uid;
	gid_t gid;
	char name[64];
	char home[256];
	char shell[256];
};

/* From the guest's /etc/passwd; sensible values if it is not there. */
void user_lookup(uid_t uid, struct user *user);

#endif
