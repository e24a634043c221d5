// SPDX-License-Identifier: GPL-2.0-or-later
#include "inode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define BUCKETS_MIN	1024
#define SLOTS_MIN	1024
#define CLOSE_MOST	16		/* at once, so that one request does not pay for all */
#define KEPT_MOST	65536		/* entries that only remember an owner */
#define DEPTH_MAX	8192
#define ROOT_NODEID	1

void inodes_lock(struct share *s)
{
	pthread_mutex_lock(&s->inodes->lock);
}

void inodes_unlock(struct share *s)
{
	pthread_mutex_unlock(&s->inodes->lock);
}

/* ---- hash ---- */

static size_t hash(const struct inodes *t, dev_t dev, ino_t ino)
{
	uint64_t x = (uint64_t)ino * 0x9e3779b97f4a7c15ULL ^ (uint64_t)dev * 0xc2b2ae3d27d4eb4fULL;

	return (x ^ x >> 29) & (t->nr_buckets - 1);
}

static struct inode *find(const struct inodes *t, dev_t dev, ino_t ino, mode_t type)
{
	struct inode *i = t->bucket[hash(t, dev, ino)];

	while (i && (i->ino != ino || i->dev != dev || i->type != type))
		i = i->next;
	return i;
}

static void hash_add(struct inodes *t, struct inode *i)
{
	struct inode **b = &t->bucket[hash(t, i->dev, i->ino)];

	i->next = *b;
	*b = i;
	i->hashed = true;
}

static void hash_del(struct inodes *t, struct inode *i)
{
	struct inode **p = &t->bucket[hash(t, i->dev, i->ino)];

	if (!i->hashed)
		return;
	while (*p != i)
		p = &(*p)->next;
	*p = i->next;
	i->hashed = false;
}

static void grow_hash(struct inodes *t)
{
	size_t n = t->nr_buckets, i;
	struct inode **old = t->bucket, **new;

	if (t->nr < n)
		return;
	new = calloc(n * 2, sizeof(*new));
	if (!new)
		return;
	t->bucket = new;
	t->nr_buckets = n * 2;
	for (i = 0; i < n; i++) {
		struct inode *e = old[i], *next;

		for (; e; e = next) {
			next = e->next;
			hash_add(t, e);
		}
	}
	free(old);
}

/* ---- descriptors ---- */

static void lru_del(struct inode *i)
{
	if (!i->in_lru)
		return;
	i->newer->older = i->older;
	i->older->newer = i->newer;
	i->in_lru = false;
}

static void lru_add(struct inodes *t, struct inode *i)
{
	i->newer = &t->lru;
	i->older = t->lru.older;
	i->older->newer = i;
	t->lru.older = i;
	i->in_lru = true;
}

/* The list has those with a descriptor that nobody uses and nothing pins. */
static void lru_update(struct inodes *t, struct inode *i)
{
	bool closable = i->fd >= 0 && !i->fd_users && !i->pinned && i->parent;

	if (i->in_lru && !closable)
		lru_del(i);
	else if (!i->in_lru && closable)
		lru_add(t, i);
}

/* Takes out what is too much; the caller closes it without the lock. */
static int trim(struct share *s, int fds[CLOSE_MOST])
{
	struct inodes *t = s->inodes;
	int n = 0;

	while (t->nr_fds > s->max_fds / 2 && t->lru.newer != &t->lru && n < CLOSE_MOST) {
		struct inode *i = t->lru.newer;

		lru_del(i);
		fds[n++] = i->fd;
		i->fd = -1;
		t->nr_fds--;
	}
	return n;
}

static void unlock_and_close(struct share *s, const int *fds, int n)
{
	inodes_unlock(s);
	while (n)
		close(fds[--n]);
}

static void give_fd(struct inodes *t, struct inode *i, int fd)
{
	i->fd = fd;
	t->nr_fds++;
	lru_update(t, i);
}

int inode_fd(struct share *s, struct inode *i)
{
	int fds[CLOSE_MOST], n = 0, ret;

	inodes_lock(s);
	if (i->fd < 0) {
		ret = inode_reopen(s, i);
		if (ret < 0) {
			inodes_unlock(s);
			return ret;
		}
		if (i->fd < 0)
			give_fd(s->inodes, i, ret);
		else
			fds[n++] = ret;
	}
	i->fd_users++;
	lru_update(s->inodes, i);
	ret = i->fd;
	if (!n)
		n = trim(s, fds);
	unlock_and_close(s, fds, n);
	return ret;
}

void inode_fd_put(struct share *s, struct inode *i)
{
	inodes_lock(s);
	i->fd_users--;
	lru_update(s->inodes, i);
	inodes_unlock(s);
}

void inode_pin(struct share *s, struct inode *i)
{
	int fd = inode_fd(s, i);

	if (fd < 0)
		return;
	inodes_lock(s);
	/* Pins are bounded as all descriptors are: beyond that the guest will find it stale. */
	if (s->inodes->nr_fds < s->max_fds)
		i->pinned = true;
	i->fd_users--;
	lru_update(s->inodes, i);
	inodes_unlock(s);
}

/* ---- entries ---- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static uint32_t take_slot(struct inodes *t)
{
	if (t->nr_free)
		return t->free_slots[--t->nr_free];
	if (t->used_slots == t->nr_slots) {
		uint32_t n = t->nr_slots * 2;
		struct inode **slot = realloc(t->slot, n * sizeof(*slot));
		uint32_t *free_slots;

		if (!slot)
			return 0;
		t->slot = slot;
		free_slots = realloc(t->free_slots, n * sizeof(*free_slots));
		if (!free_slots)
			return 0;
		t->free_slots = free_slots;
		t->nr_slots = n;
	}
	return t->used_slots++;
}

static void release(struct share *s, struct inode *i, int *fds, int *n)
{
	struct inodes *t = s->inodes;
	uint32_t slot = i->nodeid;

	lru_del(i);
	if (i->fd >= 0) {
		t->nr_fds--;
		/* Directories have one at most each: depth is bounded by what one path needs. */
		if (*n < CLOSE_MOST)
			fds[(*n)++] = i->fd;
		else
			close(i->fd);
	}
	hash_del(t, i);
	t->slot[slot] = NULL;
	t->free_slots[t->nr_free++] = slot;
	t->nr--;
	free(i->name);
	free(i);
}

/* Frees it if nobody has it any more, and directories above that only it kept: a loop, as a guest may nest them as deep as it likes. */
static void drop(struct share *s, struct inode *i, int *fds, int *n)
{
	struct inodes *t = s->inodes;

	while (i && !--i->refs) {
		struct inode *parent = i->parent;

		/* The one place where its owner is: as long as there is room for that. */
		if (i->owner_volatile && t->nr_kept < KEPT_MOST) {
			i->refs = 1;
			i->kept = true;
			t->nr_kept++;
			return;
		}
		release(s, i, fds, n);
		i = parent;
	}
}

struct inode *inode_get(struct share *s, uint64_t nodeid)
{
	struct inodes *t = s->inodes;
	struct inode *i = NULL;
	uint32_t slot = nodeid;

	inodes_lock(s);
	if (slot && slot < t->used_slots && t->slot[slot] && t->slot[slot]->nodeid == nodeid)
		i = t->slot[slot];
	if (i)
		i->refs++;
	inodes_unlock(s);
	return i;
}

void inode_ref(struct share *s, struct inode *i)
{
	inodes_lock(s);
	i->refs++;
	inodes_unlock(s);
}

void inode_put(struct share *s, struct inode *i)
{
	int fds[CLOSE_MOST], n = 0;

	if (!i)
		return;
	inodes_lock(s);
	drop(s, i, fds, &n);
	unlock_and_close(s, fds, n);
}

/* Would @i be above itself? What the host moved about while the guest looked can say so. */
static bool is_below(const struct inode *parent, const struct inode *i)
{
	unsigned int depth;

	for (depth = 0; parent && depth < DEPTH_MAX; depth++, parent = parent->parent)
		if (parent == i)
			return true;
	return depth == DEPTH_MAX;
}

static void set_name(struct share *s, struct inode *i, struct inode *parent, const char *name, int *fds, int *n)
{
	struct inode *old = i->parent;
	char *copy;

	if (!old || (old == parent && !strcmp(i->name, name)))
		return;
	if (old != parent && S_ISDIR(i->type) && is_below(parent, i))
		return;
	copy = strdup(name);
	if (!copy)
		return;
	free(i->name);
	i->name = copy;
	i->parent = parent;
	parent->refs++;
	drop(s, old, fds, n);
}

void inode_moved(struct share *s, struct inode *i, struct inode *parent, const char *name)
{
	int fds[CLOSE_MOST], n = 0;

	inodes_lock(s);
	set_name(s, i, parent, name, fds, &n);
	unlock_and_close(s, fds, n);
}

static struct inode *make(struct share *s, struct inode *parent, const char *name, const struct stat *st)
{
	struct inodes *t = s->inodes;
	struct inode *i;
	uint32_t slot;

	if (t->nr >= s->max_inodes)
		return NULL;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->name = strdup(name);
	slot = i->name ? take_slot(t) : 0;
	if (!slot) {
		free(i->name);
		free(i);
		return NULL;
	}
	i->nodeid = (uint64_t)t->generation++ << 32 | slot;
	i->ino = st->st_ino;
	i->dev = st->st_dev;
	i->type = st->st_mode & S_IFMT;
	i->fd = -1;
	i->parent = parent;
	parent->refs++;
	t->slot[slot] = i;
	t->nr++;
	grow_hash(t);
	hash_add(t, i);
	return i;
}

struct inode *inode_found(struct share *s, struct inode *parent, const char *name, int fd, const struct stat *st, unsigned int lookups)
{
	struct inodes *t = s->inodes;
	int fds[CLOSE_MOST], n = 0;
	struct inode *i;

	inodes_lock(s);
	i = find(t, st->st_dev, st->st_ino, st->st_mode & S_IFMT);
	if (!i) {
		i = make(s, parent, name, st);
		if (!i) {
			unlock_and_close(s, &fd, fd >= 0);
			return NULL;
		}
	} else {
		if (i->kept) {
			i->kept = false;
			t->nr_kept--;
			i->refs--;
			/* The number may be another inode's by now. */
			if (!same_time(&i->owner_ctime, &st->st_ctim))
				i->owner_known = i->owner_volatile = false;
		}
		set_name(s, i, parent, name, fds, &n);
		/* It can be opened by this name again. */
		if (st->st_nlink)
			i->pinned = false;
	}
	i->refs++;
	if (lookups && !i->nlookup)
		i->refs++;
	i->nlookup += lookups;
	if (fd >= 0 && i->fd < 0)
		give_fd(t, i, fd);
	else if (fd >= 0)
		fds[n++] = fd;
	lru_update(t, i);
	if (!n)
		n = trim(s, fds);
	unlock_and_close(s, fds, n);
	return i;
}

struct inode *inode_known(struct share *s, const struct stat *st)
{
	struct inode *i;

	inodes_lock(s);
	i = find(s->inodes, st->st_dev, st->st_ino, st->st_mode & S_IFMT);
	/* Who is only remembered for its owner is nobody's yet. */
	if (i && i->kept)
		i = NULL;
	if (i)
		i->refs++;
	inodes_unlock(s);
	return i;
}

void inode_forget(struct share *s, uint64_t nodeid, uint64_t n)
{
	struct inode *i = inode_get(s, nodeid);
	int fds[CLOSE_MOST], nr = 0;

	if (!i)
		return;
	inodes_lock(s);
	if (i->parent && i->nlookup) {
		i->nlookup = n < i->nlookup ? i->nlookup - n : 0;
		if (!i->nlookup) {
			i->pinned = false;
			lru_update(s->inodes, i);
			i->refs--;
		}
	}
	drop(s, i, fds, &nr);
	unlock_and_close(s, fds, nr);
}

/* ---- what is kept of them ---- */

bool inode_owner(struct share *s, struct inode *i, const struct stat *st, struct owner *o)
{
	bool ok;

	inodes_lock(s);
	ok = i->owner_known && (i->owner_volatile || same_time(&i->owner_ctime, &st->st_ctim));
	if (ok) {
		*o = i->owner;
		i->owner_ctime = st->st_ctim;
	}
	inodes_unlock(s);
	return ok;
}

void inode_set_owner(struct share *s, struct inode *i, const struct stat *st, const struct owner *o, bool is_volatile)
{
	inodes_lock(s);
	i->owner = *o;
	i->owner_ctime = st->st_ctim;
	i->owner_known = true;
	write_once(i->owner_volatile, is_volatile);
	inodes_unlock(s);
}

bool inode_same_data(struct share *s, struct inode *i, const struct stat *st)
{
	bool same;

	inodes_lock(s);
	same = same_time(&i->data_mtime, &st->st_mtim) && same_time(&i->data_ctime, &st->st_ctim) && i->data_size == st->st_size;
	i->data_mtime = st->st_mtim;
	i->data_ctime = st->st_ctim;
	i->data_size = st->st_size;
	inodes_unlock(s);
	return same;
}

/* ---- the table ---- */

unsigned int inodes_count(struct share *s)
{
	unsigned int n;

	inodes_lock(s);
	n = s->inodes->nr;
	inodes_unlock(s);
	return n;
}

int inodes_init(struct share *s)
{
	struct inodes *t = calloc(1, sizeof(*t));
	struct inode *root = calloc(1, sizeof(*root));
	struct stat st;

	if (!t || !root || fstat(s->root_fd, &st)) {
		free(t);
		free(root);
		return -ENOMEM;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->lru.newer = t->lru.older = &t->lru;
	t->nr_buckets = BUCKETS_MIN;
	t->bucket = calloc(t->nr_buckets, sizeof(*t->bucket));
	t->nr_slots = SLOTS_MIN;
	t->slot = calloc(t->nr_slots, sizeof(*t->slot));
	t->free_slots = calloc(t->nr_slots, sizeof(*t->free_slots));
	if (!t->bucket || !t->slot || !t->free_slots) {
		free(t->bucket);
		free(t->slot);
		free(t->free_slots);
		free(t);
		free(root);
		return -ENOMEM;
	}
	root->nodeid = ROOT_NODEID;
	root->ino = st.st_ino;
	root->dev = s->dev = st.st_dev;
	root->type = S_IFDIR;
	root->fd = s->root_fd;
	root->refs = 1;
	t->used_slots = ROOT_NODEID + 1;
	t->slot[ROOT_NODEID] = t->root = root;
	t->nr = 1;
	t->generation = 1;
	s->inodes = t;
	hash_add(t, root);
	return 0;
}

void inodes_reset(struct share *s)
{
	struct inodes *t = s->inodes;
	uint32_t i;

	inodes_lock(s);
	for (i = ROOT_NODEID + 1; i < t->used_slots; i++) {
		struct inode *e = t->slot[i];

		if (!e)
			continue;
		if (e->fd >= 0)
			close(e->fd);
		hash_del(t, e);
		free(e->name);
		free(e);
	}
	t->lru.newer = t->lru.older = &t->lru;
	t->used_slots = ROOT_NODEID + 1;
	t->nr = 1;
	t->nr_free = t->nr_fds = t->nr_kept = 0;
	t->root->refs = 1;
	t->root->nlookup = 0;
	t->root->fd_users = 0;
	inodes_unlock(s);
}

void inodes_free(struct share *s)
{
	struct inodes *t = s->inodes;

	inodes_reset(s);
	free(t->root);
	free(t->bucket);
	free(t->slot);
	free(t->free_slots);
	free(t);
	s->inodes = NULL;
}
