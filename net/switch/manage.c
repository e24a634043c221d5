// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What clients ask, each in one JSON message with one answer: join, ls, set,
 * capture, add-uplink, rm. Clients are processes of the user; members are not
 * clients any more, whatever they send.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "options.h"
#include "switch.h"

#define BUFFER_BYTES	(4 << 20)
#define REQUEST_FDS	4
#define DEPTH_MAX	8

struct request {
	struct sw *sw;
	struct client *client;
	struct json_object *json;
	int fd[REQUEST_FDS];
	int nr_fds;
	struct port *port;		/* what the client has become */
};

static int take_fd(struct request *r, int i)
{
	return i < r->nr_fds ? util_take_fd(&r->fd[i]) : -1;
}

static const char *string_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

/* ---- answers ---- */

static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

static void add_count(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_int64(n));
}

static void answer(int fd, const char *key, struct json_object *value)
{
	struct json_object *o = json_object_new_object();
	const char *text;

	add(o, key, value);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	if (text && send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EMSGSIZE) {
		static const char big[] = "{\"error\":\"the answer is too long for this host's sockets\"}";

		send(fd, big, strlen(big), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	json_object_put(o);
}

static struct json_object *drops(const struct port_stats *stats, bool in)
{
	static const char *const names[DROP_NR] = {
		[DROP_LENGTH] = "length", [DROP_HEADER] = "header", [DROP_SOURCE] = "source", [DROP_MTU] = "mtu",
		[DROP_VLAN] = "vlan", [DROP_QUEUE] = "queue", [DROP_MEMORY] = "memory",
	};
	struct json_object *o = json_object_new_object();
	unsigned int i;

	for (i = 1; i < DROP_NR; i++) {
		uint64_t n = in ? stats->drop_in[i] : stats->drop_out[i];

		if (n)
			add_count(o, names[i], n);
	}
	return o;
}

static struct json_object *direction(const struct port *p, bool in)
{
	const struct port_stats *s = &p->stats;
	const struct cable *cable = in ? &p->tx : &p->rx;
	struct json_object *o = json_object_new_object();

	add_count(o, "frames", in ? s->in_frames : s->out_frames);
	add_count(o, "packets", in ? s->in_packets : s->out_packets);
	add_count(o, "bytes", in ? s->in_bytes : s->out_bytes);
	add_count(o, "lost", cable->lost);
	add_count(o, "duplicated", cable->duplicated);
	add_count(o, "reordered", cable->reordered);
	add_count(o, "cable_full", cable->refused);
	add_count(o, "waiting", cable->n + !!cable->held + (in ? 0 : p->out_n));
	add(o, "dropped", drops(s, in));
	return o;
}

/* rx and tx as the member sees them, as in its options. */
static struct json_object *port_json(const struct port *p)
{
	struct json_object *o = json_object_new_object(), *stats = json_object_new_object();
	char mac[18];

	add(o, "port", json_object_new_int(p->number));
	add(o, "name", json_object_new_string(p->name));
	add(o, "uplink", json_object_new_boolean(p->is_uplink));
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1], p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
	add(o, "mac", p->has_mac ? json_object_new_string(mac) : NULL);
	add(o, "vlan", p->rule.native ? json_object_new_int(p->rule.native) : NULL);
	add(o, "trunk", p->rule.is_trunk ? options_trunk(&p->rule) : NULL);
	add(o, "offload", json_object_new_boolean(p->offload));
	add_count(o, "joined", p->joined);
	add_count(o, "addresses", p->fdb.n);
	add(o, "rx", options_cable(&p->rx.config));
	add(o, "tx", options_cable(&p->tx.config));
	add(stats, "rx", direction(p, false));
	add(stats, "tx", direction(p, true));
	add(o, "stats", stats);
	return o;
}

static int op_ls(struct request *r, struct json_object **reply, struct r3_err *err)
{
	struct json_object *o = json_object_new_object(), *ports = json_object_new_array();
	struct sw *sw = r->sw;
	unsigned int i;

	add(o, "name", json_object_new_string(sw->name));
	add(o, "mtu", json_object_new_int(sw->mtu));
	add_count(o, "pid", sw->pid);
	add_count(o, "captures", sw->captures);
	for (i = 0; i < sw->ports; i++)
		if (sw->port[i] && !sw->port[i]->source.dead)
			json_object_array_add(ports, port_json(sw->port[i]));
	add(o, "ports", ports);
	*reply = o;
	return 0;
}

/* ---- ports ---- */

/* A guest with several cards has several ports. */
static int free_name(struct sw *sw, char *name, struct r3_err *err)
{
	char base[NAME_SIZE];
	unsigned int i;

	snprintf(base, sizeof(base), "%s", name);
	for (i = 2; port_find(sw, name); i++)
		if (snprintf(name, NAME_SIZE, "%.*s:%u", NAME_SIZE - 6, base, i) >= NAME_SIZE || i > PORTS_MAX)
			return err_set(err, EEXIST, "the name %s is taken on this switch", base);
	return 0;
}

static int check_mac(struct sw *sw, const struct port_options *o, struct r3_err *err)
{
	unsigned int i;

	for (i = 0; o->has_mac && i < sw->ports; i++) {
		struct port *p = sw->port[i];

		if (p && !p->source.dead && p->has_mac && !memcmp(p->mac, o->mac, 6))
			return err_set(err, EEXIST, "%s has the address %02x:%02x:%02x:%02x:%02x:%02x on the switch %s already; give this one another mac=",
				       p->name, o->mac[0], o->mac[1], o->mac[2], o->mac[3], o->mac[4], o->mac[5], sw->name);
	}
	return 0;
}

static struct port *make_port(struct sw *sw, struct port_options *o, int fd, struct r3_err *err)
{
	int size = BUFFER_BYTES;
	struct port *p;

	if (check_mac(sw, o, err) || free_name(sw, o->name, err))
		return NULL;
	p = port_new(sw, o->name, fd);
	if (!p) {
		err_set(err, ENOSPC, "the switch %s is full: it has %d ports", sw->name, PORTS_MAX);
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	p->has_mac = o->has_mac;
	memcpy(p->mac, o->mac, sizeof(p->mac));
	p->offload = o->offload;
	p->rule = o->rule;
	cable_configure(&p->rx, &o->rx, sw->now);
	cable_configure(&p->tx, &o->tx, sw->now);
	return p;
}

static void init_options(struct port_options *o)
{
	memset(o, 0, sizeof(*o));
	o->offload = true;
	o->rule.native = 1;
}

static int joined(struct request *r, struct port *p, struct json_object **reply)
{
	struct json_object *o = json_object_new_object();

	add(o, "mtu", json_object_new_int(r->sw->mtu));
	add(o, "port", json_object_new_int(p->number));
	add(o, "name", json_object_new_string(p->name));
	*reply = o;
	return 0;
}

static int op_join(struct request *r, struct json_object *json, struct json_object **reply, struct r3_err *err)
{
	struct port_options o;
	struct port *p;
	int ret;

	init_options(&o);
	ret = options_parse(&o, json, true, err);
	if (!ret && !o.name[0])
		ret = err_set(err, EINVAL, "a member has to say its name");
	if (ret)
		return ret;
	/* The descriptor leaves the client for the port; epoll knows it by one of them at a time. */
	source_events(r->sw, &r->client->source, 0);
	p = make_port(r->sw, &o, r->client->source.fd, err);
	if (!p) {
		source_events(r->sw, &r->client->source, EPOLLIN);
		return err->code;
	}
	r->client->source.fd = -1;
	r->port = p;
	return joined(r, p, reply);
}

/* Frames, and of ring3-net its control connection, which lives as long as this. */
static int op_uplink(struct request *r, struct json_object **reply, struct r3_err *err)
{
	cleanup_close int fd = take_fd(r, 0), companion = take_fd(r, 1);
	struct json_object *tap;
	struct port_options o;
	struct port *p;
	int ret;

	init_options(&o);
	ret = options_parse(&o, r->json, true, err);
	if (!ret && (!o.name[0] || fd < 0))
		ret = err_set(err, EINVAL, "an uplink needs a name and a descriptor");
	if (ret)
		return ret;
	p = make_port(r->sw, &o, fd, err);
	if (!p)
		return err->code;
	util_take_fd(&fd);
	p->is_uplink = true;
	p->is_tap = json_object_object_get_ex(r->json, "tap", &tap) && json_object_get_boolean(tap);
	if (companion >= 0 && !source_add(r->sw, &p->companion, SOURCE_COMPANION, companion, EPOLLIN))
		util_take_fd(&companion);
	return joined(r, p, reply);
}

/* By name, or by number. */
static struct port *named(struct request *r, struct r3_err *err)
{
	const char *name = string_of(r->json, "port");
	struct port *p = name ? port_find(r->sw, name) : NULL;
	unsigned long n;
	char *end;

	if (!p && name && *name >= '1' && *name <= '9') {
		n = strtoul(name, &end, 10);
		if (!*end && n <= PORTS_MAX && r->sw->port[n - 1] && !r->sw->port[n - 1]->source.dead)
			p = r->sw->port[n - 1];
	}
	if (!p)
		err_set(err, ENOENT, "the switch %s has no port %.63s; \"ring3 net ls %s\" lists them", r->sw->name,
			name ? name : "without a name", r->sw->name);
	return p;
}

static int op_set(struct request *r, struct json_object **reply, struct r3_err *err)
{
	struct port *p = named(r, err);
	struct port_options o = { 0 };
	int ret;

	if (!p)
		return err->code;
	o.rule = p->rule;
	o.rx = p->rx.config;
	o.tx = p->tx.config;
	ret = options_parse(&o, r->json, false, err);
	if (ret)
		return ret;
	/* What it has learned may have been in another VLAN. */
	if (memcmp(&o.rule, &p->rule, sizeof(o.rule)))
		fdb_forget(&r->sw->fdb, &p->fdb);
	p->rule = o.rule;
	cable_configure(&p->rx, &o.rx, r->sw->now);
	cable_configure(&p->tx, &o.tx, r->sw->now);
	*reply = port_json(p);
	return 0;
}

static int op_capture(struct request *r, struct json_object **reply, struct r3_err *err)
{
	cleanup_close int fd = take_fd(r, 0);
	struct json_object *v;
	struct port *p = NULL;
	int ret;

	if (json_object_object_get_ex(r->json, "port", &v)) {
		p = named(r, err);
		if (!p)
			return err->code;
	}
	ret = fd < 0 ? -EINVAL : capture_start(r->sw, fd, p);
	if (ret == -EINVAL)
		return err_set(err, ret, "a capture needs the descriptor of a pipe");
	if (ret)
		return err_set(err, ret, "the switch %s has %d captures already", r->sw->name, CAPTURES_MAX);
	util_take_fd(&fd);
	*reply = json_object_new_object();
	return 0;
}

/* ---- requests ---- */

static int handle(struct request *r, struct json_object **reply, struct r3_err *err)
{
	struct json_object *join;
	const char *op;

	if (!r->json || !json_object_is_type(r->json, json_type_object))
		return err_set(err, EINVAL, "this is no request");
	if (json_object_object_get_ex(r->json, "join", &join))
		return op_join(r, join, reply, err);
	op = string_of(r->json, "op");
	if (!op)
		return err_set(err, EINVAL, "this is no request");
	if (!strcmp(op, "ls") || !strcmp(op, "stats"))
		return op_ls(r, reply, err);
	if (!strcmp(op, "set"))
		return op_set(r, reply, err);
	if (!strcmp(op, "capture"))
		return op_capture(r, reply, err);
	if (!strcmp(op, "add-uplink"))
		return op_uplink(r, reply, err);
	if (!strcmp(op, "rm")) {
		r->sw->ending = true;
		*reply = json_object_new_object();
		return 0;
	}
	return err_set(err, EINVAL, "a switch cannot %.32s", op);
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o;

	if (!tok)
		return NULL;
	o = json_tokener_parse_ex(tok, text, len);
	/* All of the message and nothing else. */
	if (o && json_tokener_get_parse_end(tok) != len) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

static ssize_t receive(struct request *r, char *text, size_t size)
{
	char control[CMSG_SPACE(REQUEST_FDS * sizeof(int))];
	struct iovec iov = { text, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(r->client->source.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	for (c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			r->nr_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(r->fd, CMSG_DATA(c), r->nr_fds * sizeof(int));
		}
	return n < 0 ? -errno : msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : n;
}

bool client_readable(struct sw *sw, struct client *c)
{
	struct request r = { .sw = sw, .client = c, .fd = { -1, -1, -1, -1 } };
	struct json_object *reply = NULL;
	char *text = malloc(MESSAGE_MAX);
	int fd = c->source.fd, ret, i;
	struct r3_err err;
	ssize_t n = text ? receive(&r, text, MESSAGE_MAX) : -ENOMEM;

	if (n > 0) {
		r.json = parse(text, n);
		c->asked = true;
		ret = handle(&r, &reply, &err);
		if (ret)
			answer(fd, "error", json_object_new_string(err.msg));
		else
			answer(fd, "ok", reply);
		json_object_put(r.json);
	} else if (n != -EAGAIN && n != -EINTR) {
		c->source.dead = true;
		sw->reap = true;
	}
	for (i = 0; i < r.nr_fds; i++)
		if (r.fd[i] >= 0)
			close(r.fd[i]);
	free(text);
	return r.port;
}
