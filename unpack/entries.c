// SPDX-License-Identifier: GPL-2.0-or-later
#include "entries.h"

#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

#define WHITEOUT	".wh."
#define OPAQUE		".wh..wh..opq"
#define SPECIAL		".wh..wh."

static int take_attributes(struct archive_entry *e, const char *path, struct node *attr, struct r3_err *err)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	mode_t type = archive_entry_filetype(e);

	if (uid < 0 || uid > UINT32_MAX - 1 || gid < 0 || gid > UINT32_MAX - 1)
		return err_set(err, EINVAL, "it has a file whose owner %lld:%lld is not possible: %s", (long long)uid, (long long)gid, path);
	attr->uid = uid;
	attr->gid = gid;
	attr->mode = (type ? type : S_IFREG) | (archive_entry_perm(e) & 07777);
	attr->mtime = archive_entry_mtime(e);
	attr->mtime_nsec = archive_entry_mtime_nsec(e);
	if (type == AE_IFCHR || type == AE_IFBLK) {
		uint64_t major = archive_entry_rdevmajor(e), minor = archive_entry_rdevminor(e);

		if (major > 0xfff || minor > 0xfffff)
			return err_set(err, EINVAL, "it has a device whose number is not possible: %s", path);
		attr->major = major;
		attr->minor = minor;
	}
	return 0;
}

/* Other systems' (com.apple.*) have no place in ext4, which would be damaged by them; "system.data" is its own. */
static bool has_place(const char *name)
{
	static const char *const spaces[] = { "user.", "trusted.", "security." };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spaces); i++)
		if (!strncmp(name, spaces[i], strlen(spaces[i])))
			return name[strlen(spaces[i])];
	return !strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default");
}

static int take_xattrs(struct archive_entry *e, struct node *node, struct r3_err *err)
{
	const char *name;
	const void *value;
	size_t len;
	int ret = 0;

	archive_entry_xattr_reset(e);
	while (!ret && archive_entry_xattr_next(e, &name, &value, &len) == ARCHIVE_OK)
		ret = has_place(name) ? tree_xattr(node, name, value, len, err) : 0;
	return ret;
}

static int take_data(struct source *s, struct archive_entry *e, struct node *node, struct ext4 *fs, struct r3_err *err)
{
	const void *data;
	la_int64_t off;
	size_t len;
	int ret, got;

	while ((got = archive_read_data_block(s->tar, &data, &len, &off)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
		if (off < 0)
			return err_set(err, EINVAL, "a file of it has data before its beginning");
		ret = ext4_data(fs, node, data, len, off, err);
		if (ret)
			return ret;
	}
	if (got != ARCHIVE_EOF)
		return source_wrong(s, err);
	return ext4_data_end(fs, node, archive_entry_size(e), err);
}

/* 1: it was one, and is done. */
static int take_whiteout(struct tree *tree, const char *path, unsigned int layer, struct r3_err *err)
{
	char other[TREE_MAX_PATH];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int dir = slash ? slash + 1 - path : 0, ret;

	if (strncmp(name, WHITEOUT, strlen(WHITEOUT)))
		return 0;
	if (strlen(path) >= sizeof(other))
		return err_set(err, ENAMETOOLONG, "it has a path of more than %d bytes", TREE_MAX_PATH);
	if (!strcmp(name, OPAQUE)) {
		snprintf(other, sizeof(other), "%.*s", dir, path);
		ret = tree_opaque(tree, other, layer, err);
		return ret ? ret : 1;
	}
	/* What a union file system kept for itself. */
	if (!strncmp(name, SPECIAL, strlen(SPECIAL)))
		return 1;
	name += strlen(WHITEOUT);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(err, EINVAL, "it has a whiteout of no name: %s", path);
	snprintf(other, sizeof(other), "%.*s%s", dir, path, name);
	ret = tree_whiteout(tree, other, layer, err);
	return ret ? ret : 1;
}

static int one_entry(struct source *s, struct archive_entry *e, struct tree *tree, struct ext4 *fs, unsigned int layer,
		     struct r3_err *err)
{
	struct tree_entry entry = {
		.path = archive_entry_pathname(e) ?: archive_entry_pathname_utf8(e),
		.hardlink = archive_entry_hardlink(e) ?: archive_entry_hardlink_utf8(e),
		.symlink = archive_entry_symlink(e) ?: archive_entry_symlink_utf8(e),
		.layer = layer,
	};
	struct node *node;
	int ret;

	if (!entry.path || !entry.path[0])
		return err_set(err, EINVAL, "it has an entry without a name, or with one that cannot be read");
	ret = layer ? take_whiteout(tree, entry.path, layer, err) : 0;
	if (ret)
		return ret < 0 ? ret : 0;
	ret = take_attributes(e, entry.path, &entry.attr, err);
	if (!ret)
		ret = tree_add(tree, &entry, &node, err);
	if (ret || !node)
		return ret;
	ret = take_xattrs(e, node, err);
	if (ret || !S_ISREG(node->mode))
		return ret;
	return take_data(s, e, node, fs, err);
}

int entries_apply(struct source *source, struct tree *tree, struct ext4 *fs, unsigned int layer, struct r3_err *err)
{
	struct archive_entry *e;
	int ret, got;

	while ((got = archive_read_next_header(source->tar, &e)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
		ret = one_entry(source, e, tree, fs, layer, err);
		if (ret)
			return ret;
	}
	return got == ARCHIVE_EOF ? 0 : source_wrong(source, err);
}
