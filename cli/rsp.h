/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of gdb's remote serial protocol on a pair of descriptors ("Remote Protocol" in gdb's manual). */
#ifndef R3_RSP_H
#define R3_RSP_H

#include <stdbool.h>
#include <stddef.h>

#define RSP_MAX		16384	/* bytes of a packet, as gdb is told */

struct rsp {
	int in, out;
	bool no_ack;
	bool closed;
	unsigned char buf[4096];	/* read, not used yet */
	size_t at, len;
};

/*
 * The next packet, unescaped and terminated; its length, which is at most RSP_MAX, or
 * -1 when the other side is gone. Ctrl-C between packets is dropped.
 */
int rsp_receive(struct rsp *r, char *packet);
void rsp_send(struct rsp *r, const char *data, size_t len);
void rsp_text(struct rsp *r, const char *text);

/* While the guest runs and there is input: was it Ctrl-C, or the end? */
bool rsp_interrupted(struct rsp *r);

/* Two digits a byte. */
void rsp_hex(char *out, const void *data, size_t len);
/* Bytes that were read; stops at what is no digit. */
size_t rsp_unhex(void *out, const char *text, size_t max);

#endif
