/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared folders: ring3.share=TAG[,ro]:PATH on the kernel's command line, one word for each. */
#ifndef R3_GUEST_SHARE_H
#define R3_GUEST_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#define SHARES_MAX	16
#define SHARE_PATH_MAX	1024

struct shares {
	unsigned int nr;
	struct share {
		char tag[37];
		bool ro;
		char path[SHARE_PATH_MAX];
	} share[SHARES_MAX];
};

/* The word's value. False if it makes no sense. */
bool share_parse(struct shares *s, const char *value);

/*
 * One that came later, with its directories. 0, or -errno: -EBUSY if something is
 * mounted there, which it would cover.
 */
int share_mount_one(const char *tag, const char *path, bool ro);

/* Takes it off wherever it is. 0, also if it is nowhere; -EBUSY: it is in use, and is where it was. */
int share_unmount(const char *tag, bool force);

/* Makes the directories and mounts them. False with a sentence if one cannot be. */
bool share_mount(const struct shares *s, char *why, size_t size);

#endif
