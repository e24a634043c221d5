// SPDX-License-Identifier: GPL-2.0-or-later
#include "netswitch_card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netswitch.h"

int netswitch_open(const struct netopt_card *opt, const char *name, struct vm_net *vm, struct r3_err *err)
{
	struct switch_port_options port;
	char what[NETOPT_TEXT + 16];
	unsigned int mtu;
	int ret;

	snprintf(what, sizeof(what), "--net %s", opt->text);
	switch_options_init(&port);
	ret = opt->port[0] ? switch_parse_options(what, opt->port, &port, err) : 0;
	if (ret)
		return ret;
	/* As config_open() names a guest that nobody named. */
	if (name)
		snprintf(port.name, sizeof(port.name), "%s", name);
	else
		snprintf(port.name, sizeof(port.name), "g%d", getpid());
	memcpy(port.mac, vm->mac, sizeof(port.mac));
	ret = switch_join(opt->target, &port, &mtu, &vm->fd, err);
	if (ret)
		return err_wrap(err, "%s", what);
	if (vm->mtu > mtu) {
		close(vm->fd);
		vm->fd = -1;
		return err_set(err, EINVAL, "%s: mtu=%u is more than the %u of the switch; \"ring3 net add --mtu\" sets that",
			       what, vm->mtu, mtu);
	}
	if (!vm->mtu)
		vm->mtu = mtu;
	vm->format = VM_NET_PACKETS;
	vm->offload = true;
	return 0;
}
