// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-switch: started by "ring3 net add", which made the listening socket and
 * holds the lock on the switch's name; ends when it is told to.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/adaptive_wait.h"
#include "switch.h"

#define NSEC		1000000000LL
#define EVENTS		64
#define SILENCE_NS	(10 * NSEC)	/* of a client that asks nothing */

int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

int source_add(struct sw *sw, struct source *s, enum source_kind kind, int fd, uint32_t events)
{
	*s = (struct source){ .kind = kind, .fd = fd };
	source_events(sw, s, events);
	return events && !s->events ? -ENOSPC : 0;
}

void source_events(struct sw *sw, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (events == s->events)
		return;
	if (!epoll_ctl(sw->epoll, !events ? EPOLL_CTL_DEL : s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd, &ev))
		s->events = events;
}

void source_close(struct sw *sw, struct source *s)
{
	if (s->fd < 0)
		return;
	source_events(sw, s, 0);
	close(s->fd);
}

static void accept_clients(struct sw *sw)
{
	static const char full[] = "{\"error\":\"the switch has too many clients\"}";
	struct client *c;
	unsigned int i;
	int fd;

	fd = accept4(sw->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (i = 0; i < CLIENTS_MAX && sw->client[i]; i++)
		;
	c = i < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c || source_add(sw, &c->source, SOURCE_CLIENT, fd, EPOLLIN)) {
		send(fd, full, strlen(full), MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		free(c);
		return;
	}
	c->deadline = sw->now + SILENCE_NS;
	sw->client[i] = c;
}

static void client_event(struct sw *sw, struct client *c)
{
	unsigned int i;

	if (!client_readable(sw, c))
		return;
	/* Its descriptor is a port's now. */
	c->source.dead = true;
	for (i = 0; i < CLIENTS_MAX; i++)
		if (sw->client[i] == c)
			sw->reap = true;
}

/* What ring3-net says is of no use here; its end is. */
static void companion_event(struct port *p)
{
	char text[4096];

	if (recv(p->companion.fd, text, sizeof(text), MSG_DONTWAIT) > 0 || errno == EAGAIN)
		return;
	source_events(p->sw, &p->companion, 0);
	port_end(p);
}

static void handle(struct sw *sw, struct source *s, uint32_t events)
{
	uint64_t ticks;

	if (s->dead)
		return;
	switch (s->kind) {
	case SOURCE_LISTENER:
		accept_clients(sw);
		break;
	case SOURCE_TIMER:
		if (read(s->fd, &ticks, sizeof(ticks)) > 0)
			sw->timer_at = INT64_MAX;
		break;
	case SOURCE_CLIENT:
		client_event(sw, container_of(s, struct client, source));
		break;
	case SOURCE_PORT: {
		struct port *p = container_of(s, struct port, source);

		if (events & EPOLLOUT)
			port_flush(p);
		if (events & ~EPOLLOUT)
			port_readable(p);
		break;
	}
	case SOURCE_COMPANION:
		companion_event(container_of(s, struct port, companion));
		break;
	case SOURCE_CAPTURE:
		capture_event((struct capture *)s, events);
		break;
	}
}

static void reap(struct sw *sw)
{
	unsigned int i;

	sw->reap = false;
	for (i = 0; i < PORTS_MAX; i++)
		if (sw->port[i] && sw->port[i]->source.dead)
			port_free(sw->port[i]);
	for (i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = sw->client[i];

		if (!c || !c->source.dead)
			continue;
		source_close(sw, &c->source);
		free(c);
		sw->client[i] = NULL;
	}
	for (i = 0; i < CAPTURES_MAX; i++) {
		struct capture *c = sw->capture[i];

		if (!c || !capture_source(c)->dead)
			continue;
		capture_free(c);
		sw->capture[i] = NULL;
		sw->captures--;
	}
}

/* Return: when the next client has been silent for too long. */
static int64_t silent_clients(struct sw *sw)
{
	int64_t next = INT64_MAX;
	unsigned int i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = sw->client[i];

		if (!c || c->asked || c->source.dead)
			continue;
		if (c->deadline <= sw->now)
			c->source.dead = sw->reap = true;
		else if (c->deadline < next)
			next = c->deadline;
	}
	return next;
}

static void set_timer(struct sw *sw, int64_t at)
{
	struct itimerspec when = { .it_value = { at / NSEC, at % NSEC } };

	if (at == sw->timer_at)
		return;
	if (at == INT64_MAX)
		when = (struct itimerspec){ 0 };
	timerfd_settime(sw->timer, TFD_TIMER_ABSTIME, &when, NULL);
	sw->timer_at = at;
}

struct events {
	int epoll;
	struct epoll_event ev[EVENTS];
	struct adaptive_wait waits;
};

static int look(void *arg)
{
	struct events *e = arg;

	return epoll_wait(e->epoll, e->ev, EVENTS, 0);
}

static int wait_for(struct events *e)
{
	int n = adaptive_wait(&e->waits, look, e);

	if (!n)
		n = epoll_wait(e->epoll, e->ev, EVENTS, -1);
	adaptive_came(&e->waits);
	return n;
}

static void loop(struct sw *sw)
{
	struct events e = { .epoll = sw->epoll };
	int64_t next, silent;
	int n, i;

	while (!sw->ending) {
		n = wait_for(&e);
		sw->now = clock_ns();
		for (i = 0; i < n; i++)
			handle(sw, e.ev[i].data.ptr, e.ev[i].events);
		sw->now = clock_ns();
		next = cables_run(&sw->cables, sw->now);
		forward_flush(sw);
		silent = silent_clients(sw);
		set_timer(sw, silent < next ? silent : next);
		if (sw->reap)
			reap(sw);
	}
}

static int init(struct sw *sw, int listener)
{
	uint64_t seed[2];

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	sw->fdb.secret = seed[0];
	cables_init(&sw->cables, seed[1], forward_cable);
	sw->timer_at = INT64_MAX;
	sw->pid = getpid();
	sw->epoll = epoll_create1(EPOLL_CLOEXEC);
	sw->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (sw->epoll < 0 || sw->timer < 0)
		return -errno;
	if (fcntl(listener, F_SETFL, O_NONBLOCK))
		return -errno;
	if (source_add(sw, &sw->listener, SOURCE_LISTENER, listener, EPOLLIN) ||
	    source_add(sw, &sw->timer_source, SOURCE_TIMER, sw->timer, EPOLLIN))
		return -errno;
	return 0;
}

/* json-c's first object asks for random numbers, the C library's first time for its zone. */
static void warm_up(void)
{
	struct json_object *o = json_tokener_parse("{\"a\":[1.5]}");

	json_object_to_json_string(o);
	json_object_put(o);
	clock_ns();
}

/* Not by dprintf(), which seeks. */
static int say(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? 1 : 0;
}

static int failed(int ready, const char *text)
{
	say(ready, text);
	return 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "mtu", required_argument, NULL, 'm' },
		{ "listen", required_argument, NULL, 'l' },
		{ "ready", required_argument, NULL, 'r' },
		{ "jail", required_argument, NULL, 'j' },
		{ NULL }
	};
	static struct sw sw = { .name = "switch", .mtu = 1500 };
	int listener = -1, ready = 2, c, ret;
	enum jail_mode jail = JAIL_ON;
	struct r3_err err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			sw.name = optarg;
			break;
		case 'm':
			sw.mtu = atoi(optarg);
			break;
		case 'l':
			listener = atoi(optarg);
			break;
		case 'r':
			ready = atoi(optarg);
			break;
		case 'j':
			if (jail_mode_parse(optarg, &jail, &err))
				return failed(ready, err.msg);
			break;
		default:
			return 2;
		}
	}
	if (listener < 0 || optind != argc || sw.mtu < 68 || sw.mtu > 65520) {
		fprintf(stderr, "ring3-switch is started by \"ring3 net add\"\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	ret = init(&sw, listener);
	if (ret)
		return failed(ready, strerror(-ret));
	warm_up();
	if (jail_switch(jail, &err))
		return failed(ready, err.msg);
	if (say(ready, "ok"))
		return 1;
	if (ready != 2)
		close(ready);
	loop(&sw);
	return 0;
}
