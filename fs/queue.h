/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues and the workers that serve them.
 *
 * Theory of operation. All workers wait for the kicks of all queues. Who is awake takes one
 * request after the other, each under the queue's lock but served without it. While it
 * serves one the queue asks for kicks, so that a second request wakes a second worker; when
 * nothing is left it polls a while with kicks off, as the guest's next request mostly
 * comes soon, before it sleeps. queue_stop() returns when nothing of the queue is at work any more.
 */
#ifndef R3_FS_QUEUE_H
#define R3_FS_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "request.h"
#include "virtq/inflight.h"
#include "virtq/virtq.h"

#define QUEUES_MAX	9		/* the one for urgent requests, and 8 */
#define WORKERS		4

struct workers;

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct virtq vq;
	struct inflight *inflight;	/* what is at work, for who comes after this process; NULL: nobody asked */
	struct workers *workers;
	bool started, stopping;
	unsigned int at_work;		/* chains that were taken and not handed back */
	int kick, call;			/* eventfds of the front end; -1: none */
	uint32_t polling;		/* somebody is */
	int64_t done_at;		/* when it became empty */
	int64_t poll_ns, pause_until;	/* how long it is worth to; see queue.c */
};

struct workers {
	struct share *share;
	struct queue queue[QUEUES_MAX];
	int epoll, wake;
	pthread_t thread[WORKERS];
	int (*enter)(void);		/* each worker's last step before its work; NULL: none */
	int failed;
};

int workers_init(struct workers *w, struct share *s);
/* Starts the threads. Return: 0 when all have entered, or -errno. */
int workers_start(struct workers *w, int (*enter)(void));

/* vq was set up by virtq_init(), inflight has as many entries or is NULL. */
int queue_start(struct queue *q, const struct virtq *vq, struct inflight *inflight);
/* Return: the index of the next chain. */
uint16_t queue_stop(struct queue *q);

/* Hands a chain back, and tells the driver. From any thread. */
void queue_complete(struct queue *q, const struct virtq_chain *chain, uint32_t len);

#endif
