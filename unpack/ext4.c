// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. File data is written as it comes, to blocks that follow each
 * other; where they are is kept in the tree's nodes. When the tree is complete it is
 * known what stays, and inodes and directories are written once, in the order of the
 * tree. What is zero is a hole. Groups that nothing was put into are not written
 * at all, so the image is as large as its content, whatever size the file system has.
 */
#include "ext4.h"

#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <ext2fs/ext3_extents.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "ext4_dir.h"

#define BUFFER		(1u << 20)
#define RUN_MAX		32768u		/* blocks of one extent */
#define JOURNAL_BLOCKS	8192u
#define INODE_SIZE	256
#define EXTRA_SIZE	32
#define FAST_SYMLINK	60
#define SUPER_BACKUPS	EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER

struct ext4 {
	ext2_filsys fs;
	int fd;
	blk64_t goal;
	uint8_t *buf;
	uint64_t buf_off;		/* of the file, a multiple of the block size */
	size_t fill;
	ext2_ino_t next;		/* inode to be given */
	uint32_t now;
};

static int failed(errcode_t e, const char *what, struct r3_err *err)
{
	if (e == EXT2_ET_BLOCK_ALLOC_FAIL || e == EXT2_ET_INODE_ALLOC_FAIL || e == ENOSPC)
		return err_set(err, ENOSPC, "it does not fit into the file system made for it");
	if (e > 0 && e < 4096)
		return err_set(err, e, "cannot write %s of the root's image: %s", what, strerror(e));
	return err_set(err, EIO, "cannot make %s of the root's image: error %ld of libext2fs", what, (long)e);
}

/* ---- an empty one ---- */

static void set_super(struct ext2_super_block *sb, uint64_t size, const uint8_t *id)
{
	sb->s_rev_level = EXT2_DYNAMIC_REV;
	sb->s_log_block_size = 2;
	sb->s_log_cluster_size = 2;
	sb->s_inode_size = INODE_SIZE;
	sb->s_min_extra_isize = sb->s_want_extra_isize = EXTRA_SIZE;
	ext2fs_blocks_count_set(sb, size / EXT4_BLOCK);
	/* One for each 16 KiB, as mke2fs does. */
	sb->s_inodes_count = size / 16384;
	sb->s_log_groups_per_flex = 4;
	sb->s_feature_compat = EXT2_FEATURE_COMPAT_DIR_INDEX | EXT2_FEATURE_COMPAT_EXT_ATTR;
	sb->s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_FLEX_BG;
	sb->s_feature_ro_compat = SUPER_BACKUPS | EXT2_FEATURE_RO_COMPAT_LARGE_FILE | EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
				  EXT4_FEATURE_RO_COMPAT_GDT_CSUM | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
				  EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;
	memcpy(sb->s_uuid, id, sizeof(sb->s_uuid));
}

/* Inode tables are holes of the image, so they read as zero: the guest need not write them. */
static int mark_groups(ext2_filsys fs, struct r3_err *err)
{
	dgrp_t i;
	errcode_t e;

	for (i = 0; i < fs->group_desc_count; i++)
		ext2fs_bg_flags_set(fs, i, EXT2_BG_INODE_ZEROED);
	e = ext2fs_set_gdt_csum(fs);
	return e ? failed(e, "the groups", err) : 0;
}

static void reserve_inodes(struct ext4 *f)
{
	ext2_ino_t ino;

	for (ino = 1; ino < EXT2_FIRST_INODE(f->fs->super); ino++)
		ext2fs_inode_alloc_stats2(f->fs, ino, +1, ino == EXT2_ROOT_INO);
	f->next = EXT2_FIRST_INODE(f->fs->super);
}

static int initialize(struct ext4 *f, uint64_t size, const uint8_t *id, struct r3_err *err)
{
	struct ext2_super_block sb = { 0 };
	struct ext2_inode none = { 0 };
	uint32_t seed[4];
	char name[16];
	errcode_t e;

	set_super(&sb, size, id);
	snprintf(name, sizeof(name), "%d", f->fd);
	e = ext2fs_initialize(name, EXT2_FLAG_EXCLUSIVE | EXT2_FLAG_64BITS, &sb, unixfd_io_manager, &f->fs);
	if (e)
		return failed(e, "the superblock", err);
	memcpy(f->fs->super->s_uuid, id, sizeof(sb.s_uuid));
	memcpy(seed, id, sizeof(seed));
	memcpy(f->fs->super->s_hash_seed, seed, sizeof(seed));
	f->fs->super->s_def_hash_version = EXT2_HASH_HALF_MD4;
	f->fs->super->s_flags |= EXT2_FLAGS_UNSIGNED_HASH;
	f->fs->super->s_max_mnt_count = -1;
	snprintf((char *)f->fs->super->s_volume_name, sizeof(f->fs->super->s_volume_name), "ring3-root");
	f->fs->now = f->now;
	f->fs->super->s_mkfs_time = f->fs->super->s_lastcheck = f->fs->super->s_wtime = f->now;
	e = ext2fs_allocate_tables(f->fs);
	if (e)
		return failed(e, "the tables", err);
	reserve_inodes(f);
	/* The list of bad blocks, which is empty. */
	e = ext2fs_write_inode(f->fs, EXT2_BAD_INO, &none);
	if (!e)
		e = ext2fs_add_journal_inode(f->fs, JOURNAL_BLOCKS, EXT2_MKJOURNAL_LAZYINIT | EXT2_MKJOURNAL_NO_MNT_CHECK);
	return e ? failed(e, "the journal", err) : 0;
}

int ext4_new(struct ext4 **fs, int fd, uint64_t size, const uint8_t *id, struct r3_err *err)
{
	struct ext4 *f = calloc(1, sizeof(*f));
	int ret;

	if (!f)
		return err_set(err, ENOMEM, "no memory for a file system");
	f->fd = fd;
	/* Not the time of day: the same content gives the same image. */
	f->now = 1;
	f->buf = malloc(BUFFER);
	if (!f->buf || ftruncate(fd, size) < 0)
		ret = err_set(err, f->buf ? errno : ENOMEM, "the root's image cannot be made %llu MiB large: %s",
			      (unsigned long long)(size >> 20), strerror(f->buf ? errno : ENOMEM));
	else
		ret = initialize(f, size, id, err);
	if (ret) {
		ext4_free(f);
		return ret;
	}
	*fs = f;
	return 0;
}

/* ---- data ---- */

static int add_run(struct node *node, uint64_t file_block, blk64_t disk_block, uint32_t n, struct r3_err *err)
{
	struct run *last = node->nr_runs ? &node->run[node->nr_runs - 1] : NULL, *more;

	if (last && last->file_block + last->n == file_block && last->disk_block + last->n == disk_block &&
	    last->n + n <= RUN_MAX) {
		last->n += n;
		return 0;
	}
	/* Doubled at each power of two. */
	if (!(node->nr_runs & (node->nr_runs - 1))) {
		more = realloc(node->run, (node->nr_runs ? 2 * node->nr_runs : 1) * sizeof(*more));
		if (!more)
			return err_set(err, ENOMEM, "no memory for the blocks of its files");
		node->run = more;
	}
	node->run[node->nr_runs++] = (struct run){ file_block, disk_block, n };
	return 0;
}

static int write_at(struct ext4 *f, const void *data, size_t len, blk64_t block, struct r3_err *err)
{
	off_t off = block * EXT4_BLOCK;
	ssize_t n;

	while (len) {
		n = pwrite(f->fd, data, len, off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			/* Not ENOSPC, which a larger file system would help. */
			return err_set(err, errno == ENOSPC || errno == EDQUOT || !n ? EDQUOT : errno,
				       "the root's image cannot be written: %s", strerror(n ? errno : ENOSPC));
		data = (const char *)data + n;
		len -= n;
		off += n;
	}
	return 0;
}

/* Blocks that hold something, which follow each other in the file. */
static int write_blocks(struct ext4 *f, struct node *node, const uint8_t *data, uint64_t file_block, uint32_t n, struct r3_err *err)
{
	while (n) {
		blk64_t block, got;
		errcode_t e = ext2fs_new_range(f->fs, 0, f->goal, n, NULL, &block, &got);
		int ret;

		if (e)
			return failed(e, "data", err);
		if (got > n)
			got = n;
		ext2fs_block_alloc_stats_range(f->fs, block, got, +1);
		f->goal = block + got;
		ret = add_run(node, file_block, block, got, err);
		if (!ret)
			ret = write_at(f, data, (size_t)got * EXT4_BLOCK, block, err);
		if (ret)
			return ret;
		data += (size_t)got * EXT4_BLOCK;
		file_block += got;
		n -= got;
	}
	return 0;
}

static bool is_zero(const uint8_t *block)
{
	return !block[0] && !memcmp(block, block + 1, EXT4_BLOCK - 1);
}

static int flush(struct ext4 *f, struct node *node, struct r3_err *err)
{
	uint32_t n = (f->fill + EXT4_BLOCK - 1) / EXT4_BLOCK, i, first;
	int ret;

	memset(f->buf + f->fill, 0, (size_t)n * EXT4_BLOCK - f->fill);
	for (i = 0; i < n; ) {
		if (is_zero(f->buf + (size_t)i * EXT4_BLOCK)) {
			i++;
			continue;
		}
		for (first = i; i < n && !is_zero(f->buf + (size_t)i * EXT4_BLOCK); i++)
			;
		ret = write_blocks(f, node, f->buf + (size_t)first * EXT4_BLOCK, f->buf_off / EXT4_BLOCK + first, i - first, err);
		if (ret)
			return ret;
	}
	f->fill = 0;
	return 0;
}

int ext4_data(struct ext4 *f, struct node *node, const void *data, size_t len, uint64_t off, struct r3_err *err)
{
	int ret;

	if (off > (1ULL << 43) || off < f->buf_off + f->fill)
		return err_set(err, EINVAL, "a file of it has data in an order that makes no sense");
	while (len) {
		size_t at, n;

		if (off - f->buf_off >= BUFFER) {
			ret = flush(f, node, err);
			if (ret)
				return ret;
			f->buf_off = off / EXT4_BLOCK * EXT4_BLOCK;
		}
		at = off - f->buf_off;
		n = min_t(size_t, len, BUFFER - at);
		memset(f->buf + f->fill, 0, at - f->fill);
		memcpy(f->buf + at, data, n);
		f->fill = at + n;
		data = (const char *)data + n;
		off += n;
		len -= n;
	}
	return 0;
}

int ext4_data_end(struct ext4 *f, struct node *node, uint64_t size, struct r3_err *err)
{
	uint64_t end = f->buf_off + f->fill;
	int ret = flush(f, node, err);

	f->buf_off = 0;
	if (ret)
		return ret;
	/* By the map of a sparse one; a file without data has no end of it. */
	if (end > size)
		return err_set(err, EINVAL, "a file of it has data behind its end");
	if (size > (1ULL << 43))
		return err_set(err, EFBIG, "a file of it is larger than any that ext4 can have");
	node->size = size;
	return 0;
}

void ext4_drop(void *ctx, struct node *node)
{
	struct ext4 *f = ctx;
	unsigned int i;

	for (i = 0; i < node->nr_runs; i++) {
		const struct run *run = &node->run[i];

		ext2fs_block_alloc_stats_range(f->fs, run->disk_block, run->n, -1);
		/* Space on the host's disk; the content does no harm where this does not work. */
		if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, run->disk_block * EXT4_BLOCK,
			      (off_t)run->n * EXT4_BLOCK) < 0)
			continue;
	}
}

ssize_t ext4_read(struct ext4 *f, const struct node *node, void *data, size_t len)
{
	unsigned int i;

	len = min_t(uint64_t, len, node->size);
	memset(data, 0, len);
	for (i = 0; i < node->nr_runs; i++) {
		uint64_t at = node->run[i].file_block * EXT4_BLOCK;
		size_t n = (size_t)node->run[i].n * EXT4_BLOCK;

		if (at >= len)
			continue;
		n = min_t(size_t, n, len - at);
		if (pread(f->fd, (char *)data + at, n, node->run[i].disk_block * EXT4_BLOCK) != (ssize_t)n)
			return -EIO;
	}
	return len;
}

/* ---- inodes ---- */

static uint32_t extra_time(int64_t sec, uint32_t nsec)
{
	return (((sec - (int32_t)sec) >> 32) & 3) | nsec << 2;
}

static void set_times(struct ext2_inode_large *ino, const struct node *node)
{
	int64_t sec = node->mtime;
	uint32_t nsec = node->mtime_nsec < 1000000000 ? node->mtime_nsec : 0;

	/* What 34 bits hold. */
	if (sec < INT32_MIN)
		sec = INT32_MIN;
	if (sec > 0x37fffffffLL)
		sec = 0x37fffffffLL;
	ino->i_atime = ino->i_mtime = ino->i_ctime = ino->i_crtime = (uint32_t)sec;
	ino->i_atime_extra = ino->i_mtime_extra = ino->i_ctime_extra = ino->i_crtime_extra = extra_time(sec, nsec);
}

static void set_device(struct ext2_inode_large *ino, const struct node *node)
{
	if (node->major < 256 && node->minor < 256)
		ino->i_block[0] = node->major << 8 | node->minor;
	else
		ino->i_block[1] = (node->minor & 0xff) | (node->major & 0xfff) << 8 | (node->minor & 0xfff00) << 12;
}

static void no_extents(struct ext2_inode_large *ino)
{
	struct ext3_extent_header head = {
		.eh_magic = EXT3_EXT_MAGIC,
		.eh_max = (sizeof(ino->i_block) - sizeof(head)) / sizeof(struct ext3_extent),
	};

	memcpy(ino->i_block, &head, sizeof(head));
	ino->i_flags = EXT4_EXTENTS_FL;
}

static uint64_t count_blocks(const struct node *node)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < node->nr_runs; i++)
		n += node->run[i].n;
	return n;
}

static errcode_t write_extents(struct ext4 *f, const struct node *node)
{
	ext2_extent_handle_t handle;
	errcode_t e = ext2fs_extent_open(f->fs, node->ino, &handle);
	unsigned int i;

	if (e)
		return e;
	for (i = 0; !e && i < node->nr_runs; i++) {
		struct ext2fs_extent extent = {
			.e_pblk = node->run[i].disk_block,
			.e_lblk = node->run[i].file_block,
			.e_len = node->run[i].n,
			.e_flags = EXT2_EXTENT_FLAGS_LEAF,
		};

		e = ext2fs_extent_insert(handle, i ? EXT2_EXTENT_INSERT_AFTER : 0, &extent);
		if (!e)
			e = ext2fs_extent_fix_parents(handle);
	}
	ext2fs_extent_free(handle);
	return e;
}

static errcode_t write_xattrs(struct ext4 *f, const struct node *node)
{
	struct ext2_xattr_handle *handle;
	errcode_t e = ext2fs_xattrs_open(f->fs, node->ino, &handle);
	unsigned int i;

	if (e)
		return e;
	for (i = 0; !e && i < node->nr_xattrs; i++)
		e = ext2fs_xattr_set(handle, node->xattr[i].name, node->xattr[i].value, node->xattr[i].len);
	ext2fs_xattrs_close(&handle);
	return e;
}

static int write_inode(struct ext4 *f, struct node *node, uint32_t flags, struct r3_err *err)
{
	struct ext2_inode_large ino = { 0 };
	errcode_t e;

	ino.i_mode = node->mode;
	ino.i_uid = node->uid;
	ino.osd2.linux2.l_i_uid_high = node->uid >> 16;
	ino.i_gid = node->gid;
	ino.osd2.linux2.l_i_gid_high = node->gid >> 16;
	ino.i_extra_isize = EXTRA_SIZE;
	ino.i_links_count = S_ISDIR(node->mode) ? (node->subdirs + 2 > TREE_MAX_LINKS ? 1 : node->subdirs + 2) : node->links;
	set_times(&ino, node);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		set_device(&ino, node);
	else if (S_ISLNK(node->mode) && node->size < FAST_SYMLINK)
		memcpy(ino.i_block, node->target, node->size);
	else if (S_ISREG(node->mode) || S_ISDIR(node->mode) || S_ISLNK(node->mode))
		no_extents(&ino);
	ino.i_flags |= flags;
	ext2fs_inode_size_set(f->fs, EXT2_INODE(&ino), node->size);
	ext2fs_iblk_set(f->fs, EXT2_INODE(&ino), count_blocks(node));
	e = ext2fs_write_inode_full(f->fs, node->ino, EXT2_INODE(&ino), sizeof(ino));
	if (!e && ino.i_flags & EXT4_EXTENTS_FL)
		e = write_extents(f, node);
	if (!e && node->nr_xattrs)
		e = write_xattrs(f, node);
	if (e == EXT2_ET_EA_NO_SPACE || e == EXT2_ET_EA_KEY_NOT_FOUND || e == EXT2_ET_EA_BAD_NAME_LEN)
		return err_set(err, E2BIG, "a file of it has extended attributes that ext4 has no room for");
	return e ? failed(e, "an inode", err) : 0;
}

/* ---- directories ---- */

static int write_dir(struct ext4 *f, struct node *node, struct r3_err *err)
{
	bool indexed;
	uint8_t *data;
	size_t len;
	int ret = ext4_dir_pack(f->fs->super, node, &data, &len, &indexed, err);

	if (!ret) {
		node->size = len;
		ret = write_blocks(f, node, data, 0, len / EXT4_BLOCK, err);
	}
	free(data);
	return ret ?: write_inode(f, node, indexed ? EXT2_INDEX_FL : 0, err);
}

static int write_symlink(struct ext4 *f, struct node *node, struct r3_err *err)
{
	uint8_t block[EXT4_BLOCK] = { 0 };
	int ret = 0;

	if (node->size >= FAST_SYMLINK) {
		memcpy(block, node->target, node->size);
		ret = write_blocks(f, node, block, 0, 1, err);
	}
	return ret ?: write_inode(f, node, 0, err);
}

struct pass {
	struct ext4 *f;
	struct r3_err *err;
};

/* First all numbers, by which directories name their entries. */
static int number(void *ctx, const struct name *name)
{
	struct pass *p = ctx;
	struct node *node = name->node;

	if (node->ino)
		return 0;
	if (p->f->next > p->f->fs->super->s_inodes_count)
		return failed(EXT2_ET_INODE_ALLOC_FAIL, "inodes", p->err);
	node->ino = p->f->next++;
	ext2fs_inode_alloc_stats2(p->f->fs, node->ino, +1, S_ISDIR(node->mode));
	return S_ISDIR(node->mode) ? tree_each(node, number, p) : 0;
}

/* Then all of them, each once, whatever number of names it has. */
static int write_node(void *ctx, const struct name *name)
{
	struct node *node = name->node;
	struct pass *p = ctx;
	int ret;

	if (node->written)
		return 0;
	node->written = true;
	if (S_ISDIR(node->mode)) {
		ret = write_dir(p->f, node, p->err);
		return ret ?: tree_each(node, write_node, p);
	}
	return S_ISLNK(node->mode) ? write_symlink(p->f, node, p->err) : write_inode(p->f, node, 0, p->err);
}

int ext4_finish(struct ext4 *f, struct tree *tree, struct r3_err *err)
{
	struct pass p = { f, err };
	errcode_t e;
	int ret;

	tree->root->ino = EXT2_ROOT_INO;
	ret = tree_each(tree->root, number, &p);
	if (!ret)
		ret = write_dir(f, tree->root, err);
	if (!ret)
		ret = tree_each(tree->root, write_node, &p);
	if (!ret)
		ret = mark_groups(f->fs, err);
	if (ret == -ENOMEM && !err->code)
		err_set(err, ENOMEM, "no memory for its directories");
	if (ret)
		return ret;
	f->fs->super->s_state |= EXT2_VALID_FS;
	ext2fs_mark_super_dirty(f->fs);
	ext2fs_mark_bb_dirty(f->fs);
	ext2fs_mark_ib_dirty(f->fs);
	e = ext2fs_close2(f->fs, EXT2_FLAG_FLUSH_NO_SYNC);
	if (e)
		return failed(e, "the groups", err);
	f->fs = NULL;
	return 0;
}

void ext4_free(struct ext4 *f)
{
	if (!f)
		return;
	if (f->fs)
		ext2fs_free(f->fs);
	free(f->buf);
	free(f);
}
