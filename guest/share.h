/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared folders: ring3.share=TAG[,ro]:PATH on the kernel's command line, one word for each. */
#ifndef R3_GUEST_SHARE_H
#define R3_GUEST_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#define SHARES_MAX	16

struct shares {
	unsigned int nr;
	struct share {
		char tag[37];
		bool ro;
		char path[1024];
	} share[SHARES_MAX];
};

/* The word's value. False if it makes no sense. */
bool share_parse(struct shares *s, const char *value);

/* Makes the directories and mounts them. False with a sentence if one cannot be. */
bool share_mount(const struct shares *s, char *why, size_t size);

#endif
