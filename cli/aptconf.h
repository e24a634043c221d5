/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_APTCONF_H
#define R3_APTCONF_H

#include <stddef.h>

/*
 * Adds to out, as lines of an apt.conf, those settings of an apt configuration's
 * text that say how mirrors are reached and how old their lists may be; proxies as
 * proxy.h has them. What does not fit is left out.
 */
void aptconf_take(const char *text, const char *gateway, char *out, size_t *len, size_t size);

#endif
