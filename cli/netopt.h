/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One value of `ring3 run --net`: a network card of the guest and what carries its frames. */
#ifndef R3_NETOPT_H
#define R3_NETOPT_H

#include "base/err.h"
#include "vm/vm.h"

/**
 * netopt_open() - from an option's value to an open card
 * @text: "fd:N[,format=packets|stream][,offload=on|off][,mac=XX:XX:XX:XX:XX:XX][,mtu=N]"
 *
 * The format that is not said is what the descriptor's kind allows. The
 * descriptor becomes non-blocking.
 *
 * Return: 0 with @net filled, or -errno with @err set.
 */
int netopt_open(struct vm_net *net, const char *text, struct r3_err *err);

#endif
