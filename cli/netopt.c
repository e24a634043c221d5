// SPDX-License-Identifier: GPL-2.0-or-later
#include "netopt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "values.h"

#define MTU_MIN		68
#define MTU_MAX		65520
#define TEXT_MAX	256

/* A card's options, as far as they were given. */
struct netopt {
	const char *text;		/* all of it, for messages */
	bool with_format, with_mac;
};

static int parse_mac(struct vm_net *net, const char *value, struct r3_err *err)
{
	static const uint8_t none[6];
	unsigned int i, byte;

	for (i = 0; i < 6; i++, value += 3) {
		if (!isxdigit((unsigned char)value[0]) || !isxdigit((unsigned char)value[1]) ||
		    value[2] != (i < 5 ? ':' : 0))
			return err_set(err, EINVAL, "--net: give a MAC address as mac=52:54:00:12:34:56");
		sscanf(value, "%2x", &byte);
		net->mac[i] = byte;
	}
	if (net->mac[0] & 1 || !memcmp(net->mac, none, sizeof(none)))
		return err_set(err, EINVAL, "--net: mac= is a group's or nobody's address; the first byte must be even, and not all may be 0");
	return 0;
}

static int parse_word(struct vm_net *net, struct netopt *opt, char *word, struct r3_err *err)
{
	char *value = strchr(word, '=');
	unsigned int mtu;
	int ret;

	if (value)
		*value++ = 0;
	if (value && !strcmp(word, "format")) {
		opt->with_format = true;
		net->format = !strcmp(value, "stream") ? VM_NET_STREAM : VM_NET_PACKETS;
		if (net->format == VM_NET_PACKETS && strcmp(value, "packets"))
			return err_set(err, EINVAL, "--net %s: format= is packets or stream", opt->text);
	} else if (value && !strcmp(word, "offload")) {
		net->offload = !strcmp(value, "on");
		if (!net->offload && strcmp(value, "off"))
			return err_set(err, EINVAL, "--net %s: offload= is on or off", opt->text);
	} else if (value && !strcmp(word, "mac")) {
		opt->with_mac = true;
		return parse_mac(net, value, err);
	} else if (value && !strcmp(word, "mtu")) {
		ret = value_number("net mtu", value, MTU_MIN, MTU_MAX, &mtu, err);
		if (ret)
			return ret;
		net->mtu = mtu;
	} else {
		return err_set(err, EINVAL, "--net %s: \"%s\" is none of format=, offload=, mac= and mtu=", opt->text, word);
	}
	return 0;
}

/* Which format a descriptor is for, if nobody said it; and whether it can be. */
static int check_fd(struct vm_net *net, const struct netopt *opt, struct r3_err *err)
{
	int flags = fcntl(net->fd, F_GETFL), type = 0;
	socklen_t len = sizeof(type);
	struct stat st;

	if (flags < 0 || fstat(net->fd, &st))
		return err_set(err, EBADF, "--net %s: ring3 was not started with a descriptor %d; a shell passes one by %d<>FILE, a program by leaving it open",
			       opt->text, net->fd, net->fd);
	if (S_ISSOCK(st.st_mode))
		getsockopt(net->fd, SOL_SOCKET, SO_TYPE, &type, &len);
	else if (!S_ISCHR(st.st_mode))
		return err_set(err, EINVAL, "--net %s: descriptor %d is neither a socket nor a tap device", opt->text, net->fd);
	if (!opt->with_format)
		net->format = type == SOCK_STREAM ? VM_NET_STREAM : VM_NET_PACKETS;
	if ((net->format == VM_NET_STREAM) != (type == SOCK_STREAM))
		return err_set(err, EINVAL, "--net %s: format=stream is for stream sockets, and format=packets for sockets that keep messages apart and for tap devices; descriptor %d is not one",
			       opt->text, net->fd);
	if (net->offload && net->format == VM_NET_STREAM)
		return err_set(err, EINVAL, "--net %s: a stream has no place for offloads; leave offload=on out", opt->text);
	if ((flags & O_ACCMODE) != O_RDWR)
		return err_set(err, EINVAL, "--net %s: descriptor %d is not open for reading and writing", opt->text, net->fd);
	if (fcntl(net->fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(net->fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, errno, "--net %s: descriptor %d: %s", opt->text, net->fd, strerror(errno));
	return 0;
}

/* One of our own, which nobody else has: locally administered. */
static int make_mac(struct vm_net *net, struct r3_err *err)
{
	if (getrandom(net->mac, sizeof(net->mac), 0) != sizeof(net->mac))
		return err_set(err, EIO, "the host has no random bytes for a MAC address");
	net->mac[0] = (net->mac[0] | 2) & ~1;
	return 0;
}

int netopt_open(struct vm_net *net, const char *text, struct r3_err *err)
{
	struct netopt opt = { .text = text };
	char words[TEXT_MAX], *rest = words, *word;
	unsigned int fd;
	int ret;

	memset(net, 0, sizeof(*net));
	if (strlen(text) >= sizeof(words))
		return err_set(err, EINVAL, "--net: the value is longer than %d characters", TEXT_MAX - 1);
	strcpy(words, text);
	word = strsep(&rest, ",");
	if (strncmp(word, "fd:", 3))
		return err_set(err, EINVAL, "--net %s: there is no such back end; give fd:N", text);
	ret = value_number("net fd", word + 3, 3, 65535, &fd, err);
	while (!ret && (word = strsep(&rest, ",")))
		ret = parse_word(net, &opt, word, err);
	net->fd = fd;
	if (!ret)
		ret = check_fd(net, &opt, err);
	if (!ret && !opt.with_mac)
		ret = make_mac(net, err);
	return ret;
}
