// SPDX-License-Identifier: GPL-2.0-or-later
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"

struct files {
	pthread_mutex_t lock;
	unsigned int max, nr, used, generation;
	struct file **slot;
	unsigned int *free_slots;
	unsigned int nr_free;
};

int files_init(struct share *s)
{
	struct files *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = s->max_fds / 2;
	t->slot = calloc(t->max, sizeof(*t->slot));
	t->free_slots = calloc(t->max, sizeof(*t->free_slots));
	if (!t->slot || !t->free_slots) {
		free(t->slot);
		free(t->free_slots);
		free(t);
		return -ENOMEM;
	}
	pthread_mutex_init(&t->lock, NULL);
	s->files = t;
	return 0;
}

static void destroy(struct share *s, struct file *f)
{
	close(f->fd);
	inode_put(s, f->inode);
	if (f->dir)
		pthread_mutex_destroy(&f->dir->lock);
	free(f->dir);
	free(f);
}

int file_open(struct share *s, struct inode *i, int fd, bool dir, uint64_t *fh)
{
	struct files *t = s->files;
	struct file *f = calloc(1, sizeof(*f));
	struct dir *d = dir ? calloc(1, sizeof(*d)) : NULL;
	unsigned int slot;

	if (!f || (dir && !d))
		goto full;
	if (d)
		pthread_mutex_init(&d->lock, NULL);
	f->fd = fd;
	f->inode = i;
	f->dir = d;
	f->users = 1;
	f->open = true;
	pthread_mutex_lock(&t->lock);
	if (!t->nr_free && t->used == t->max) {
		pthread_mutex_unlock(&t->lock);
		goto full;
	}
	slot = t->nr_free ? t->free_slots[--t->nr_free] : t->used++;
	f->fh = (uint64_t)++t->generation << 32 | slot;
	t->slot[slot] = f;
	*fh = f->fh;
	/* Under the lock: the guest may guess a number. */
	inode_ref(s, i);
	pthread_mutex_unlock(&t->lock);
	return 0;
full:
	free(f);
	free(d);
	close(fd);
	return -ENFILE;
}

struct file *file_get(struct share *s, uint64_t fh, bool dir)
{
	struct files *t = s->files;
	uint32_t slot = fh;
	struct file *f = NULL;

	pthread_mutex_lock(&t->lock);
	if (slot < t->used)
		f = t->slot[slot];
	if (f && (f->fh != fh || !f->open || !f->dir == dir))
		f = NULL;
	if (f)
		f->users++;
	pthread_mutex_unlock(&t->lock);
	return f;
}

void file_put(struct share *s, struct file *f)
{
	struct files *t = s->files;
	bool last;

	if (!f)
		return;
	pthread_mutex_lock(&t->lock);
	last = !--f->users;
	if (last) {
		t->slot[(uint32_t)f->fh] = NULL;
		t->free_slots[t->nr_free++] = f->fh;
	}
	pthread_mutex_unlock(&t->lock);
	if (last)
		destroy(s, f);
}

void file_close(struct share *s, uint64_t fh, bool dir)
{
	struct file *f = file_get(s, fh, dir);

	if (!f)
		return;
	pthread_mutex_lock(&s->files->lock);
	if (f->open) {
		f->open = false;
		f->users--;
	}
	pthread_mutex_unlock(&s->files->lock);
	file_put(s, f);
}

void files_reset(struct share *s)
{
	struct files *t = s->files;
	unsigned int i;

	for (i = 0; i < t->used; i++)
		if (t->slot[i])
			destroy(s, t->slot[i]);
	t->used = t->nr_free = 0;
	for (i = 0; i < t->max; i++)
		t->slot[i] = NULL;
}

void files_free(struct share *s)
{
	struct files *t = s->files;

	files_reset(s);
	pthread_mutex_destroy(&t->lock);
	free(t->slot);
	free(t->free_slots);
	free(t);
	s->files = NULL;
}
