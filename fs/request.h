/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One FUSE request. Its header and arguments are copied once, to memory of the
 * worker, and only the copy is looked at; data of reads and writes goes between
 * file and guest memory without a copy.
 */
#ifndef R3_FS_REQUEST_H
#define R3_FS_REQUEST_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>

#include "share.h"
#include "virtq/virtq.h"

/* XATTR_SIZE_MAX, a name, and the largest structure before them. */
#define REQUEST_ARGS_MAX	(65536 + 1024)
#define REQUEST_REPLY_MAX	(65536 + 256)

struct queue;

/* A worker's memory for one request at a time. */
struct request {
	struct share *share;
	struct queue *queue;		/* to answer later; NULL where nothing can */
	struct fuse_in_header in;
	char args[REQUEST_ARGS_MAX + 1];
	size_t nr_args, at;
	char reply[REQUEST_REPLY_MAX];
	size_t room;			/* for the answer behind its header, in the guest's memory */
	bool direct;			/* the answer is in guest memory already */
	bool silent;			/* no answer, the chain goes back as it is */
	bool later;			/* it was put aside with its chain's head */
	struct virtq_chain chain;
};

/**
 * request_serve() - do what the request in r->chain says
 *
 * Return: bytes written to the chain, for virtq_relchain(); nothing of it is
 * handed back if r->later is set.
 */
uint32_t request_serve(struct request *r);

/* Writes an answer's header, and the payload if it is not there already. Return: as above. */
uint32_t request_answer(const struct virtq_chain *chain, uint64_t unique, int error, const void *payload, size_t len);

/* The next argument of that size, or NULL if there is none. */
const void *request_arg(struct request *r, size_t size);
/* What is left of the arguments. */
size_t request_left(const struct request *r);

/*
 * The next argument as a file's name: not empty, 255 bytes at most, no slash, neither
 * "." nor "..". 0 or -errno. Any other bytes are as good as any.
 */
int request_name(struct request *r, const char **name);
/* As a text of at most @max bytes. */
int request_text(struct request *r, const char **text, size_t max);

#define ARG(r, type) ((const struct type *)request_arg(r, sizeof(struct type)))

/* Puts a structure into the answer; a handler returns it. */
int request_put(struct request *r, const void *data, size_t len);

/* Of dispatch.c: the bytes of the answer, or -errno. */
int dispatch(struct request *r);

#endif
