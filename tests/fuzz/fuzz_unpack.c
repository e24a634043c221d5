// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What ring3-unpack reads of strangers: descriptions of images, their users, and
 * trees. A tree is built by any sequence of entries, whiteouts and look-ups; what
 * must hold is that names, links and directories agree with each other.
 */
#include <search.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "manifest.h"
#include "tree.h"
#include "user.h"

#define STEPS_MAX	300

static unsigned int dropped;

static void drop(void *ctx, struct node *node)
{
	dropped++;
}

/* ---- texts ---- */

static char *text_of(struct input *in)
{
	size_t len;
	const uint8_t *p = in_bytes(in, in->len, &len);
	char *text = malloc(len + 1);

	memcpy(text, p, len);
	text[len] = 0;
	return text;
}

static void manifests(struct input *in)
{
	static struct docker_image image;
	static struct manifest manifest;
	struct image_config config;
	struct index_choice choice;
	uint8_t what = in8(in);
	char *text = text_of(in);
	struct r3_err err;
	unsigned int i;

	if (!manifest_index(text, what & 1 ? "tag" : NULL, &choice, &err))
		must(hex_digest_ok(choice.blob.digest));
	if (!manifest_read(text, &manifest, &err)) {
		must(manifest.nr_layers <= MANIFEST_MAX_LAYERS && hex_digest_ok(manifest.config.digest));
		for (i = 0; i < manifest.nr_layers; i++)
			must(hex_digest_ok(manifest.layer[i].digest));
	}
	if (!manifest_config(text, &config, &err)) {
		must(config.user && config.cwd && config.env && config.entrypoint && config.cmd);
		for (i = 0; i < config.nr_layers; i++)
			must(hex_digest_ok(config.diff_id[i]));
		manifest_config_free(&config);
	}
	if (!manifest_docker(text, what & 2 ? "name" : NULL, &image, &err))
		must(image.config[0] && image.nr_layers <= MANIFEST_MAX_LAYERS);
	free(text);
}

static void users(struct input *in)
{
	char *text = text_of(in), *passwd = text, *group, *end = text + strlen(text);
	uint32_t uid, gid;
	struct r3_err err;

	passwd = text + strcspn(text, "|");
	if (passwd < end)
		*passwd++ = 0;
	group = passwd + strcspn(passwd, "|");
	if (group < end)
		*group++ = 0;
	if (!user_resolve(text, passwd, group, &uid, &gid, &err))
		must(uid != UINT32_MAX && gid != UINT32_MAX);
	free(text);
}

/* ---- trees ---- */

static const char *const parts[] = { "a", "b", "c", "l", "..", ".", "a/b", "a/b/c", "l/x", "/", "", "b/../a", "/l", "x/y/z" };

static void path_of(struct input *in, char *path, size_t size)
{
	unsigned int n = 1 + in8(in) % 4, i;

	*path = 0;
	for (i = 0; i < n; i++) {
		size_t len = strlen(path);

		snprintf(path + len, size - len, "%s%s", i ? "/" : "", parts[in8(in) % (sizeof(parts) / sizeof(parts[0]))]);
	}
}

struct count {
	const struct node *dir;
	unsigned int names, subdirs;
	const char *last;
};

static int check(void *ctx, const struct name *name)
{
	struct count *c = ctx, sub = { name->node };

	must(name->text[0] && !strchr(name->text, '/') && strcmp(name->text, ".") && strcmp(name->text, ".."));
	must(!c->last || strcmp(c->last, name->text) < 0);
	c->last = name->text;
	c->names++;
	must(name->node->links >= 1);
	if (S_ISDIR(name->node->mode)) {
		must(name->node->parent == c->dir && name->node->links == 1 && name->node->depth == c->dir->depth + 1);
		c->subdirs++;
		tree_each(name->node, check, &sub);
		must(sub.subdirs == name->node->subdirs);
		c->names += sub.names;
	}
	return 0;
}

static void add(struct input *in, struct tree *tree, unsigned int layer)
{
	static const uint32_t types[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFREG, S_IFCHR, S_IFDIR };
	char path[256], other[256];
	struct tree_entry entry = { .path = path, .layer = layer };
	struct node *node;
	struct r3_err err = { 0 };
	uint8_t kind = in8(in);

	path_of(in, path, sizeof(path));
	path_of(in, other, sizeof(other));
	entry.attr.mode = types[kind % 6] | 0644;
	entry.symlink = other;
	if (kind & 64)
		entry.hardlink = other;
	if (tree_add(tree, &entry, &node, &err))
		must(err.msg[0]);
	else if (node && kind & 128)
		tree_xattr(node, "user.x", path, strlen(path), &err);
}

static void trees(struct input *in)
{
	struct tree tree = { .drop = drop };
	struct count all;
	struct r3_err err;
	unsigned int layer = 1, step;
	char path[256];

	must(!tree_init(&tree, &err));
	for (step = 0; in->len && step < STEPS_MAX; step++) {
		switch (in8(in) % 8) {
		case 0:
			layer++;
			break;
		case 1:
			path_of(in, path, sizeof(path));
			tree_whiteout(&tree, path, layer, &err);
			break;
		case 2:
			path_of(in, path, sizeof(path));
			tree_opaque(&tree, path, layer, &err);
			break;
		case 3:
			path_of(in, path, sizeof(path));
			tree_find(&tree, path);
			break;
		case 4:
			path_of(in, path, sizeof(path));
			tree_make_dir(&tree, path, &err);
			break;
		default:
			add(in, &tree, layer);
		}
	}
	all = (struct count){ tree.root };
	tree_each(tree.root, check, &all);
	must(all.names == tree.nr_entries && all.subdirs == tree.root->subdirs);
	tree_free(&tree);
	must(!tree.nr_entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	switch (in8(&in) % 3) {
	case 0:
		manifests(&in);
		break;
	case 1:
		users(&in);
		break;
	default:
		trees(&in);
	}
	return 0;
}
