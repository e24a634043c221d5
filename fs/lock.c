// SPDX-License-Identifier: GPL-2.0-or-later
#include "lock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "op.h"
#include "queue.h"

#define OWNERS_MAX	1024
#define WAITERS_MAX	256
#define RETRY_MIN_NS	1000000
#define RETRY_MAX_NS	32000000

struct holder {
	struct holder *next;
	struct inode *inode;
	uint64_t owner;
	int fd;
};

struct waiter {
	struct waiter *next;
	struct queue *queue;
	struct virtq_chain chain;
	uint64_t unique, owner;
	struct inode *inode;
	struct file *file;
	int op;
	struct flock lk;
	bool interrupted;
};

struct locks {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct holder *holders;
	unsigned int nr_holders, nr_waiters;
	struct waiter *waiters;
	bool ending;
};

int locks_init(struct share *s)
{
	s->locks = calloc(1, sizeof(*s->locks));
	if (!s->locks)
		return -ENOMEM;
	pthread_mutex_init(&s->locks->lock, NULL);
	pthread_cond_init(&s->locks->wake, NULL);
	return 0;
}

/* ---- holders; called with the lock ---- */

static struct holder **find(struct locks *l, const struct inode *i, uint64_t owner)
{
	struct holder **p = &l->holders;

	while (*p && ((*p)->inode != i || (*p)->owner != owner))
		p = &(*p)->next;
	return p;
}

static void remove_holder(struct share *s, struct holder **p)
{
	struct holder *h = *p;

	*p = h->next;
	s->locks->nr_holders--;
	close(h->fd);
	inode_put(s, h->inode);
	free(h);
}

static struct holder *holder_of(struct share *s, struct inode *i, uint64_t owner, int *err)
{
	struct locks *l = s->locks;
	struct holder **p = find(l, i, owner), *h;
	int path, fd;

	if (*p)
		return *p;
	*err = -ENOLCK;
	if (l->nr_holders >= OWNERS_MAX || l->nr_holders >= s->max_fds / 4)
		return NULL;
	if (!S_ISREG(i->type)) {
		*err = -EBADF;
		return NULL;
	}
	path = inode_fd(s, i);
	if (path < 0) {
		*err = path;
		return NULL;
	}
	fd = open_again(path, (s->ro ? O_RDONLY : O_RDWR) | O_NONBLOCK);
	if (fd == -EACCES || fd == -EROFS)
		fd = open_again(path, O_RDONLY | O_NONBLOCK);
	inode_fd_put(s, i);
	h = fd >= 0 ? calloc(1, sizeof(*h)) : NULL;
	if (!h) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	inode_ref(s, i);
	*h = (struct holder){ .inode = i, .owner = owner, .fd = fd };
	*p = h;
	l->nr_holders++;
	return h;
}

static int set_locked(struct share *s, struct inode *i, uint64_t owner, const struct flock *lk)
{
	struct flock own = *lk;
	struct holder *h;
	int err;

	if (lk->l_type == F_UNLCK && !*find(s->locks, i, owner))
		return 0;
	h = holder_of(s, i, owner, &err);
	if (!h)
		return err;
	own.l_pid = 0;
	if (!fcntl(h->fd, F_OFD_SETLK, &own))
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* ---- what requests ask for ---- */

int lock_set(struct share *s, struct inode *i, uint64_t owner, const struct flock *lk)
{
	int ret;

	pthread_mutex_lock(&s->locks->lock);
	ret = set_locked(s, i, owner, lk);
	if (!ret)
		pthread_cond_signal(&s->locks->wake);
	pthread_mutex_unlock(&s->locks->lock);
	return ret;
}

int lock_test(struct share *s, struct inode *i, uint64_t owner, struct flock *lk)
{
	struct holder *h;
	int ret = 0;

	pthread_mutex_lock(&s->locks->lock);
	h = holder_of(s, i, owner, &ret);
	if (h) {
		lk->l_pid = 0;
		ret = fcntl(h->fd, F_OFD_GETLK, lk) ? -errno : 0;
	}
	pthread_mutex_unlock(&s->locks->lock);
	return ret;
}

void locks_drop(struct share *s, struct inode *i, uint64_t owner)
{
	struct locks *l = s->locks;
	struct holder **p;

	if (!s->host_locks)
		return;
	pthread_mutex_lock(&l->lock);
	p = find(l, i, owner);
	if (*p) {
		remove_holder(s, p);
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
}

void locks_changed(struct share *s)
{
	pthread_mutex_lock(&s->locks->lock);
	pthread_cond_signal(&s->locks->wake);
	pthread_mutex_unlock(&s->locks->lock);
}

void locks_released(struct share *s, struct file *f)
{
	if (!s->host_locks)
		return;
	flock(f->fd, LOCK_UN);
	locks_changed(s);
}

int lock_wait(struct request *r, struct file *f, int op, uint64_t owner, const struct flock *lk)
{
	struct share *s = r->share;
	struct locks *l = s->locks;
	struct inode *i = inode_get(s, r->in.nodeid);
	struct waiter *w = i && r->queue ? calloc(1, sizeof(*w)) : NULL;
	int ret = w ? 0 : -ENOLCK;

	if (w) {
		*w = (struct waiter){ .queue = r->queue, .chain = r->chain, .unique = r->in.unique, .owner = owner,
				      .inode = i, .op = op, .lk = *lk };
		/* Its own reference. */
		w->file = f ? file_get(s, f->fh, false) : NULL;
		pthread_mutex_lock(&l->lock);
		if (l->nr_waiters >= WAITERS_MAX || (f && !w->file)) {
			ret = -ENOLCK;
		} else {
			l->nr_waiters++;
			w->next = l->waiters;
			l->waiters = w;
			r->later = true;
			pthread_cond_signal(&l->wake);
		}
		pthread_mutex_unlock(&l->lock);
	}
	if (ret) {
		if (w)
			file_put(s, w->file);
		free(w);
		inode_put(s, i);
	}
	return ret;
}

void lock_interrupt(struct share *s, uint64_t unique)
{
	struct waiter *w;

	if (!s->host_locks)
		return;
	pthread_mutex_lock(&s->locks->lock);
	for (w = s->locks->waiters; w; w = w->next)
		w->interrupted |= w->unique == unique;
	pthread_cond_signal(&s->locks->wake);
	pthread_mutex_unlock(&s->locks->lock);
}

/* ---- waiters ---- */

static void finish(struct share *s, struct waiter *w, int ret)
{
	queue_complete(w->queue, &w->chain, request_answer(&w->chain, w->unique, ret, NULL, 0));
	file_put(s, w->file);
	inode_put(s, w->inode);
	free(w);
}

static int try_again(struct share *s, struct waiter *w)
{
	if (w->interrupted)
		return -EINTR;
	if (w->file)
		return !flock(w->file->fd, w->op | LOCK_NB) ? 0 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return set_locked(s, w->inode, w->owner, &w->lk);
}

/* Takes out those that need not wait any more, and answers them. Called without the lock. */
static bool serve(struct share *s, const struct queue *stopped, bool all)
{
	struct locks *l = s->locks;
	struct waiter *done = NULL, **p, *w;
	bool some = false;

	pthread_mutex_lock(&l->lock);
	for (p = &l->waiters; (w = *p);) {
		int ret = all || w->queue == stopped ? -EINTR : try_again(s, w);

		if (ret == -EAGAIN) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		w->op = ret;
		w->next = done;
		done = w;
		l->nr_waiters--;
		some = true;
	}
	pthread_mutex_unlock(&l->lock);
	while ((w = done)) {
		done = w->next;
		finish(s, w, w->op);
	}
	return some;
}

/* Who was answered is let go of behind its lock: the session, to which its file belongs, must not end meanwhile. */
static bool serve_in_session(struct share *s, const struct queue *stopped)
{
	bool some;

	pthread_rwlock_rdlock(&s->session);
	some = serve(s, stopped, false);
	pthread_rwlock_unlock(&s->session);
	return some;
}

void locks_stop(struct share *s, struct queue *q)
{
	serve_in_session(s, q);
}

void *locks_thread(void *arg)
{
	struct share *s = arg;
	struct locks *l = s->locks;
	int64_t pause = RETRY_MIN_NS;

	for (;;) {
		struct timespec ts;

		pthread_mutex_lock(&l->lock);
		while (!l->waiters && !l->ending)
			pthread_cond_wait(&l->wake, &l->lock);
		if (l->ending) {
			pthread_mutex_unlock(&l->lock);
			return NULL;
		}
		/* Locks of the guest itself wake this thread; those of the host are asked for. */
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += pause;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_sec++;
			ts.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&l->wake, &l->lock, &ts);
		pthread_mutex_unlock(&l->lock);
		pause = serve_in_session(s, NULL) ? RETRY_MIN_NS : min_t(int64_t, pause * 2, RETRY_MAX_NS);
	}
}

void locks_reset(struct share *s)
{
	struct locks *l = s->locks;

	serve(s, NULL, true);
	pthread_mutex_lock(&l->lock);
	while (l->holders)
		remove_holder(s, &l->holders);
	pthread_mutex_unlock(&l->lock);
}

void locks_free(struct share *s)
{
	locks_reset(s);
	pthread_mutex_destroy(&s->locks->lock);
	free(s->locks);
	s->locks = NULL;
}
