// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"
#include "net.h"
#include "netcard.h"
#include "netnat.h"
#include "netsock.h"
#include "netswitch_card.h"
#include "nettap.h"
#include "text.h"

#define SETTLE_MS	10000
#define END_MS		300
#define ORPHAN_MS	50
/* One message of a back end. */
#define MESSAGE_MAX	65536

struct net {
	const struct netopt *opt;
	struct vm_config *vm;
	int nr;
	struct netcard card[VM_MAX_NETS];
	struct loop *loop;		/* NULL: not watched yet */
	const struct net_ops *ops;
	void *ctx;
	bool failed;
	char why[1200];			/* it failed */
	char notice[1200];		/* the card that nobody asked for cannot be had; empty: it can */
};

/* ---- what a card is connected to ---- */

static int copy_addresses(struct netcard *card)
{
	const struct netopt_card *opt = card->opt;
	struct netcard_addresses *a = &card->addresses;

	memcpy(a->ip, opt->ip, sizeof(a->ip));
	memcpy(a->gw, opt->gw, sizeof(a->gw));
	memcpy(a->dns, opt->dns, sizeof(a->dns));
	a->nr_ip = opt->nr_ip;
	a->nr_gw = opt->nr_gw;
	a->nr_dns = opt->nr_dns;
	return 0;
}

static int open_plain(struct netcard *card, const char *name, struct vm_net *vm, struct r3_err *err)
{
	int ret;

	switch (card->opt->kind) {
	case NETOPT_TAP:
		ret = nettap_open(card->opt, vm, err);
		break;
	case NETOPT_FD:
		ret = netsock_take(card->opt, vm, err);
		break;
	case NETOPT_SWITCH:
		ret = netswitch_open(card->opt, name, vm, err);
		break;
	default:
		ret = netsock_connect(card->opt, vm, err);
	}
	if (ret)
		return ret;
	card->fd = vm->fd;
	card->mtu = vm->mtu;
	card->state = NETCARD_UP;
	return copy_addresses(card);
}

static int open_card(struct net *net, struct netcard *card, int *nats, const char *name, struct r3_err *err)
{
	struct vm_net *vm = &net->vm->net[net->vm->nr_nets];
	enum netopt_kind kind = card->opt->kind;
	bool publish;
	int ret;

	*vm = (struct vm_net){ .fd = -1, .mtu = card->opt->mtu };
	ret = netcard_mac(card, name, err);
	if (ret)
		return ret;
	memcpy(vm->mac, card->mac, sizeof(vm->mac));
	if (kind == NETOPT_NAT) {
		publish = card->opt == netopt_find((struct netopt *)net->opt, NETOPT_NAT);
		ret = netnat_start(card, net->opt, (*nats)++, publish, net->vm->jail, vm, err);
	} else if (kind == NETOPT_PASST && !card->opt->target[0]) {
		publish = !netopt_find((struct netopt *)net->opt, NETOPT_NAT) &&
			  card->opt == netopt_find((struct netopt *)net->opt, NETOPT_PASST);
		ret = netnat_start_passt(card, net->opt, (*nats)++, publish, vm, err);
	} else {
		ret = open_plain(card, name, vm, err);
	}
	if (!ret)
		net->vm->nr_nets++;
	return ret;
}

/* Addresses that the user chose, which others may not have too. */
static int check_macs(const struct net *net, struct r3_err *err)
{
	int i, j;

	for (i = 0; i < net->nr; i++)
		for (j = 0; j < i; j++)
			if (!memcmp(net->card[i].mac, net->card[j].mac, sizeof(net->card[i].mac)))
				return err_set(err, EEXIST, "--net %s and --net %s have the same MAC address; give each card its own",
					       net->card[j].opt->text, net->card[i].opt->text);
	return 0;
}

static void close_control(struct netcard *card)
{
	if (card->control < 0)
		return;
	if (card->net->loop)
		loop_unwatch(card->net->loop, &card->control_watch);
	close(card->control);
	card->control = -1;
}

/* A back end's own child outlives it for a moment, and is ours then: it is waited for as well. */
static void reap_orphans(int nr)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	int64_t until = loop_now() + ORPHAN_MS;

	while (nr > 0 && loop_now() < until) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		if (pid)
			nr--;
		else
			nanosleep(&pause, NULL);
	}
}

/* The descriptors are closed, and back ends end. */
static void close_cards(struct net *net)
{
	int i, nr = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* A back end ends when its descriptors do. */
	for (i = 0; i < net->nr; i++) {
		struct netcard *card = &net->card[i];

		close_control(card);
		if (net->loop)
			loop_unwatch(net->loop, &card->frames_watch);
		if (card->fd >= 0)
			close(card->fd);
	}
	for (i = 0; i < net->nr; i++) {
		nr += net->card[i].backend.pid && net->card[i].opt->kind == NETOPT_NAT;
		backend_end(&net->card[i].backend, END_MS);
		json_object_put(net->card[i].publish);
	}
	reap_orphans(nr);
	net->nr = 0;
}

struct net *net_open(const struct netopt *opt, const char *name, struct vm_config *vm, struct r3_err *err)
{
	struct net *net = calloc(1, sizeof(*net));
	int i, nats = 0, ret = 0;

	if (!net) {
		err_set(err, ENOMEM, "no memory for the network");
		return NULL;
	}
	net->opt = opt;
	net->vm = vm;
	for (i = 0; i < opt->nr_cards && !ret; i++) {
		struct netcard *card = &net->card[i];

		*card = (struct netcard){ .net = net, .opt = &opt->card[i], .index = i, .fd = -1, .control = -1,
					  .backend = { .log_fd = -1 } };
		net->nr++;
		ret = open_card(net, card, &nats, name, err);
	}
	if (!ret)
		ret = check_macs(net, err);
	if (!ret)
		return net;
	if (!opt->given) {
		/* Told once the guest runs: what else it lacks may be worth more words. */
		snprintf(net->notice, sizeof(net->notice), "the guest has no network: %s%s", err->msg,
			 strstr(err->msg, "--net none") ? "" : "; --net none starts it without one");
		close_cards(net);
		return net;
	}
	net_close(net);
	return NULL;
}

char *net_words(const struct net *net)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i, j, nr = 0;

	if (!f)
		return NULL;
	for (i = 0; i < net->nr; i++) {
		if (i)
			fputc(' ', f);
		netcard_word(&net->card[i], f);
	}
	for (i = 0; i < net->nr; i++)
		for (j = 0; j < net->card[i].addresses.nr_dns && nr < NETOPT_MAX_SERVERS; j++)
			fprintf(f, "%s%s", nr++ ? "," : " ring3.dns=", net->card[i].addresses.dns[j]);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

/* ---- what back ends say ---- */

static void fail(struct net *net, const char *why)
{
	if (net->failed)
		return;
	net->failed = true;
	snprintf(net->why, sizeof(net->why), "%s", why);
	text_line(net->why);
	if (net->loop)
		net->ops->failed(net->ctx, net->why);
}

static void ready(struct netcard *card, struct json_object *o)
{
	struct json_object *publish;

	if (card->state != NETCARD_STARTING)
		return;
	card->state = NETCARD_UP;
	if (json_object_object_get_ex(o, "publish", &publish) && json_object_is_type(publish, json_type_array))
		card->publish = json_object_get(publish);
	card->backend.quiet = false;
	if (card->backend.last[0])
		message("%s: %s", card->backend.name, card->backend.last);
	if (card->net->loop && net_is_ready(card->net))
		card->net->ops->ready(card->net->ctx);
}

static void take_message(struct netcard *card, const char *text)
{
	struct json_object *o = json_tokener_parse(text), *event, *words;
	const char *what = "", *sentence = "it did not say why";

	if (o && json_object_object_get_ex(o, "event", &event) && json_object_is_type(event, json_type_string))
		what = json_object_get_string(event);
	if (o && json_object_object_get_ex(o, "message", &words) && json_object_is_type(words, json_type_string))
		sentence = json_object_get_string(words);
	if (!strcmp(what, "ready"))
		ready(card, o);
	else if (!strcmp(what, "error") && card->state == NETCARD_STARTING)
		fail(card->net, sentence);
	else if (!strcmp(what, "error") || !strcmp(what, "warning"))
		backend_say(&card->backend, sentence);
	json_object_put(o);
}

/* 1: a message was taken, 0: there is none now, -1: there will be none. */
static int read_control(struct netcard *card)
{
	static char text[MESSAGE_MAX];
	ssize_t n = recv(card->control, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n > 0) {
		text[n] = 0;
		take_message(card, text);
	}
	if (n > 0)
		return 1;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void control_ready(void *ctx, short revents)
{
	struct netcard *card = ctx;

	if (read_control(card) < 0)
		close_control(card);
}

/* ---- ends ---- */

static void down(struct netcard *card, const char *what)
{
	if (card->state == NETCARD_DOWN)
		return;
	card->state = NETCARD_DOWN;
	json_object_put(card->publish);
	card->publish = NULL;
	message("network card %d (--net %s): %s; its link is down", card->index, card->opt->text, what);
}

static void frames_ended(void *ctx, short revents)
{
	struct netcard *card = ctx;

	if (!(revents & (POLLHUP | POLLERR | POLLNVAL)))
		return;
	loop_unwatch(card->net->loop, &card->frames_watch);
	/* Of a child it is told by its end, with how that was. */
	if (!card->backend.name)
		down(card, "the other side has closed");
}

static void backend_ended(struct netcard *card, const char *how)
{
	const struct backend *b = &card->backend;
	char what[1200];

	while (card->control >= 0 && read_control(card) > 0)
		;
	close_control(card);
	if (card->state == NETCARD_STARTING) {
		snprintf(what, sizeof(what), "the network's back end %s %s before it was ready%s%s; --net none starts the guest without a network",
			 b->name, how, b->last[0] ? ": " : "", b->last);
		card->state = NETCARD_DOWN;
		fail(card->net, what);
		return;
	}
	snprintf(what, sizeof(what), "its back end %s %s%s%s", b->name, how, b->quiet && b->last[0] ? ": " : "",
		 b->quiet ? b->last : "");
	down(card, what);
}

void net_reap(struct net *net)
{
	char how[100];
	int i;

	for (i = 0; net && i < net->nr; i++)
		if (backend_reap(&net->card[i].backend, how, sizeof(how)))
			backend_ended(&net->card[i], how);
}

/* ---- start ---- */

bool net_is_ready(const struct net *net)
{
	int i;

	for (i = 0; net && i < net->nr; i++)
		if (net->card[i].state == NETCARD_STARTING)
			return false;
	return true;
}

static bool asked(const struct netopt *opt)
{
	return opt->nr_publish || opt->egress || opt->log || opt->rate || opt->connections;
}

int net_settle(struct net *net, struct r3_err *err)
{
	int64_t until = loop_now() + SETTLE_MS;
	struct pollfd fds[VM_MAX_NETS];
	int i;

	while (asked(net->opt) && !net_is_ready(net) && !net->failed) {
		if (loop_now() > until)
			return err_set(err, ETIMEDOUT, "the network's back end is not ready after %d s", SETTLE_MS / 1000);
		for (i = 0; i < net->nr; i++)
			fds[i] = (struct pollfd){ .fd = net->card[i].control, .events = POLLIN };
		poll(fds, net->nr, 100);
		for (i = 0; i < net->nr; i++)
			if (net->card[i].control >= 0 && read_control(&net->card[i]) < 0)
				close_control(&net->card[i]);
		net_reap(net);
	}
	return net->failed ? err_set(err, EIO, "%s", net->why) : 0;
}

void net_watch(struct net *net, struct loop *loop, const struct net_ops *ops, void *ctx)
{
	int i;

	net->loop = loop;
	net->ops = ops;
	net->ctx = ctx;
	if (net->notice[0])
		message("%s", net->notice);
	for (i = 0; i < net->nr; i++) {
		struct netcard *card = &net->card[i];

		if (card->control >= 0)
			loop_watch(loop, &card->control_watch, card->control, POLLIN, control_ready, card);
		backend_watch(&card->backend, loop);
		/* Not a tap's, which never ends. */
		if (card->opt->kind != NETOPT_TAP) {
			loop_watch(loop, &card->frames_watch, card->fd, 0, frames_ended, card);
			card->frames_watch.any = true;
		}
	}
	/* Of one that ended before signals were taken nothing else tells. */
	net_reap(net);
}

struct json_object *net_info(const struct net *net)
{
	struct json_object *o = json_object_new_array();
	int i;

	for (i = 0; net && i < net->nr; i++)
		json_object_array_add(o, netcard_info(&net->card[i]));
	return o;
}

void net_close(struct net *net)
{
	if (!net)
		return;
	close_cards(net);
	free(net);
}
