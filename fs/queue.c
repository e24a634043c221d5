// SPDX-License-Identifier: GPL-2.0-or-later
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/adaptive.h"
#include "base/util.h"
#include "lock.h"

#define WAKE		UINT64_MAX

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void post(int fd)
{
	static const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

/* ---- chains ---- */

/* Called with the lock. */
static void hand_back(struct queue *q, const struct virtq_chain *chain, uint32_t len)
{
	if (q->started) {
		if (q->inflight)
			inflight_returns(q->inflight, chain->head);
		virtq_relchain(&q->vq, chain, len);
		if (q->inflight)
			inflight_returned(q->inflight, chain->head, q->vq.used_idx);
		if (virtq_endchains(&q->vq))
			post(q->call);
	}
	if (!--q->at_work)
		pthread_cond_broadcast(&q->idle);
}

void queue_complete(struct queue *q, const struct virtq_chain *chain, uint32_t len)
{
	pthread_mutex_lock(&q->lock);
	hand_back(q, chain, len);
	pthread_mutex_unlock(&q->lock);
}

/* Takes the next chain. The driver kicks for the one behind it. */
static bool take(struct queue *q, struct request *r)
{
	bool more = false;
	int ret = 0;

	pthread_mutex_lock(&q->lock);
	if (q->started && !q->stopping)
		ret = virtq_getchain(&q->vq, &r->chain);
	if (ret > 0) {
		if (q->inflight)
			inflight_take(q->inflight, r->chain.head);
		q->at_work++;
		virtq_want_kick(&q->vq, true);
		more = virtq_has_chain(&q->vq);
	} else if (ret < 0 && q->vq.broken && q->started) {
		/* The front end sees a queue that does nothing more until it is started again. */
		write_once(q->started, false);
	}
	pthread_mutex_unlock(&q->lock);
	if (more)
		post(q->workers->wake);
	return ret > 0;
}

/* ---- polling ---- */

/* Waits a while for the next chain. Kicks are off meanwhile: the caller looks again, by take(). */
static void poll_queue(struct queue *q)
{
	int64_t start, now, last, limit = read_once(q->poll_ns);
	uint32_t nobody = 0;
	struct virtq seen;

	if (!__atomic_compare_exchange_n(&q->polling, &nobody, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	start = last = now = now_ns();
	if (now < read_once(q->pause_until) || !limit) {
		store_release(q->polling, 0);
		return;
	}
	pthread_mutex_lock(&q->lock);
	if (!q->started) {
		/* Its memory may be gone, and it may be started anew on another. */
		pthread_mutex_unlock(&q->lock);
		store_release(q->polling, 0);
		return;
	}
	virtq_want_kick(&q->vq, false);
	seen = q->vq;
	pthread_mutex_unlock(&q->lock);
	/* Another worker may take what comes. What is looked at stays mapped while this one polls: queue_stop(). */
	while (read_once(q->started) && !virtq_has_chain(&seen) && now - start < limit) {
		__builtin_ia32_pause();
		now = now_ns();
		if (now - last < ADAPTIVE_SPIN_NS)
			continue;
		last = now;
		sched_yield();
		now = now_ns();
		if (now - last > ADAPTIVE_LONG_YIELD_NS) {
			write_once(q->pause_until, now + ADAPTIVE_PAUSE_NS);
			break;
		}
	}
	store_release(q->polling, 0);
}

/* ---- workers ---- */

static void serve(struct queue *q, struct request *r)
{
	uint32_t len;

	r->queue = q;
	len = request_serve(r);
	if (!r->later)
		queue_complete(q, &r->chain, len);
}

/* Until the queue is empty. */
static void drain(struct queue *q, struct request *r)
{
	bool any = false;

	for (;;) {
		while (take(q, r)) {
			int64_t since = read_once(q->done_at);

			if (since)
				write_once(q->poll_ns, adaptive_learn(read_once(q->poll_ns), now_ns() - since));
			write_once(q->done_at, 0);
			any = true;
			serve(q, r);
		}
		if (!any)
			return;
		/* take() has asked for a kick as it found nothing; the guest may be about to. */
		any = false;
		write_once(q->done_at, now_ns());
		poll_queue(q);
	}
}

static void *worker(void *arg)
{
	struct workers *w = arg;
	struct request *r = malloc(sizeof(*r));
	struct epoll_event ev;
	unsigned int i;
	int ret = r ? 0 : -ENOMEM;

	if (!ret && w->enter)
		ret = w->enter();
	if (ret)
		__atomic_store_n(&w->failed, ret, __ATOMIC_SEQ_CST);
	post(w->wake);
	if (ret) {
		free(r);
		return NULL;
	}
	r->share = w->share;
	for (;;) {
		if (epoll_wait(w->epoll, &ev, 1, -1) != 1)
			continue;
		if (ev.data.u64 != WAKE && ev.data.u64 < QUEUES_MAX)
			drain(&w->queue[ev.data.u64], r);
		for (i = 0; i < QUEUES_MAX; i++)
			if (read_once(w->queue[i].started))
				drain(&w->queue[i], r);
	}
}

int workers_init(struct workers *w, struct share *s)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = WAKE };
	unsigned int i;

	memset(w, 0, sizeof(*w));
	w->share = s;
	for (i = 0; i < QUEUES_MAX; i++) {
		struct queue *q = &w->queue[i];

		pthread_mutex_init(&q->lock, NULL);
		pthread_cond_init(&q->idle, NULL);
		q->workers = w;
		q->kick = q->call = -1;
		q->poll_ns = ADAPTIVE_MIN_NS;
	}
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll < 0 || w->wake < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &ev))
		return -errno;
	return 0;
}

int workers_start(struct workers *w, int (*enter)(void))
{
	uint64_t n = 0, some;
	unsigned int i;
	int ret;

	w->enter = enter;
	for (i = 0; i < WORKERS; i++) {
		ret = pthread_create(&w->thread[i], NULL, worker, w);
		if (ret)
			return -ret;
	}
	/* Each has posted once; the descriptor does not block. */
	while (n < WORKERS) {
		if (read(w->wake, &some, sizeof(some)) == sizeof(some))
			n += some;
		else
			sched_yield();
	}
	return __atomic_load_n(&w->failed, __ATOMIC_SEQ_CST);
}

int queue_start(struct queue *q, const struct virtq *vq, struct inflight *inflight)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = q - q->workers->queue };

	pthread_mutex_lock(&q->lock);
	q->vq = *vq;
	q->inflight = inflight;
	write_once(q->started, true);
	pthread_mutex_unlock(&q->lock);
	if (q->kick >= 0 && epoll_ctl(q->workers->epoll, EPOLL_CTL_ADD, q->kick, &ev) && errno != EEXIST)
		return -errno;
	/* What came before. */
	post(q->workers->wake);
	return 0;
}

uint16_t queue_stop(struct queue *q)
{
	uint16_t next;

	if (q->kick >= 0)
		epoll_ctl(q->workers->epoll, EPOLL_CTL_DEL, q->kick, NULL);
	locks_stop(q->workers->share, q);
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	while (q->at_work) {
		/* Others may have begun to wait meanwhile. */
		struct timespec ts;

		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec += 1;
		pthread_cond_timedwait(&q->idle, &q->lock, &ts);
		if (q->at_work) {
			pthread_mutex_unlock(&q->lock);
			locks_stop(q->workers->share, q);
			pthread_mutex_lock(&q->lock);
		}
	}
	write_once(q->started, false);
	q->stopping = false;
	next = q->vq.last_avail;
	pthread_mutex_unlock(&q->lock);
	while (load_acquire(q->polling))
		sched_yield();
	return next;
}
