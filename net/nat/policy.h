/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest may reach: the rules of --egress, the addresses that allowed
 * names have given, and the host's own addresses.
 *
 * It makes no system calls. Time is the caller's, so are the host's addresses.
 * docs/network.md has the rules as users know them.
 */
#ifndef R3_NAT_POLICY_H
#define R3_NAT_POLICY_H

#include "addr.h"
#include "base/err.h"

#define POLICY_RULES	256
#define POLICY_NAME	254		/* longest name as text, with its end */
#define POLICY_LEARNT	4096		/* addresses of names at once */

enum policy_verdict {
	POLICY_ALLOW,
	POLICY_RULES_DENY,		/* no rule of --egress allows it */
	POLICY_HOST,			/* loopback, or an address of the host's */
	POLICY_LINK_LOCAL,		/* of the host's links */
	POLICY_INSIDE,			/* nobody has this address of the guest's network */
	POLICY_NOT_UNICAST,		/* nothing that can be connected to */
	POLICY_EMBEDDED,		/* an IPv4 address in a form that is not to be routed */
	POLICY_NR_VERDICTS
};

/* What is asked for, as IP has it. */
enum policy_proto { POLICY_TCP, POLICY_UDP, POLICY_ICMP };

struct policy;

/**
 * policy_new() - a policy from the words of --egress
 * @egress: NULL for "all"
 * @host: the host's loopback and its addresses may be reached as far as rules allow
 * @net: copied
 *
 * Return: 0, or -EINVAL with a sentence about the first rule that is none.
 */
int policy_new(struct policy **policy, const char *egress, bool host, const struct virt_net *net,
	       struct r3_err *err);
void policy_free(struct policy *policy);

/* Who knows whether an address is one of the host's own, at this moment. */
void policy_set_local(struct policy *policy, bool (*local)(void *arg, const struct net_addr *addr),
		      void *arg);

/**
 * policy_check() - may the guest reach this?
 * @dst: where a socket would be connected to; the gateway stands for the host's loopback
 * @port: 0 asks whether there is any port that it may reach
 * @now: seconds of a clock that does not jump
 * @name: if not NULL: the name that the address was learnt from, or NULL; until the next call
 */
enum policy_verdict policy_check(struct policy *policy, enum policy_proto proto,
				 const struct net_addr *dst, uint16_t port, uint64_t now,
				 const char **name);

/* Whether the name may be resolved: lower case, without the dot at its end. */
bool policy_name(const struct policy *policy, const char *name);

/* An allowed name has this address until @until. */
void policy_learn(struct policy *policy, const char *name, const struct net_addr *addr,
		  uint64_t now, uint64_t until);

/* For messages and the log: one or a few words. */
const char *policy_word(enum policy_verdict verdict);

#endif
