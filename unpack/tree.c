// SPDX-License-Identifier: GPL-2.0-or-later
#include "tree.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SYMLINKS	40

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* ---- names of one directory ---- */

struct key {
	struct name name;
	char text[TREE_MAX_NAME + 1];
};

static struct name *lookup(const struct node *dir, const char *text)
{
	struct key key;
	void *found;

	strcpy(key.name.text, text);
	found = tfind(&key.name, &dir->names, compare);
	return found ? *(struct name **)found : NULL;
}

static void node_free(struct node *node)
{
	unsigned int i;

	for (i = 0; i < node->nr_xattrs; i++) {
		free(node->xattr[i].name);
		free(node->xattr[i].value);
	}
	free(node->xattr);
	free(node->target);
	free(node->run);
	free(node);
}

static void unlink_name(struct tree *tree, struct node *dir, struct name *name);

/* Depth is bounded by TREE_MAX_DEPTH. The root of a search tree is, as what tfind() finds, where its name is. */
static void empty(struct tree *tree, struct node *dir)
{
	while (dir->names)
		unlink_name(tree, dir, *(struct name **)dir->names);
}

static void unlink_name(struct tree *tree, struct node *dir, struct name *name)
{
	struct node *node = name->node;

	tdelete(name, &dir->names, compare);
	if (S_ISDIR(node->mode)) {
		dir->subdirs--;
		empty(tree, node);
	}
	tree->nr_entries--;
	free(name);
	if (--node->links)
		return;
	if (node->nr_runs)
		tree->drop(tree->ctx, node);
	node_free(node);
}

static int link_name(struct tree *tree, struct node *dir, const char *text, struct node *node, unsigned int layer, struct r3_err *err)
{
	size_t len = strlen(text) + 1;
	struct name *name;

	if (tree->nr_entries >= TREE_MAX_ENTRIES)
		return err_set(err, EFBIG, "it has more than %d entries", TREE_MAX_ENTRIES);
	if (node->links >= TREE_MAX_LINKS)
		return err_set(err, EMLINK, "a file of it has more than %d hard links", TREE_MAX_LINKS);
	name = malloc(sizeof(*name) + len);
	if (!name)
		return err_set(err, ENOMEM, "no memory for its names");
	name->node = node;
	name->layer = layer;
	memcpy(name->text, text, len);
	if (!tsearch(name, &dir->names, compare)) {
		free(name);
		return err_set(err, ENOMEM, "no memory for its names");
	}
	node->links++;
	tree->nr_entries++;
	if (S_ISDIR(node->mode)) {
		dir->subdirs++;
		node->parent = dir;
		node->depth = dir->depth + 1;
	}
	return 0;
}

/* ---- paths ---- */

static struct node *make_dir(struct tree *tree, struct node *dir, const char *text, unsigned int layer, struct r3_err *err)
{
	struct node *node;

	if (dir->depth >= TREE_MAX_DEPTH) {
		err_set(err, ENAMETOOLONG, "it has directories that are nested more than %d deep", TREE_MAX_DEPTH);
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node) {
		err_set(err, ENOMEM, "no memory for its directories");
		return NULL;
	}
	node->mode = S_IFDIR | 0755;
	if (link_name(tree, dir, text, node, layer, err)) {
		node_free(node);
		return NULL;
	}
	return node;
}

/* The next component of *path into @text. 1, 0 at the end, or -errno. */
static int component(const char **path, char *text, struct r3_err *err)
{
	const char *p = *path;
	size_t len;

	for (;;) {
		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len != 1 || *p != '.')
			break;
		p++;
	}
	if (!len)
		return 0;
	if (len > TREE_MAX_NAME)
		return err_set(err, ENAMETOOLONG, "it has a name of %zu bytes; %d are possible", len, TREE_MAX_NAME);
	memcpy(text, p, len);
	text[len] = 0;
	*path = p + len;
	return 1;
}

struct walk {
	struct tree *tree;
	unsigned int layer;
	bool make;			/* missing directories */
	bool follow;			/* a symbolic link at the end, too */
	bool dots;			/* ".." is possible: the text is a symbolic link's */
	unsigned int symlinks;
	const char *whole;		/* for messages */
	struct node *dir;
	char last[TREE_MAX_NAME + 1];	/* empty: the path is that of dir */
};

static int walk(struct walk *w, const char *path, struct r3_err *err);

/* Into what @text is, on the way to something in it. */
static int enter(struct walk *w, const char *text, struct r3_err *err)
{
	struct name *name;
	struct node *made;

	if (!strcmp(text, "..")) {
		if (!w->dots)
			return err_set(err, EINVAL, "it has a name with \"..\" in it: %s", w->whole);
		if (w->dir->parent)
			w->dir = w->dir->parent;
		return 0;
	}
	name = lookup(w->dir, text);
	if (!name) {
		if (!w->make)
			return -ENOENT;
		made = make_dir(w->tree, w->dir, text, w->layer, err);
		if (!made)
			return err ? err->code : -ENOMEM;
		w->dir = made;
		return 0;
	}
	if (S_ISDIR(name->node->mode)) {
		if (w->make)
			name->layer = w->layer;
		w->dir = name->node;
		return 0;
	}
	if (S_ISLNK(name->node->mode)) {
		bool dots = w->dots, follow = w->follow;
		int ret;

		if (++w->symlinks > MAX_SYMLINKS)
			return err_set(err, ELOOP, "it has symbolic links in a circle at %s", w->whole);
		w->dots = true;
		w->follow = true;
		if (name->node->target[0] == '/')
			w->dir = w->tree->root;
		ret = walk(w, name->node->target, err);
		w->dots = dots;
		w->follow = follow;
		return ret;
	}
	return err_set(err, ENOTDIR, "it has something below %s, which is not a directory: %s", text, w->whole);
}

/* To the directory that @path is in. With follow, or at the end of a link, into it. */
static int walk(struct walk *w, const char *path, struct r3_err *err)
{
	char text[TREE_MAX_NAME + 1];
	int ret, more = component(&path, text, err);

	w->last[0] = 0;
	while (more > 0) {
		char next[TREE_MAX_NAME + 1];

		more = component(&path, next, err);
		if (more < 0)
			return more;
		if (!more && !w->follow) {
			if (!strcmp(text, ".."))
				return err_set(err, EINVAL, "it has a name with \"..\" in it: %s", w->whole);
			strcpy(w->last, text);
			return 0;
		}
		ret = enter(w, text, err);
		if (ret)
			return ret;
		strcpy(text, next);
	}
	return more;
}

static int find_parent(struct walk *w, struct tree *tree, const char *path, unsigned int layer, bool make, struct r3_err *err)
{
	*w = (struct walk){ .tree = tree, .layer = layer, .make = make, .whole = path, .dir = tree->root };
	if (strlen(path) >= TREE_MAX_PATH)
		return err_set(err, ENAMETOOLONG, "it has a path of more than %d bytes", TREE_MAX_PATH);
	return walk(w, path, err);
}

/* ---- entries ---- */

static void copy_attributes(struct node *to, const struct node *from)
{
	to->mode = from->mode;
	to->uid = from->uid;
	to->gid = from->gid;
	to->major = from->major;
	to->minor = from->minor;
	to->mtime = from->mtime;
	to->mtime_nsec = from->mtime_nsec;
}

static void drop_xattrs(struct node *node)
{
	while (node->nr_xattrs) {
		node->nr_xattrs--;
		free(node->xattr[node->nr_xattrs].name);
		free(node->xattr[node->nr_xattrs].value);
	}
}

static int add_hardlink(struct tree *tree, struct walk *w, const struct tree_entry *entry, struct r3_err *err)
{
	struct name *old = lookup(w->dir, w->last), *name;
	struct node *node;
	struct walk to;
	int ret = find_parent(&to, tree, entry->hardlink, entry->layer, false, err);

	name = !ret && to.last[0] ? lookup(to.dir, to.last) : NULL;
	if (ret && ret != -ENOENT && ret != -ENOTDIR)
		return ret;
	if (!name || S_ISDIR(name->node->mode))
		return err_set(err, EINVAL, "it has a hard link %s to %s, which is not a file in it", entry->path, entry->hardlink);
	if (old && old->node == name->node) {
		old->layer = entry->layer;
		return 0;
	}
	node = name->node;
	/* The old one may be a directory with the file in it: kept, not freed with that. */
	node->links++;
	if (old)
		unlink_name(tree, w->dir, old);
	node->links--;
	ret = link_name(tree, w->dir, w->last, node, entry->layer, err);
	if (ret && !node->links)
		node_free(node);
	return ret;
}

static int add_dir(struct tree *tree, struct walk *w, const struct tree_entry *entry, struct node **node, struct r3_err *err)
{
	struct name *old = w->last[0] ? lookup(w->dir, w->last) : NULL;
	struct node *dir;

	if (!w->last[0]) {
		dir = w->dir;
	} else if (old && S_ISDIR(old->node->mode)) {
		dir = old->node;
		old->layer = entry->layer;
	} else {
		if (old)
			unlink_name(tree, w->dir, old);
		dir = make_dir(tree, w->dir, w->last, entry->layer, err);
	}
	if (!dir)
		return err->code;
	copy_attributes(dir, &entry->attr);
	drop_xattrs(dir);
	*node = dir;
	return 0;
}

static int add_other(struct tree *tree, struct walk *w, const struct tree_entry *entry, struct node **made, struct r3_err *err)
{
	struct name *old = lookup(w->dir, w->last);
	struct node *node = calloc(1, sizeof(*node));
	int ret;

	if (!node)
		return err_set(err, ENOMEM, "no memory for its files");
	copy_attributes(node, &entry->attr);
	if (S_ISLNK(node->mode)) {
		node->target = strdup(entry->symlink ? entry->symlink : "");
		if (!node->target || !node->target[0] || strlen(node->target) >= TREE_MAX_PATH) {
			ret = err_set(err, EINVAL, "it has a symbolic link %s that leads nowhere or is too long", entry->path);
			node_free(node);
			return ret;
		}
		node->size = strlen(node->target);
		node->mode = S_IFLNK | 0777;
	}
	if (old)
		unlink_name(tree, w->dir, old);
	ret = link_name(tree, w->dir, w->last, node, entry->layer, err);
	if (ret) {
		node_free(node);
		return ret;
	}
	*made = node;
	return 0;
}

int tree_add(struct tree *tree, const struct tree_entry *entry, struct node **node, struct r3_err *err)
{
	struct walk w;
	int ret = find_parent(&w, tree, entry->path, entry->layer, true, err);

	*node = NULL;
	if (ret)
		return ret;
	if (!entry->hardlink && S_ISDIR(entry->attr.mode))
		return add_dir(tree, &w, entry, node, err);
	if (!w.last[0])
		return err_set(err, EINVAL, "its root is not a directory");
	if (entry->hardlink)
		return add_hardlink(tree, &w, entry, err);
	return add_other(tree, &w, entry, node, err);
}

/* ---- whiteouts ---- */

static bool prune(struct tree *tree, struct node *dir, unsigned int layer);

struct visit {
	struct name **list;
	size_t n, room;
	bool failed;
};

static void collect(const void *p, VISIT visit, void *ctx)
{
	struct visit *v = ctx;

	if (visit != postorder && visit != leaf)
		return;
	if (v->n == v->room) {
		size_t room = v->room ? 2 * v->room : 64;
		struct name **list = realloc(v->list, room * sizeof(*list));

		if (!list) {
			v->failed = true;
			return;
		}
		v->list = list;
		v->room = room;
	}
	v->list[v->n++] = *(struct name *const *)p;
}

/* True if the name stays, as it or something in it is of this layer. */
static bool prune_name(struct tree *tree, struct node *dir, struct name *name, unsigned int layer)
{
	bool stays = name->layer >= layer;

	if (S_ISDIR(name->node->mode) && prune(tree, name->node, layer))
		stays = true;
	if (!stays)
		unlink_name(tree, dir, name);
	return stays;
}

static bool prune(struct tree *tree, struct node *dir, unsigned int layer)
{
	struct visit v = { NULL };
	bool stays = false;
	size_t i;

	twalk_r(dir->names, collect, &v);
	for (i = 0; i < v.n; i++)
		stays |= prune_name(tree, dir, v.list[i], layer);
	free(v.list);
	return stays || v.failed;
}

int tree_whiteout(struct tree *tree, const char *path, unsigned int layer, struct r3_err *err)
{
	struct name *name;
	struct walk w;
	int ret = find_parent(&w, tree, path, layer, false, err);

	if (ret == -ENOENT || ret == -ENOTDIR)
		return 0;
	if (ret)
		return ret;
	name = w.last[0] ? lookup(w.dir, w.last) : NULL;
	if (name)
		prune_name(tree, w.dir, name, layer);
	return 0;
}

int tree_opaque(struct tree *tree, const char *path, unsigned int layer, struct r3_err *err)
{
	struct node *dir;

	if (strlen(path) >= TREE_MAX_PATH)
		return err_set(err, ENAMETOOLONG, "it has a path of more than %d bytes", TREE_MAX_PATH);
	dir = tree_find(tree, path);
	if (dir && S_ISDIR(dir->mode))
		prune(tree, dir, layer);
	return 0;
}

/* ---- the rest ---- */

int tree_xattr(struct node *node, const char *name, const void *value, size_t len, struct r3_err *err)
{
	size_t sum = strlen(name) + len;
	struct xattr *more;
	unsigned int i;

	for (i = 0; i < node->nr_xattrs; i++)
		sum += strlen(node->xattr[i].name) + node->xattr[i].len + 20;
	if (node->nr_xattrs >= TREE_MAX_XATTRS || sum > TREE_MAX_XATTR_BYTES || strlen(name) > TREE_MAX_NAME)
		return err_set(err, E2BIG, "a file of it has extended attributes that ext4 has no room for: %s", name);
	more = realloc(node->xattr, (node->nr_xattrs + 1) * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "no memory for its extended attributes");
	node->xattr = more;
	more += node->nr_xattrs;
	*more = (struct xattr){ strdup(name), malloc(len ? len : 1), len };
	node->nr_xattrs++;
	if (!more->name || !more->value)
		return err_set(err, ENOMEM, "no memory for its extended attributes");
	memcpy(more->value, value, len);
	return 0;
}

struct node *tree_find(struct tree *tree, const char *path)
{
	struct walk w = { .tree = tree, .follow = true, .dots = true, .whole = path, .dir = tree->root };
	char dir[TREE_MAX_PATH];
	const char *slash = strrchr(path, '/');
	struct name *name;
	int hops;

	if (strlen(path) >= sizeof(dir))
		return NULL;
	/* The file's own name may be a symbolic link: followed here, as walk() ends in directories. */
	for (hops = 0; hops < MAX_SYMLINKS; hops++) {
		snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
		if (walk(&w, dir, NULL))
			return NULL;
		path = slash ? slash + 1 : path;
		if (!*path || !strcmp(path, "."))
			return w.dir;
		if (!strcmp(path, ".."))
			return w.dir->parent ? w.dir->parent : w.dir;
		if (strlen(path) > TREE_MAX_NAME)
			return NULL;
		name = lookup(w.dir, path);
		if (!name || !S_ISLNK(name->node->mode))
			return name ? name->node : NULL;
		path = name->node->target;
		if (*path == '/')
			w.dir = tree->root;
		slash = strrchr(path, '/');
	}
	return NULL;
}

int tree_make_dir(struct tree *tree, const char *path, struct r3_err *err)
{
	struct walk w = { .tree = tree, .follow = true, .dots = true, .make = true, .whole = path, .dir = tree->root };

	if (strlen(path) >= TREE_MAX_PATH)
		return err_set(err, ENAMETOOLONG, "it has a path of more than %d bytes", TREE_MAX_PATH);
	return walk(&w, path, err);
}

int tree_each(const struct node *dir, int (*each)(void *ctx, const struct name *name), void *ctx)
{
	struct visit v = { NULL };
	int ret = 0;
	size_t i;

	twalk_r(dir->names, collect, &v);
	if (v.failed)
		ret = -ENOMEM;
	for (i = 0; !ret && i < v.n; i++)
		ret = each(ctx, v.list[i]);
	free(v.list);
	return ret;
}

int tree_init(struct tree *tree, struct r3_err *err)
{
	tree->root = calloc(1, sizeof(*tree->root));
	if (!tree->root)
		return err_set(err, ENOMEM, "no memory for a tree");
	tree->root->mode = S_IFDIR | 0755;
	tree->root->links = 1;
	return 0;
}

void tree_free(struct tree *tree)
{
	if (!tree->root)
		return;
	empty(tree, tree->root);
	node_free(tree->root);
	tree->root = NULL;
}
