/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xterm.js as Debian has it. Its bundle for browsers is empty in Debian 12 (it only requires what is
 * not there), so one is put together at the start of the modules in the package node-xterm.
 */
#ifndef R3_WEB_XTERM_H
#define R3_WEB_XTERM_H

#include <stddef.h>

#define XTERM_PACKAGE	"node-xterm"

/* A script that sets Terminal and fitTerminal; NULL if it is not installed. */
char *xterm_script(size_t *len);

#endif
