// SPDX-License-Identifier: GPL-2.0-or-later
/* One thread waits for everything: frames, the parent, the resolver, libslirp's sockets. */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/adaptive_wait.h"
#include "control.h"
#include "nat.h"
#include "netlog.h"
#include "ping6.h"

#define FIRST		2		/* after frames and control */
#define BATCHES		4		/* of frames, before the sockets have their turn */
#define IDLE_MS		60000
#define LOOKS_AT	32		/* descriptors; more take too long to look at again and again */

static struct pollfd *fds;
static unsigned int nr, room;
static struct adaptive_wait waits;

int loop_prepare(struct r3_err *err)
{
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	room = lim.rlim_cur + 64;
	fds = calloc(room, sizeof(*fds));
	return fds ? 0 : err_set(err, -ENOMEM, "no memory for %u descriptors", room);
}

static int add_poll(int fd, int events, void *opaque)
{
	struct pollfd *p = &fds[nr];

	(void)opaque;
	if (nr == room)
		return -1;
	*p = (struct pollfd){ .fd = fd };
	if (events & SLIRP_POLL_IN)
		p->events |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		p->events |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		p->events |= POLLPRI;
	return nr++;
}

static int get_events(int index, void *opaque)
{
	struct pollfd *p = &fds[index];
	int events = 0;

	(void)opaque;
	if (index < 0 || !p->revents)
		return 0;
	if (p->revents & POLLIN)
		events |= SLIRP_POLL_IN;
	if (p->revents & POLLOUT)
		events |= SLIRP_POLL_OUT;
	if (p->revents & POLLPRI)
		events |= SLIRP_POLL_PRI;
	if (p->revents & POLLERR)
		events |= SLIRP_POLL_ERR;
	if (p->revents & POLLHUP)
		events |= SLIRP_POLL_HUP;
	if (events == SLIRP_POLL_IN && !gate_readable(p->fd))
		return 0;
	return events;
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int receive(void)
{
	int i, n = LINK_BATCH;

	for (i = 0; i < BATCHES && n == LINK_BATCH; i++)
		n = link_receive(nat_frame);
	return n < 0 ? n : 0;
}

static int look(void *arg)
{
	static const struct timespec now;

	(void)arg;
	return ppoll(fds, nr, &now, NULL);
}

static int wait_for(int timeout)
{
	struct timespec ts = { timeout / 1000, timeout % 1000 * 1000000L };
	int n = 0;

	if (timeout && nr <= LOOKS_AT)
		n = adaptive_wait(&waits, look, NULL);
	else
		waits.since = adaptive_now();
	if (!n)
		n = ppoll(fds, nr, timeout < 0 ? NULL : &ts, NULL);
	adaptive_came(&waits);
	return n;
}

void loop_run(int frames, int control, struct resolver *resolver)
{
	unsigned int resolver_at = FIRST, ping_at, slirp_at;
	bool warned = false, more = false, filled;
	uint32_t slirp_wait;
	int timeout;

	for (;;) {
		fds[0] = (struct pollfd){ .fd = frames, .events = link_events(&timeout) };
		fds[1] = (struct pollfd){ .fd = control, .events = POLLIN };
		ping_at = resolver_at + resolver_pollfds(resolver, fds + resolver_at);
		nr = slirp_at = ping_at + ping6_pollfds(fds + ping_at);
		timeout = more ? 0 : sooner(timeout, nat_timers());
		/* Nothing more for a guest that does not take what there is. */
		filled = !link_congested();
		if (filled) {
			slirp_wait = IDLE_MS;
			slirp_pollfds_fill(nat_slirp(), &slirp_wait, add_poll, NULL);
			/* It says 1 s also if there is nothing to do. */
			if (nr > slirp_at || gate_open())
				timeout = sooner(timeout, slirp_wait);
		}
		if (wait_for(sooner(timeout, IDLE_MS)) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		link_flush();
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			if ((fds[0].revents & (POLLHUP | POLLERR)) && !(fds[0].revents & POLLIN))
				return;
			nat_make_room();
			if (receive())
				return;
		}
		/* After frames, so that statistics have what came before they were asked for. */
		if (fds[1].revents && control_input())
			return;
		resolver_poll(resolver, fds + resolver_at, ping_at - resolver_at);
		ping6_poll(fds + ping_at, slirp_at - ping_at, nat_send);
		if (filled)
			slirp_pollfds_poll(nat_slirp(), 0, get_events, NULL);
		more = nat_acknowledge(link_congested());
		netlog_flush();
		if (resolver_gone(resolver) && !warned) {
			warned = true;
			control_say("warning", "the network's resolver has ended: no names resolve in this guest any more");
		}
	}
}
