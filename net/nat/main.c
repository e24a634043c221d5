// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-net: user-mode NAT of one guest, in a process of its own.
 *
 * Theory of operation, see docs/network.md. The order matters: limits, the
 * resolver's process, libslirp, published ports, and then the jail, after which
 * nothing is opened any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "control.h"
#include "hostaddr.h"
#include "jail.h"
#include "loop.h"
#include "nat.h"
#include "netlog.h"
#include "publish.h"

#define MTU_MOST	65520
#define MTU_LEAST	1280		/* IPv6 has no less */
#define CONNECTIONS	1024
#define RESERVE		96		/* descriptors for all that is no connection */

struct opts {
	int frames, control, log;
	const char *ipv4, *ipv6, *egress;
	unsigned int mtu, connection_rate;
	uint64_t rate;
	bool host, check;
	enum jail_mode jail;
	unsigned int nr_publish;
	struct publish publish[PUBLISH_SPECS];
};

static const struct option longopts[] = {
	{ "frames", required_argument, NULL, 'f' },
	{ "control", required_argument, NULL, 'c' },
	{ "log", required_argument, NULL, 'l' },
	{ "mtu", required_argument, NULL, 'm' },
	{ "ipv4", required_argument, NULL, '4' },
	{ "ipv6", required_argument, NULL, '6' },
	{ "host", no_argument, NULL, 'h' },
	{ "egress", required_argument, NULL, 'e' },
	{ "publish", required_argument, NULL, 'p' },
	{ "rate", required_argument, NULL, 'r' },
	{ "connection-rate", required_argument, NULL, 'n' },
	{ "jail", required_argument, NULL, 'j' },
	{ "check", no_argument, NULL, 'k' },
	{ }
};

static int number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value, struct r3_err *err)
{
	if (parse_size(text, value) || *value < least || *value > most)
		return err_set(err, -EINVAL, "%s %s: give a number from %llu to %llu", option, text,
			       (unsigned long long)least, (unsigned long long)most);
	return 0;
}

static int descriptor(const char *option, const char *text, int *fd, struct r3_err *err)
{
	uint64_t n;
	int ret = number(option, text, 0, INT_MAX, &n, err);

	if (ret)
		return ret;
	if (fcntl(n, F_SETFD, FD_CLOEXEC))
		return err_set(err, -EBADF, "%s %s: this descriptor is not open", option, text);
	*fd = n;
	return 0;
}

static int one_option(struct opts *o, int c, char *arg, struct r3_err *err)
{
	uint64_t n;
	int ret;

	switch (c) {
	case 'f': return descriptor("--frames", arg, &o->frames, err);
	case 'c': return descriptor("--control", arg, &o->control, err);
	case 'l': return descriptor("--log", arg, &o->log, err);
	case '4': o->ipv4 = arg; return 0;
	case '6': o->ipv6 = arg; return 0;
	case 'e': o->egress = arg; return 0;
	case 'h': o->host = true; return 0;
	case 'k': o->check = true; return 0;
	case 'j': return jail_mode_parse(arg, &o->jail, err);
	case 'r': return number("--rate", arg, 1000, 1ull << 40, &o->rate, err);
	case 'm':
		ret = number("--mtu", arg, MTU_LEAST, MTU_MOST, &n, err);
		o->mtu = n;
		return ret;
	case 'n':
		ret = number("--connection-rate", arg, 1, 1000000, &n, err);
		o->connection_rate = n;
		return ret;
	case 'p':
		if (o->nr_publish == PUBLISH_SPECS)
			return err_set(err, -EINVAL, "--publish can be given %d times: use ranges", PUBLISH_SPECS);
		return publish_parse(&o->publish[o->nr_publish++], arg, err);
	}
	return err_set(err, -EINVAL, "usage: ring3-net --frames FD --control FD [--mtu N] [--ipv4 NET] [--ipv6 NET] [--host] [--egress RULES] [--publish SPEC]... [--log FD] [--rate BYTES] [--connection-rate N] [--jail on|require|off] | --check [--egress RULES] [--publish SPEC]...");
}

static int parse(struct opts *o, int argc, char **argv, struct r3_err *err)
{
	int c, ret = 0, first = 0;

	*o = (struct opts){ .frames = -1, .control = -1, .log = -1, .ipv4 = "10.0.2.0/24", .ipv6 = "fd72:696e:6733::/64", .mtu = MTU_MOST };
	opterr = 0;
	/* All of them, so that an error has the control socket to go to. */
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		struct r3_err this;

		ret = one_option(o, c, optarg, &this);
		if (ret && !first) {
			first = ret;
			*err = this;
		}
	}
	if (!first && optind < argc)
		first = err_set(err, -EINVAL, "ring3-net takes no argument \"%s\"", argv[optind]);
	if (!first && !o->check && (o->frames < 0 || o->control < 0))
		first = err_set(err, -EINVAL, "ring3-net is started by \"ring3 run --net nat\": --frames and --control are missing");
	return first;
}

/* Enough descriptors for the connections, else fewer connections. Return: how many. */
static unsigned int descriptors(unsigned int listeners)
{
	rlim_t want = CONNECTIONS + RESERVE + listeners;
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return 0;
	lim.rlim_cur = lim.rlim_max < want ? lim.rlim_max : want;
	lim.rlim_max = lim.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur < RESERVE + listeners + 16)
		return 0;
	return lim.rlim_cur - RESERVE - listeners;
}

/* Return: the socket that leads to it, or -errno. */
static int start_resolver(const struct opts *o, struct r3_err *err)
{
	char text[sizeof(err->msg)];
	int sv[2], size = 1 << 20;
	ssize_t n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return err_set(err, -errno, "the network back end gets no sockets: %s", strerror(errno));
	setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "the network back end gets no second process: %s", strerror(errno));
	if (!pid) {
		/* Nothing but its socket and the messages of libraries. */
		if (sv[1] != 3)
			dup2(sv[1], 3);
		util_close_range(4, INT_MAX);
		close(0);
		close(1);
		resolver_process(3, o->jail);
	}
	close(sv[1]);
	n = recv(sv[0], text, sizeof(text) - 1, 0);
	if (n == 1 && !text[0])
		return sv[0];
	text[n > 0 ? n : 0] = '\0';
	return err_set(err, -EIO, "%s", n > 1 ? text : "the network's resolver ended at its start");
}

static struct resolver *resolver;
static const char *jail_warning;

static int dns_connection(void)
{
	return resolver_connect(resolver);
}

static unsigned int count_listeners(const struct opts *o)
{
	unsigned int i, n = 0;

	for (i = 0; i < o->nr_publish; i++)
		n += o->publish[i].n * (o->publish[i].any ? 2 : 1);
	return n;
}

static int start(struct opts *o, struct virt_net *net, struct policy *policy, struct r3_err *err)
{
	struct nat_config nat = { .policy = policy, .mtu = o->mtu, .connection_rate = o->connection_rate };
	struct gate_config gate = { .policy = policy, .net = net, .dns = dns_connection };
	unsigned int listeners = count_listeners(o), i;
	int fd, ret;

	gate.max = descriptors(listeners);
	if (!gate.max)
		return err_set(err, -EMFILE, "the limit of open files (ulimit -n) is too low for a network with %u published ports: raise it to %u", listeners, CONNECTIONS + RESERVE + listeners);
	fd = start_resolver(o, err);
	if (fd < 0)
		return fd;
	hostaddr_start();
	policy_set_local(policy, hostaddr_local, NULL);
	nat.net = *net;
	ret = resolver_new(&resolver, fd, policy, o->mtu, nat_send, err) ?: gate_start(&gate, err) ?:
	      nat_start(&nat, err) ?: loop_prepare(err);
	if (ret)
		return ret;
	nat_resolver(resolver);
	for (i = 0; i < o->nr_publish; i++) {
		ret = publish_bind(&o->publish[i], nat_slirp(), net, err);
		if (ret)
			return ret;
	}
	ret = link_open(o->frames, o->rate);
	if (ret)
		return err_set(err, ret, "no memory for frames");
	netlog_open(o->log);
	return nat_jail_net(o->jail, &jail_warning, err);
}

/* Also started by a terminal's shell: its keys are not for us, the parent's end is. */
static void signals(void)
{
	setpgid(0, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct policy *policy = NULL;
	struct virt_net net;
	struct r3_err err;
	struct opts *o = calloc(1, sizeof(*o));
	int ret;

	if (!o)
		return 1;
	ret = parse(o, argc, argv, &err);
	control_open(o->control);
	if (!ret && virt_net_set(&net, o->ipv4, o->ipv6))
		ret = err_set(&err, -EINVAL, "--ipv4 %s --ipv6 %s: give an IPv4 network from /8 to /27 and an IPv6 network of /64, as 10.0.2.0/24 and fd72:696e:6733::/64, or \"none\" for one of them", o->ipv4, o->ipv6);
	if (!ret)
		ret = policy_new(&policy, o->egress, o->host, &net, &err);
	if (!ret && o->check)
		return 0;
	if (!ret) {
		signals();
		ret = start(o, &net, policy, &err);
	}
	if (ret) {
		if (o->control >= 0)
			control_say("error", err.msg);
		else
			fprintf(stderr, "ring3-net: %s\n", err.msg);
		return o->check || ret == -EINVAL ? 2 : 1;
	}
	control_ready(&net, o->mtu, true);
	if (jail_warning)
		control_say("warning", jail_warning);
	loop_run(o->frames, o->control, resolver);
	_exit(0);
}
