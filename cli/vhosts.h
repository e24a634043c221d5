/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's devices that other processes serve by vhost-user, seen from `ring3 run`.
 *
 * Theory of operation: each start of the guest, also after a reboot, is a new
 * conversation, so each has a new connection, and each program of ours is started anew.
 * A program is started with one socket: connected, the other end of which the monitor
 * gets; or listening, with the monitor's connection waiting in it, for programs that
 * know no other way. So it need not be waited for, and there is no name in the file
 * system that others could connect to.
 *
 * When the connection ends although the program goes on, the monitor has given it up,
 * and it is killed: it still has the guest's memory. When the program ends, that is
 * told in one sentence, and the guest goes on without the device.
 */
#ifndef R3_VHOSTS_H
#define R3_VHOSTS_H

#include "backend.h"
#include "base/err.h"
#include "loop.h"
#include "vm/vm.h"

/* NULL, where one is taken: a guest without such devices. */
struct vhosts;

struct vhost_spec {
	const char *path;		/* of a socket that somebody listens on; else NULL, and: */
	const char *program;		/* as messages call it */
	bool listens;			/* it wants a listening socket */
	int end_ms;			/* how long it may take to end when it is told to */
	/*
	 * Starts it by backend_start() with what of the socket is its own. Called for each
	 * start of the guest; the socket stays the caller's.
	 */
	int (*start)(void *ctx, struct backend *b, int socket, struct r3_err *err);
	void *ctx;
	void (*release)(void *ctx);	/* when the guest has ended. Optional */
};

struct vhosts *vhosts_new(struct vm_config *vm, struct r3_err *err);

/*
 * One more device; dev has all but its descriptor. What spec points to lives as long as
 * the guest. 0, or -errno with err set.
 */
int vhosts_add(struct vhosts *v, const struct vm_vhost *dev, const struct vhost_spec *spec, struct r3_err *err);

/* The same for a disk that vm has already, by its place there. */
int vhosts_add_disk(struct vhosts *v, int disk, const struct vhost_spec *spec, struct r3_err *err);

/* Before each start of the monitor: programs are started, sockets connected, descriptors put into vm. */
int vhosts_start(struct vhosts *v, struct r3_err *err);

/* From now on events are taken from the loop. */
void vhosts_watch(struct vhosts *v, struct loop *loop);

/* The guest has come up: what programs say is shown from now on. */
void vhosts_ready(struct vhosts *v);

/* A child has ended, it may be one of these. */
void vhosts_reap(struct vhosts *v);

/*
 * For devices that come and go while the guest runs. Of a program that ends before
 * vhosts_ready() why is not said, but kept: NULL, or a sentence.
 */
void vhosts_tell(struct vhosts *v);
const char *vhosts_failed(const struct vhosts *v);

/* Tells all programs to end, and does not wait: vhosts_ended() says whether they have, after vhosts_reap(). */
void vhosts_end(struct vhosts *v);
bool vhosts_ended(const struct vhosts *v);

/* The guest has ended. force: whoever wants it gone does not wait for what was not flushed. */
void vhosts_close(struct vhosts *v, bool force);

#endif
