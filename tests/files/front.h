/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays the monitor and a guest to ring3-fs: the front end of vhost-user over a socket
 * pair, one queue in a memfd, and FUSE requests in it. Well-behaved unless told otherwise.
 */
#ifndef R3_TEST_FRONT_H
#define R3_TEST_FRONT_H

#include <linux/fuse.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FRONT_MEM	(4u << 20)
#define FRONT_QUEUE	64
#define FRONT_DATA	65536		/* where requests are put; answers behind them */
#define FRONT_ANSWER	(1u << 20)

struct front {
	pid_t pid;
	int sock, mem_fd, kick, call, err;	/* err: its stderr */
	char *mem;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t used_seen;
	uint64_t unique;
};

/* Starts it. nofile: its limit of descriptors, 0: as it is. The queue is not there yet. */
void front_spawn(struct front *f, const char *program, const char *dir, const char *const *args, unsigned int nofile);
/* Features, memory, the queue. False if it gave up. */
bool front_connect(struct front *f);
/* FUSE_INIT. */
bool front_init(struct front *f);

/* A message with a descriptor (-1: none). */
void front_tell(struct front *f, uint32_t request, const void *body, uint32_t size, int fd);

/*
 * A request, and its answer: bytes of the payload at front_answer(), or a negative errno;
 * FRONT_DEAD if none comes.
 */
#define FRONT_DEAD	(-100000)
int front_ask(struct front *f, uint32_t opcode, uint64_t nodeid, const void *args, size_t len);
int front_ask2(struct front *f, uint32_t opcode, uint64_t nodeid, const void *args, size_t len, const void *more, size_t more_len, size_t room);
void *front_answer(struct front *f);
/* Puts a chain of what is at FRONT_DATA (len bytes) and room for an answer into the queue as it is. Return: bytes used, -1: no end. */
long front_raw(struct front *f, size_t len, size_t room);

/* Requests whose answers are not waited for, by numbers up to 30 (2 descriptors each). FUSE_INIT anew, and then all answers. */
void front_post(struct front *f, unsigned int nr, uint32_t opcode, uint64_t nodeid, const void *args, size_t len, size_t room);
bool front_reinit(struct front *f);

bool front_alive(struct front *f);
/* Closes the socket. Return: its wait status; -1: it had to be killed. */
int front_end(struct front *f, char *words, size_t size);

/* LOOKUP: nodeid, or a negative errno. */
int64_t front_lookup(struct front *f, uint64_t dir, const char *name, size_t len);

#endif
