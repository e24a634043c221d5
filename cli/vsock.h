/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets between a guest and programs of the host (docs/vsock.md): the socket that
 * programs connect to, ring3-vsock behind it, and connections to programs, which only
 * this process can make.
 */
#ifndef R3_VSOCK_H
#define R3_VSOCK_H

#include <json-c/json.h>

#include "base/err.h"
#include "loop.h"
#include "vm/vm.h"

/* NULL, where one is taken: a guest without vsock. */
struct vsock;

/* What is wrong with "PATH[,cid=N]" as it stands. */
int vsock_check(const char *text, struct r3_err *err);

/* Makes the socket, starts the back end, and fills vm's part. NULL with err set. */
struct vsock *vsock_open(const char *text, struct vm_config *vm, struct r3_err *err);

/* From now on events are taken from the loop. */
void vsock_watch(struct vsock *v, struct loop *loop);

/* A child has ended, it may be this one. */
void vsock_reap(struct vsock *v);

/* An object, or NULL. */
struct json_object *vsock_info(const struct vsock *v);

void vsock_close(struct vsock *v);

#endif
