// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-vsock: sockets between a guest and programs of the host, docs/vsock.md. Started
 * by "ring3 run --vsock" with the device's packets as descriptor 3, `ring3 run` at 4 and
 * the listening socket at 5.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "conns.h"
#include "jail.h"

#define PACKETS_FD	3
#define CONTROL_FD	4
#define LISTENER_FD	5
#define FDS_OWN		12

static const struct option longopts[] = {
	{ "cid", required_argument, NULL, 'c' },
	{ "jail", required_argument, NULL, 'j' },
	{ }
};

static int parse(int argc, char **argv, uint64_t *cid, enum jail_mode *jail, struct r3_err *err)
{
	int c, ret = 0;

	opterr = 0;
	while (!ret && (c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'c')
			ret = parse_size(optarg, cid);
		else if (c == 'j')
			ret = jail_mode_parse(optarg, jail, err);
		else
			ret = -EINVAL;
		if (ret)
			return err_set(err, -EINVAL, "usage: ring3-vsock [--cid N] [--jail on|require|off] 3<>PACKETS 4<>CONTROL 5<LISTENER");
	}
	return 0;
}

static int check_fds(struct r3_err *err)
{
	struct stat st;
	int fd;

	for (fd = PACKETS_FD; fd <= LISTENER_FD; fd++)
		if (fstat(fd, &st) || !S_ISSOCK(st.st_mode))
			return err_set(err, -EINVAL, "ring3-vsock is started by \"ring3 run --vsock\": descriptor %d is no socket", fd);
	return 0;
}

static int start(struct conns *v, int argc, char **argv, struct r3_err *err)
{
	const struct vsock_dial ready = { 0 };
	enum jail_mode jail = JAIL_ON;
	uint64_t cid = 3;
	unsigned int files = vsock_files();
	int ret = parse(argc, argv, &cid, &jail, err) ?: check_fds(err);

	if (ret)
		return ret;
	ret = conns_open(v, PACKETS_FD, CONTROL_FD, LISTENER_FD, cid, files > FDS_OWN ? files - FDS_OWN : 1);
	if (ret)
		return err_set(err, ret, "the host has no epoll for vsock: %s", strerror(-ret));
	ret = vsock_jail(jail, err);
	if (ret)
		return ret;
	if (send(CONTROL_FD, &ready, sizeof(ready), MSG_NOSIGNAL) != sizeof(ready))
		return err_set(err, -EPIPE, "nobody waits for ring3-vsock");
	return 0;
}

int main(int argc, char **argv)
{
	static struct conns conns;
	struct r3_err err;

	prctl(PR_SET_NAME, "ring3-vsock");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (start(&conns, argc, argv, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	while (!conns_step(&conns, -1))
		;
	return 0;
}
