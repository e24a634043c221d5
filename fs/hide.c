// SPDX-License-Identifier: GPL-2.0-or-later
#include "hide.h"

#include <string.h>

#include "base/util.h"

/* Programs, libraries, and what they are configured by. */
static const char *const shown[] = {
	"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32", "usr", "etc", "opt", "var", "nix", "gnu", "snap",
};

bool hide_is_shown(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shown); i++)
		if (!strcmp(shown[i], name))
			return true;
	return false;
}

static bool same(struct hide_id a, struct hide_id b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

bool hide_public(const struct stat *st)
{
	mode_t needed = S_ISLNK(st->st_mode) ? 0 : S_ISDIR(st->st_mode) ? S_IROTH | S_IXOTH : S_IROTH;

	return (st->st_mode & needed) == needed;
}

static bool is_closed(const struct hide *h, struct hide_id id)
{
	size_t i;

	for (i = 0; i < h->nr_closed; i++)
		if (same(h->closed[i], id))
			return true;
	return false;
}

bool hide_closed(const struct hide *h, const struct inode *dir)
{
	return is_closed(h, (struct hide_id){ dir->dev, dir->ino });
}

static bool is_named(const struct hide *h, struct hide_id dir, const char *name)
{
	size_t i;

	for (i = 0; i < h->nr; i++)
		if (h->name[i].found && same(h->name[i].dir, dir) && !strcmp(h->name[i].last, name))
			return true;
	return false;
}

bool hide_name(const struct hide *h, const struct stat *dir_st, const char *name, const struct stat *st)
{
	struct hide_id dir = hide_id(dir_st);

	if (is_closed(h, dir) || !hide_public(dir_st))
		return true;
	if (S_ISDIR(st->st_mode)) {
		/* One that replaced another since the start, or was mounted, is not known to be empty. */
		if ((same(dir, h->root) && !hide_is_shown(name)) || is_named(h, dir, name))
			return !is_closed(h, hide_id(st));
		return false;
	}
	if (S_ISLNK(st->st_mode))
		return is_named(h, dir, name);
	return same(dir, h->root) || !S_ISREG(st->st_mode) || !hide_public(st) || is_named(h, dir, name);
}

