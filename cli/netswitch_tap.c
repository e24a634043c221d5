// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "netswitch_tap.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif

int switch_tap_open(const char *name, struct r3_err *err)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	unsigned int offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	int size = sizeof(struct virtio_net_hdr_v1);

	if (fd < 0)
		return err_set(err, errno, "--uplink tap:%s: cannot open /dev/net/tun: %s", name, strerror(errno));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		if (errno == EPERM)
			return err_set(err, EPERM, "--uplink tap:%s: only root can make this device; have root run: ip tuntap add %s mode tap user $USER",
				       name, name);
		return err_set(err, errno, "--uplink tap:%s: %s", name,
			       errno == EBUSY ? "another program uses this device" : strerror(errno));
	}
	if (ioctl(fd, TUNSETVNETHDRSZ, &size))
		return err_set(err, errno, "--uplink tap:%s: the host has no offload headers: %s", name, strerror(errno));
	/* Hosts from 6.2 also have datagrams in large frames. */
	if (ioctl(fd, TUNSETOFFLOAD, offload | TUN_F_USO4 | TUN_F_USO6))
		ioctl(fd, TUNSETOFFLOAD, offload);
	return util_take_fd(&fd);
}
