/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of a software switch (net/switch). A switch called NAME listens for
 * SEQPACKET connections in the directory net/ of state_dir(), found by names.h.
 * A client sends one JSON message and gets one: {"ok": ...} or {"error": "sentence"}.
 * After {"join": {...}} the connection is a frame descriptor (VM_NET_PACKETS, with
 * offloads), and never again a client.
 */
#ifndef R3_NETSWITCH_H
#define R3_NETSWITCH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "netswitch_opts.h"

#define SWITCH_MESSAGE_MAX	(192 * 1024)

/* The directory of switches, made if need be and asked for; -ENOENT without a message if there is none. */
int switch_dir(bool create, struct r3_err *err);

/**
 * switch_ask() - connect to a switch, ask, and wait for the answer
 * @fds: descriptors that go with the request, @nr_fds of them
 * @reply: what "ok" has, to be given back with json_object_put()
 *
 * Return: the connection, which the caller closes; or an error.
 */
int switch_ask(const char *name, struct json_object *request, const int *fds, int nr_fds, struct json_object **reply,
	       struct r3_err *err);

/**
 * switch_join() - become a member of the switch called @name
 * @mtu: of the switch
 * @fd: frames: non-blocking, SEQPACKET, close-on-exec
 */
int switch_join(const char *name, const struct switch_port_options *opt, unsigned int *mtu, int *fd, struct r3_err *err);

#endif
