// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/socket.h>

#include "gate.h"
#include "link.h"
#include "nat.h"
#include "publish.h"

#define REQUEST	4096

static int control_fd = -1;

void control_open(int fd)
{
	control_fd = fd;
}

static void put(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	/* A parent that does not read its messages misses some. */
	if (text && send(control_fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		errno = 0;
	json_object_put(o);
}

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void add_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_addr(struct json_object *o, const char *key, const struct net_addr *a)
{
	char text[NET_ADDR_TEXT];

	add_text(o, key, net_addr_text(a, text));
}

static struct json_object *family(const struct net_addr *guest, unsigned int prefix,
				  const struct net_addr *gateway, const struct net_addr *dns)
{
	struct json_object *o = json_object_new_object();

	add_addr(o, "address", guest);
	add_int(o, "prefix", prefix);
	add_addr(o, "gateway", gateway);
	add_addr(o, "dns", dns);
	return o;
}

void control_ready(const struct virt_net *n, unsigned int mtu, bool offload)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array(), *one;
	const struct published *p;
	unsigned int nr = publish_list(&p), i;

	add_text(o, "event", "ready");
	if (n->v4)
		json_object_object_add(o, "ipv4", family(&n->guest4, n->prefix4, &n->gateway4, &n->dns4));
	if (n->v6)
		json_object_object_add(o, "ipv6", family(&n->guest6, n->prefix6, &n->gateway6, &n->dns6));
	add_int(o, "mtu", mtu);
	json_object_object_add(o, "offload", json_object_new_boolean(offload));
	for (i = 0; i < nr; i++) {
		one = json_object_new_object();
		add_text(one, "proto", p[i].udp ? "udp" : "tcp");
		add_addr(one, "address", &p[i].addr);
		add_int(one, "host", p[i].host);
		add_int(one, "guest", p[i].guest);
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "publish", list);
	put(o);
}

void control_say(const char *event, const char *message)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "event", event);
	add_text(o, "message", message);
	put(o);
}

static void give_stats(void)
{
	struct json_object *o = json_object_new_object();
	const struct link_stats *l = link_stats();
	const struct nat_stats *n = nat_stats();

	add_text(o, "event", "stats");
	add_int(o, "connections", gate_open());
	add_int(o, "from_guest_frames", l->rx_frames);
	add_int(o, "from_guest_bytes", l->rx_bytes);
	add_int(o, "to_guest_frames", l->tx_frames);
	add_int(o, "to_guest_bytes", l->tx_bytes);
	add_int(o, "to_guest_dropped", l->tx_dropped);
	add_int(o, "malformed", l->rx_bad + n->malformed);
	add_int(o, "ignored", n->ignored);
	add_int(o, "refused", n->refused);
	put(o);
}

int control_input(void)
{
	char text[REQUEST];
	ssize_t n = recv(control_fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	struct json_object *o, *op;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	if (!n)
		return -EPIPE;
	text[n] = '\0';
	o = json_tokener_parse(text);
	if (o && json_object_object_get_ex(o, "op", &op) && json_object_is_type(op, json_type_string) &&
	    !strcmp(json_object_get_string(op), "stats"))
		give_stats();
	else
		control_say("error", "a request is {\"op\":\"stats\"}");
	json_object_put(o);
	return 0;
}
