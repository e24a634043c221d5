// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "netnat.h"
#include "netsock.h"

/* As large as a frame may be: each is handed over whole. */
#define MTU		16000
#define MTU_PASST	65520

/* One of RFC 4193, which a host is not likely to have. */
#define PREFIX6		"fd72:696e:6733"

#define NO_NAT		"the build makes it where libslirp is (Debian's package libslirp-dev); --net none starts the guest without a network"

/* ---- addresses ---- */

/* As libslirp's users know them: .15 is the guest, .2 the router, .3 answers for names. */
struct plan {
	char net4[24], net6[64];
};

static int own_network(const struct netopt_card *opt, const char *ip, struct plan *plan, struct r3_err *err)
{
	char text[50];
	uint8_t b[16];
	bool six = strchr(ip, ':');

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(ip, "/"), ip);
	inet_pton(six ? AF_INET6 : AF_INET, text, b);
	if (six) {
		static const uint8_t host[8] = { 0, 0, 0, 0, 0, 0, 0, 0x15 };

		if (strcmp(strchr(ip, '/'), "/64") || memcmp(b + 8, host, sizeof(host)))
			return err_set(err, EINVAL, "--net %s: behind a NAT the guest's IPv6 address ends with ::15/64, as ip=fd12::15/64", opt->text);
		memset(b + 8, 0, 8);
		inet_ntop(AF_INET6, b, text, sizeof(text));
		snprintf(plan->net6, sizeof(plan->net6), "%s/64", text);
		return 0;
	}
	if (strcmp(strchr(ip, '/'), "/24") || b[3] != 15)
		return err_set(err, EINVAL, "--net %s: behind a NAT the guest's address ends with .15/24, as ip=10.9.8.15/24", opt->text);
	snprintf(plan->net4, sizeof(plan->net4), "%u.%u.%u.0/24", b[0], b[1], b[2]);
	return 0;
}

static void add(char *list, size_t stride, int *nr, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void add(char *list, size_t stride, int *nr, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(list + (*nr)++ * stride, stride, fmt, ap);
	va_end(ap);
}

/* Each card behind a NAT has networks of its own. */
static int choose(struct netcard *card, int nr, struct plan *plan, struct r3_err *err)
{
	const struct netopt_card *opt = card->opt;
	struct netcard_addresses *a = &card->addresses;
	int ret, i, four, six;

	if (opt->nr_gw)
		return err_set(err, EINVAL, "--net %s: behind a NAT the router is the NAT itself; leave gw= out", opt->text);
	snprintf(plan->net4, sizeof(plan->net4), "10.0.%d.0/24", 2 + nr);
	snprintf(plan->net6, sizeof(plan->net6), PREFIX6 ":%x::/64", nr);
	for (i = 0; i < opt->nr_ip; i++) {
		ret = own_network(opt, opt->ip[i], plan, err);
		if (ret)
			return ret;
	}
	/* Up to the host's part. */
	four = strrchr(plan->net4, '.') + 1 - plan->net4;
	six = strchr(plan->net6, '/') - plan->net6;
	add(a->ip[0], sizeof(a->ip[0]), &a->nr_ip, "%.*s15/24", four, plan->net4);
	add(a->ip[0], sizeof(a->ip[0]), &a->nr_ip, "%.*s15/64", six, plan->net6);
	add(a->gw[0], sizeof(a->gw[0]), &a->nr_gw, "%.*s2", four, plan->net4);
	add(a->gw[0], sizeof(a->gw[0]), &a->nr_gw, "%.*s2", six, plan->net6);
	for (i = 0; i < opt->nr_dns; i++)
		add(a->dns[0], sizeof(a->dns[0]), &a->nr_dns, "%s", opt->dns[i]);
	if (!opt->nr_dns)
		add(a->dns[0], sizeof(a->dns[0]), &a->nr_dns, "%.*s3", four, plan->net4);
	return 0;
}

/* ---- arguments ---- */

struct args {
	char *word[2 * NETOPT_MAX_PUBLISH + 48];
	int nr;
	bool full;
};

static void arg(struct args *args, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void arg(struct args *args, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (args->nr + 1 >= (int)ARRAY_SIZE(args->word) || vasprintf(&text, fmt, ap) < 0)
		args->full = true;
	else
		args->word[args->nr++] = text;
	va_end(ap);
}

static void free_args(struct args *args)
{
	while (args->nr)
		free(args->word[--args->nr]);
}

static int start(struct netcard *card, const char *name, const char *path, struct args *args, const int *fds, int nr_fds,
		 struct r3_err *err)
{
	int ret = args->full ? err_set(err, ENOMEM, "no memory for the arguments of %s", name) :
		  backend_start(&card->backend, name, path, args->word, fds, nr_fds, err);

	free_args(args);
	return ret;
}

/* ---- ring3-net ---- */

static int open_log(const char *path, struct r3_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

	return fd < 0 ? err_set(err, errno, "--net-log %s cannot be written: %s", path, strerror(errno)) : fd;
}

static void nat_args(struct args *args, const struct netcard *card, const struct netopt *opt, bool publish, const struct plan *plan,
		     enum jail_mode jail, bool log)
{
	int i;

	arg(args, "%s", NETNAT_PROGRAM);
	arg(args, "--frames");
	arg(args, "%d", BACKEND_FIRST_FD);
	arg(args, "--control");
	arg(args, "%d", BACKEND_FIRST_FD + 1);
	arg(args, "--jail");
	arg(args, "%s", jail_mode_name(jail));
	arg(args, "--mtu");
	arg(args, "%u", card->mtu);
	arg(args, "--ipv4");
	arg(args, "%s", plan->net4);
	arg(args, "--ipv6");
	arg(args, "%s", plan->net6);
	if (card->opt->host)
		arg(args, "--host");
	if (opt->egress) {
		arg(args, "--egress");
		arg(args, "%s", opt->egress);
	}
	if (log) {
		arg(args, "--log");
		arg(args, "%d", BACKEND_FIRST_FD + 2);
	}
	if (opt->rate) {
		arg(args, "--rate");
		arg(args, "%llu", (unsigned long long)opt->rate);
	}
	if (opt->connections) {
		arg(args, "--connection-rate");
		arg(args, "%u", opt->connections);
	}
	for (i = 0; publish && i < opt->nr_publish; i++) {
		arg(args, "--publish");
		arg(args, "%s", opt->publish[i]);
	}
}

int netnat_start(struct netcard *card, const struct netopt *opt, int nr, bool publish, enum jail_mode jail,
		 struct vm_net *net, struct r3_err *err)
{
	cleanup_close int frames = -1, control = -1, log = -1;
	struct args args = { 0 };
	struct plan plan;
	char path[PATH_MAX];
	int pair[2], fds[3], ret;

	ret = choose(card, nr, &plan, err);
	if (!ret)
		ret = backend_find(NETNAT_PROGRAM, NO_NAT, path, sizeof(path), err);
	if (!ret && opt->log)
		ret = log = open_log(opt->log, err);
	if (ret < 0)
		return ret;
	ret = netsock_pair(card->opt, VM_NET_PACKETS, net, &frames, err);
	if (ret)
		return ret;
	card->fd = net->fd;
	if (!net->mtu)
		net->mtu = MTU;
	card->mtu = net->mtu;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_set(err, errno, "no socket for %s: %s", NETNAT_PROGRAM, strerror(errno));
	card->control = pair[0];
	control = pair[1];
	nat_args(&args, card, opt, publish, &plan, jail, log >= 0);
	fds[0] = frames;
	fds[1] = control;
	fds[2] = log;
	return start(card, NETNAT_PROGRAM, path, &args, fds, log >= 0 ? 3 : 2, err);
}

/* ---- passt ---- */

static int passt_ports(struct args *args, const struct netopt *opt, bool udp, struct r3_err *err)
{
	struct netopt_ports p;
	bool any = false;
	int i, ret;

	for (i = 0; i < opt->nr_publish; i++) {
		ret = netopt_parse_ports(&p, opt->publish[i], err);
		if (ret)
			return ret;
		if (p.udp != udp)
			continue;
		if (!p.host)
			return err_set(err, EINVAL, "--publish %s: passt cannot choose a free port; name one, or use --net nat", opt->publish[i]);
		arg(args, udp ? "-u" : "-t");
		arg(args, "%s%s%u-%u:%u-%u", p.address, p.address[0] ? "/" : "", p.host, p.host + p.nr - 1, p.guest, p.guest + p.nr - 1);
		any = true;
	}
	if (!any) {
		arg(args, udp ? "-u" : "-t");
		arg(args, "none");
	}
	return 0;
}

static int passt_args(struct args *args, const struct netcard *card, const struct netopt *opt, bool publish, struct r3_err *err)
{
	static const struct netopt none;
	const struct netcard_addresses *a = &card->addresses;
	int ret;

	arg(args, "passt");
	arg(args, "--foreground");
	arg(args, "--quiet");
	arg(args, "--stderr");
	arg(args, "--one-off");
	arg(args, "--no-map-gw");
	arg(args, "--mtu");
	arg(args, "%u", card->mtu);
	arg(args, "--address");
	arg(args, "%.*s", (int)strcspn(a->ip[0], "/"), a->ip[0]);
	arg(args, "--netmask");
	arg(args, "24");
	arg(args, "--gateway");
	arg(args, "%s", a->gw[0]);
	arg(args, "--dns-forward");
	arg(args, "%s", a->dns[0]);
	ret = passt_ports(args, publish ? opt : &none, false, err);
	if (!ret)
		ret = passt_ports(args, publish ? opt : &none, true, err);
	arg(args, "--fd");
	arg(args, "%d", BACKEND_FIRST_FD);
	return ret;
}

int netnat_start_passt(struct netcard *card, const struct netopt *opt, int nr, bool publish, struct vm_net *net, struct r3_err *err)
{
	cleanup_close int frames = -1;
	struct args args = { 0 };
	struct plan plan;
	char path[PATH_MAX];
	int ret;

	ret = choose(card, nr, &plan, err);
	if (!ret)
		ret = backend_find_host("passt", "passt", path, sizeof(path), err);
	if (!ret)
		ret = netsock_pair(card->opt, VM_NET_STREAM, net, &frames, err);
	if (ret)
		return ret;
	card->fd = net->fd;
	if (!net->mtu)
		net->mtu = MTU_PASST;
	card->mtu = net->mtu;
	ret = passt_args(&args, card, opt, publish, err);
	if (ret) {
		free_args(&args);
		return ret;
	}
	ret = start(card, "passt", path, &args, &frames, 1, err);
	/* It says nothing when it is ready, and what is sent to it before waits; and too much about itself. */
	card->state = NETCARD_UP;
	return ret;
}
