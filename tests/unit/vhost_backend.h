/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vhost-user back end that is a thread of a test: one that works, and one that lies once, at a
 * chosen request, in a chosen way. There is one at a time.
 */
#ifndef R3_TEST_VHOST_BACKEND_H
#define R3_TEST_VHOST_BACKEND_H

#include <linux/virtio_blk.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "dev/dev.h"
#include "dev/vhost_user.h"
#include "driver.h"
#include "virtq/inflight.h"

#define BIT(n)		(1ULL << (n))
#define QUEUES		4
#define SECTORS		2048
#define CONFIG_SIZE	60
#define WAIT_MS		300		/* what a back end may take to answer that is to be late */
#define SLOW_MS		150

enum lie {
	HONEST,
	CLOSES,				/* instead of an answer */
	SILENT,
	HALF,				/* a part of an answer, then nothing */
	HALF_CLOSES,
	OTHER_REQUEST,
	NO_REPLY_FLAG,
	VERSION_2,
	SHORT_ANSWER,
	LONG_ANSWER,
	GIANT_ANSWER,
	EMPTY_ANSWER,
	REFUSES,			/* a confirmation that is none */
	OTHER_QUEUE,
	LIES
};

extern struct backend {
	int sock;
	uint64_t features, protocol, queues;
	struct virtio_blk_config config;
	uint32_t config_offset, config_size;
	int lie_at;
	enum lie lie;
	bool slow_stop;			/* takes its time to stop a queue, and then writes a last byte */
	bool talks;			/* says something unasked as soon as queues run */
	bool dies;			/* as soon as a request comes */
	bool sends_fds;			/* along with each answer */
	bool steals;			/* reads the eventfd that it has for interrupts */
	unsigned int takes;		/* of a folder's requests, then dies */
	enum { HANDS_BACK_NONE, HANDS_BACK, HANDS_BACK_SECRETLY } first;	/* of these the first; secretly: dies before it notes that */
	bool scribbles;			/* all over what is in flight */

	struct inflight *inflight;
	struct vhost_user_inflight inflight_has;
	int stop_fd;
	pthread_t thread;
	uint64_t set_features;
	struct guest_mem mem;
	uint64_t user_addr;
	struct virtq vq[QUEUES];
	struct vhost_user_vring_addr addr[QUEUES];
	uint32_t num[QUEUES];
	int kick[QUEUES], call[QUEUES];
	bool enabled[QUEUES], running[QUEUES];
	unsigned int memories, last_fds;
	uint8_t disk[SECTORS * 512];
} b;

extern const char *const lie_names[];

extern struct drv d;
extern struct dev_vhost cfg;

int64_t now_ms(void);
unsigned int open_fds(void);

/* b and cfg are those of a disk that works. */
void honest(void);
/* The back end's thread, and the device in front of it: NULL with err set. */
struct dev *create(struct r3_err *err);
void end_backend(void);
/* The same with a driver, and their end. */
void start(void);
void stop(void);
/* Says that, with a descriptor; without, if the other side takes none. */
void put_with_fd(const void *buf, size_t len, int fd);
/* The thread, as create() has it, once more. */
void begin_backend(void);

#endif
