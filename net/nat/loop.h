/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_NAT_LOOP_H
#define R3_NAT_LOOP_H

#include "resolver.h"

/* What all of it uses, before the jail closes. */
int loop_prepare(struct r3_err *err);
/* Until the parent or the guest's device is gone. */
void loop_run(int frames, int control, struct resolver *resolver);

#endif
