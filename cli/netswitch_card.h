/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_NETSWITCH_CARD_H
#define R3_NETSWITCH_CARD_H

#include "netopt.h"

/* --net switch:NAME: the card joins. name: the guest's, if it was given one. */
int netswitch_open(const struct netopt_card *opt, const char *name, struct vm_net *vm, struct r3_err *err);

#endif
