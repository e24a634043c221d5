// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "netsock.h"

static void large_buffers(int fd)
{
	int size = NETSOCK_BUFFER;

	/* Root may have more than the host's limit; for others the limit is what they get. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int netsock_take(const struct netopt_card *card, struct vm_net *net, struct r3_err *err)
{
	int fd = card->fd, flags = fcntl(fd, F_GETFL), type = 0;
	socklen_t len = sizeof(type);
	struct stat st;

	if (flags < 0 || fstat(fd, &st))
		return err_set(err, EBADF, "--net %s: ring3 was not started with a descriptor %d; a shell passes one by %d<>FILE, a program by leaving it open",
			       card->text, fd, fd);
	if (S_ISSOCK(st.st_mode))
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	else if (!S_ISCHR(st.st_mode))
		return err_set(err, EINVAL, "--net %s: descriptor %d is neither a socket nor a tap device", card->text, fd);
	net->format = card->with_format ? card->format : type == SOCK_STREAM ? VM_NET_STREAM : VM_NET_PACKETS;
	if ((net->format == VM_NET_STREAM) != (type == SOCK_STREAM))
		return err_set(err, EINVAL, "--net %s: format=stream is for stream sockets, and format=packets for sockets that keep messages apart and for tap devices; descriptor %d is not one",
			       card->text, fd);
	if (card->offload && net->format == VM_NET_STREAM)
		return err_set(err, EINVAL, "--net %s: a stream has no place for offloads; leave offload=on out", card->text);
	if ((flags & O_ACCMODE) != O_RDWR)
		return err_set(err, EINVAL, "--net %s: descriptor %d is not open for reading and writing", card->text, fd);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, errno, "--net %s: descriptor %d: %s", card->text, fd, strerror(errno));
	net->fd = fd;
	net->offload = card->offload;
	net->mtu = card->mtu;
	return 0;
}

static int cannot_connect(const struct netopt_card *card, int e, struct r3_err *err)
{
	switch (e) {
	case ENOENT:
		return err_set(err, e, "--net %s: there is no socket %s; start what listens on it first", card->text, card->target);
	case ECONNREFUSED:
	case EAGAIN:
		return err_set(err, e, "--net %s: nobody listens on %s; start what does first", card->text, card->target);
	case EPROTOTYPE:
		return err_set(err, e, "--net %s: %s is no stream socket, which QEMU's stream protocol needs", card->text, card->target);
	default:
		return err_set(err, e, "--net %s: cannot connect to %s: %s", card->text, card->target, strerror(e));
	}
}

int netsock_connect(const struct netopt_card *card, struct vm_net *net, struct r3_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1;

	if (strlen(card->target) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG, "--net %s: the path of a socket is at most %zu characters long", card->text,
			       sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, card->target);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "--net %s: no socket: %s", card->text, strerror(errno));
	util_no_descriptors(fd);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return cannot_connect(card, errno, err);
	large_buffers(fd);
	net->format = VM_NET_STREAM;
	net->offload = false;
	net->mtu = card->mtu;
	net->fd = util_take_fd(&fd);
	return 0;
}

int netsock_pair(const struct netopt_card *card, enum vm_net_format format, struct vm_net *net, int *other, struct r3_err *err)
{
	int type = format == VM_NET_STREAM ? SOCK_STREAM : SOCK_SEQPACKET, fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return err_set(err, errno, "--net %s: no socket pair: %s", card->text, strerror(errno));
	large_buffers(fds[0]);
	large_buffers(fds[1]);
	net->fd = fds[0];
	net->format = format;
	net->offload = format == VM_NET_PACKETS;
	net->mtu = card->mtu;
	*other = fds[1];
	return 0;
}
