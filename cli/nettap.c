// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "nettap.h"

#define HEADER_SIZE	12		/* struct virtio_net_hdr_v1 */

#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif

static int cannot_open(const struct netopt_card *card, int e, struct r3_err *err)
{
	if (e == ENOENT || e == ENODEV || e == ENXIO)
		return err_set(err, e, "--net %s: this host has no /dev/net/tun; have root run: modprobe tun (a container needs --device /dev/net/tun)",
			       card->text);
	return err_set(err, e, "--net %s: /dev/net/tun cannot be opened: %s", card->text, strerror(e));
}

static int cannot_attach(const struct netopt_card *card, int e, struct r3_err *err)
{
	const char *name = card->target;

	if (e == EPERM || e == EACCES)
		return err_set(err, e, "--net %s: the tap device %s is not yours, or not there and you may not make it; have root run: ip tuntap add %s mode tap user %d && ip link set %s up",
			       card->text, name, name, getuid(), name);
	if (e == EBUSY)
		return err_set(err, e, "--net %s: the tap device %s is in use by another program", card->text, name);
	if (e == EINVAL)
		return err_set(err, e, "--net %s: the device %s is no tap device, or one with several queues; make one by: ip tuntap add NAME mode tap",
			       card->text, name);
	return err_set(err, e, "--net %s: the tap device %s cannot be used: %s", card->text, name, strerror(e));
}

/* Segments of UDP since Linux 6.2; without checksums there are no segments either. */
static bool set_offloads(int fd)
{
	unsigned int base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	return !ioctl(fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) || !ioctl(fd, TUNSETOFFLOAD, base);
}

/* Up, which only root may change; and its MTU. */
static int check_link(const struct netopt_card *card, struct vm_net *net, struct r3_err *err)
{
	cleanup_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	if (s < 0)
		return err_set(err, errno, "--net %s: no socket: %s", card->text, strerror(errno));
	strcpy(ifr.ifr_name, card->target);
	if (!card->mtu && !ioctl(s, SIOCGIFMTU, &ifr) && ifr.ifr_mtu >= 68 && ifr.ifr_mtu <= 65520)
		net->mtu = ifr.ifr_mtu;
	if (ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
		return err_set(err, errno, "--net %s: the tap device %s cannot be examined: %s", card->text, card->target, strerror(errno));
	if (ifr.ifr_flags & IFF_UP)
		return 0;
	ifr.ifr_flags |= IFF_UP;
	if (!ioctl(s, SIOCSIFFLAGS, &ifr))
		return 0;
	return err_set(err, errno, "--net %s: the tap device %s is down; have root run: ip link set %s up", card->text, card->target, card->target);
}

int nettap_open(const struct netopt_card *card, struct vm_net *net, struct r3_err *err)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq ifr = { 0 };
	int header = HEADER_SIZE, little = 1, ret;

	if (fd < 0)
		return cannot_open(card, errno, err);
	strcpy(ifr.ifr_name, card->target);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return cannot_attach(card, errno, err);
	if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 || ioctl(fd, TUNSETVNETLE, &little) < 0)
		return err_set(err, errno, "--net %s: this host's tap devices have no virtio headers: %s", card->text, strerror(errno));
	net->mtu = card->mtu;
	ret = check_link(card, net, err);
	if (ret)
		return ret;
	net->offload = set_offloads(fd);
	net->format = VM_NET_PACKETS;
	net->fd = util_take_fd(&fd);
	return 0;
}
