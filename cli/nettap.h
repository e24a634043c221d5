/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tap device of the host as what carries a card's frames. */
#ifndef R3_NETTAP_H
#define R3_NETTAP_H

#include "base/err.h"
#include "netopt.h"

/*
 * Opens the device that the card names, and makes it if there is none and this
 * process may. net is filled but for the MAC address; what offloads it takes is
 * set. 0, or -errno with err set.
 */
int nettap_open(const struct netopt_card *card, struct vm_net *net, struct r3_err *err);

#endif
