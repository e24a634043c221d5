/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --root names: a disk image, or what one is to be made of. */
#ifndef R3_ROOTREF_H
#define R3_ROOTREF_H

#include <limits.h>

#include "base/err.h"

enum rootref_kind {
	ROOTREF_DISK,			/* not ours: a disk image, whatever its format */
	ROOTREF_TAR,
	ROOTREF_OCI,
	ROOTREF_DOCKER,
};

struct rootref {
	enum rootref_kind kind;
	char path[PATH_MAX];		/* of the archive, or of the layout's directory */
	char name[256];			/* tag or image; empty: not given */
};

/*
 * oci:DIR[:TAG], docker-archive:FILE[:NAME], tar:FILE, and a FILE with the ending of a
 * tar archive. The content is not looked at.
 */
int rootref_parse(const char *text, struct rootref *ref, struct r3_err *err);

/* As ring3-unpack and people call it. */
const char *rootref_kind_name(enum rootref_kind kind);

#endif
