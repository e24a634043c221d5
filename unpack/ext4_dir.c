// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A directory of one block is a list. A larger one is found through by a hash tree
 * (Documentation/filesystems/ext4/directory.rst of the kernel): the first block is its root, then come
 * leaves with entries in the order of their hashes, then nodes between both if there
 * are more leaves than the root has room for.
 */
#include "ext4_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "ext4.h"

#define HEAD		offsetof(struct ext2_dir_entry_2, name)
#define DOT_LEN		12u		/* of an entry with a name of up to four bytes */
#define ROOT_LIMIT	((EXT4_BLOCK - 2 * DOT_LEN - sizeof(struct ext2_dx_root_info)) / sizeof(struct ext2_dx_entry))
#define NODE_LIMIT	((EXT4_BLOCK - HEAD) / sizeof(struct ext2_dx_entry))

struct item {
	const struct name *name;
	ext2_dirhash_t hash, minor;
};

struct pack {
	const struct ext2_super_block *sb;
	struct item *item;
	size_t n, room;
	uint8_t *data;
	size_t blocks, room_blocks;
	uint32_t *first;		/* of each leaf: hash of its first entry */
	size_t leaves;
	struct r3_err *err;
};

static int no_memory(struct pack *p)
{
	return err_set(p->err, ENOMEM, "no memory for its directories");
}

static uint8_t file_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return EXT2_FT_REG_FILE;
	case S_IFDIR: return EXT2_FT_DIR;
	case S_IFCHR: return EXT2_FT_CHRDEV;
	case S_IFBLK: return EXT2_FT_BLKDEV;
	case S_IFIFO: return EXT2_FT_FIFO;
	case S_IFSOCK: return EXT2_FT_SOCK;
	default: return EXT2_FT_SYMLINK;
	}
}

static int each(void *ctx, const struct name *name)
{
	struct pack *p = ctx;
	struct item *more;

	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		more = realloc(p->item, p->room * sizeof(*more));
		if (!more)
			return no_memory(p);
		p->item = more;
	}
	p->item[p->n++] = (struct item){ .name = name };
	return 0;
}

/* One more block, of zeroes; NULL without memory. */
static uint8_t *new_block(struct pack *p)
{
	uint8_t *more;

	if (p->blocks == p->room_blocks) {
		p->room_blocks = p->room_blocks ? 2 * p->room_blocks : 1;
		more = realloc(p->data, p->room_blocks * EXT4_BLOCK);
		if (!more)
			return NULL;
		p->data = more;
	}
	more = p->data + p->blocks++ * EXT4_BLOCK;
	return memset(more, 0, EXT4_BLOCK);
}

/* Return: the bytes that it takes. */
static size_t put(uint8_t *at, const char *name, uint32_t ino, uint8_t type, size_t rec_len)
{
	struct ext2_dir_entry_2 *e = (void *)at;

	e->inode = ino;
	e->name_len = strlen(name);
	e->file_type = type;
	e->rec_len = rec_len ? rec_len : (HEAD + e->name_len + 3) & ~3ul;
	memcpy(e->name, name, e->name_len);
	return e->rec_len;
}

static uint32_t parent_ino(const struct node *dir)
{
	return dir->parent ? dir->parent->ino : dir->ino;
}

/* ---- one block ---- */

static size_t list_size(const struct pack *p)
{
	size_t size = 2 * DOT_LEN, i;

	for (i = 0; i < p->n; i++)
		size += (HEAD + strlen(p->item[i].name->text) + 3) & ~3ul;
	return size;
}

static int put_list(struct pack *p, const struct node *dir)
{
	uint8_t *block = new_block(p);
	size_t at = DOT_LEN, last = DOT_LEN, i;

	if (!block)
		return no_memory(p);
	put(block, ".", dir->ino, EXT2_FT_DIR, 0);
	at += put(block + at, "..", parent_ino(dir), EXT2_FT_DIR, 0);
	for (i = 0; i < p->n; i++) {
		const struct name *name = p->item[i].name;

		last = at;
		at += put(block + at, name->text, name->node->ino, file_type(name->node->mode), 0);
	}
	/* What is left of the block is the last one's. */
	((struct ext2_dir_entry_2 *)(block + last))->rec_len = EXT4_BLOCK - last;
	return 0;
}

/* ---- a hash tree ---- */

static int by_hash(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->minor > y->minor) - (x->minor < y->minor);
}

static int hash_all(struct pack *p)
{
	int version = p->sb->s_def_hash_version + (p->sb->s_flags & EXT2_FLAGS_UNSIGNED_HASH ? 3 : 0);
	size_t i;

	for (i = 0; i < p->n; i++) {
		const char *text = p->item[i].name->text;

		if (ext2fs_dirhash(version, text, strlen(text), p->sb->s_hash_seed, &p->item[i].hash, &p->item[i].minor))
			return err_set(p->err, EIO, "a name of it has no hash");
	}
	qsort(p->item, p->n, sizeof(*p->item), by_hash);
	return 0;
}

static int put_leaves(struct pack *p)
{
	uint8_t *block = NULL;
	size_t at = EXT4_BLOCK, last = 0, i;

	p->first = malloc((p->n + 1) * sizeof(*p->first));
	if (!p->first)
		return no_memory(p);
	for (i = 0; i < p->n; i++) {
		const struct name *name = p->item[i].name;

		if (at + ((HEAD + strlen(name->text) + 3) & ~3ul) > EXT4_BLOCK) {
			if (block)
				((struct ext2_dir_entry_2 *)(block + last))->rec_len = EXT4_BLOCK - last;
			block = new_block(p);
			if (!block)
				return no_memory(p);
			at = 0;
			/* The lowest bit: the block before has entries of the same hash. */
			p->first[p->leaves++] = p->item[i].hash | (i && p->item[i].hash == p->item[i - 1].hash);
		}
		last = at;
		at += put(block + at, name->text, name->node->ino, file_type(name->node->mode), 0);
	}
	((struct ext2_dir_entry_2 *)(block + last))->rec_len = EXT4_BLOCK - last;
	return 0;
}

/* The first entry's place is taken by how many there are, as nothing is below its hash. */
static void put_index(uint8_t *at, size_t limit, const uint32_t *hash, size_t stride, size_t n, uint32_t block, uint32_t step)
{
	struct ext2_dx_entry *e = (void *)at;
	struct ext2_dx_countlimit *c = (void *)at;
	size_t i;

	for (i = 0; i < n; i++, block += step) {
		e[i].hash = i ? hash[i * stride] : 0;
		e[i].block = block;
	}
	c->limit = limit;
	c->count = n;
}

static void put_root(struct pack *p, const struct node *dir, unsigned int levels)
{
	struct ext2_dx_root_info *info = (void *)(p->data + 2 * DOT_LEN);

	put(p->data, ".", dir->ino, EXT2_FT_DIR, 0);
	put(p->data + DOT_LEN, "..", parent_ino(dir), EXT2_FT_DIR, EXT4_BLOCK - DOT_LEN);
	info->hash_version = p->sb->s_def_hash_version;
	info->info_length = sizeof(*info);
	info->indirect_levels = levels;
}

static int put_tree(struct pack *p, const struct node *dir)
{
	size_t root = 2 * DOT_LEN + sizeof(struct ext2_dx_root_info), nodes, i;
	int ret = new_block(p) ? hash_all(p) : no_memory(p);

	if (!ret)
		ret = put_leaves(p);
	if (ret)
		return ret;
	nodes = p->leaves > ROOT_LIMIT ? (p->leaves + NODE_LIMIT - 1) / NODE_LIMIT : 0;
	if (nodes > ROOT_LIMIT)
		return err_set(p->err, EFBIG, "it has a directory with too many names");
	for (i = 0; i < nodes; i++) {
		size_t from = i * NODE_LIMIT, n = min_t(size_t, NODE_LIMIT, p->leaves - from);
		uint8_t *block = new_block(p);

		if (!block)
			return no_memory(p);
		((struct ext2_dir_entry_2 *)block)->rec_len = EXT4_BLOCK;
		put_index(block + HEAD, NODE_LIMIT, p->first + from, 1, n, 1 + from, 1);
	}
	put_root(p, dir, nodes ? 1 : 0);
	if (nodes)
		put_index(p->data + root, ROOT_LIMIT, p->first, NODE_LIMIT, nodes, 1 + p->leaves, 1);
	else
		put_index(p->data + root, ROOT_LIMIT, p->first, 1, p->leaves, 1, 1);
	return 0;
}

int ext4_dir_pack(const struct ext2_super_block *sb, const struct node *dir, uint8_t **data, size_t *len, bool *indexed, struct r3_err *err)
{
	struct pack p = { .sb = sb, .err = err };
	int ret = tree_each(dir, each, &p);

	*indexed = false;
	if (!ret)
		*indexed = list_size(&p) > EXT4_BLOCK;
	if (!ret)
		ret = *indexed ? put_tree(&p, dir) : put_list(&p, dir);
	free(p.item);
	free(p.first);
	*data = p.data;
	*len = p.blocks * EXT4_BLOCK;
	if (ret == -ENOMEM)
		no_memory(&p);
	return ret;
}
