/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network of a guest, seen from `ring3 run`.
 *
 * Theory of operation: each card is a descriptor that its frames travel through
 * (vm_net), which the monitor gets and this process keeps, so that a guest that
 * reboots goes on with the same one. What is at its other end is a back-end
 * process, a tap device, a switch or somebody else's socket. Back ends are started
 * before the guest and get ready while it boots: frames that come early wait in the
 * descriptor. No command runs in the guest before all of them are ready, and what
 * one cannot do, as to listen on a port that is taken, ends the start with its words.
 * A back end that dies later takes its card's link with it, and nothing else.
 */
#ifndef R3_NET_H
#define R3_NET_H

#include <json-c/json.h>

#include "base/err.h"
#include "loop.h"
#include "netopt.h"

/* NULL, where one is taken: a guest without cards. */
struct net;

struct net_ops {
	void (*ready)(void *ctx);			/* all back ends are */
	void (*failed)(void *ctx, const char *why);	/* one could not start; called once */
};

/*
 * Opens and starts what the guest's cards need, and fills vm's part for them. name:
 * the guest's, if it was given one. NULL with err set if a card cannot be had; the
 * one that nobody asked for is then left out, with a message.
 */
struct net *net_open(const struct netopt *opt, const char *name, struct vm_config *vm, struct r3_err *err);

/* Words for the kernel's command line, by which the guest's side is set up; to be freed. NULL: no memory. */
char *net_words(const struct net *net);

/*
 * What the user asked of a back end may be refused by it: waits until all are ready,
 * if anything was asked. 0, or -errno with err set.
 */
int net_settle(struct net *net, struct r3_err *err);

/* From now on events are taken from the loop. */
void net_watch(struct net *net, struct loop *loop, const struct net_ops *ops, void *ctx);
bool net_is_ready(const struct net *net);

/* A child has ended, it may be one of ours. */
void net_reap(struct net *net);

/* An array with an object for each card. */
struct json_object *net_info(const struct net *net);

void net_close(struct net *net);

#endif
