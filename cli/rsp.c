// SPDX-License-Identifier: GPL-2.0-or-later
#include "rsp.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define CTRL_C	3

static const char digits[] = "0123456789abcdef";

static int value(int c)
{
	const char *p = c ? strchr(digits, c | 0x20) : NULL;

	return p && ((c >= '0' && c <= '9') || (c | 0x20) >= 'a') ? p - digits : -1;
}

static bool fill(struct rsp *r)
{
	ssize_t n;

	do
		n = read(r->in, r->buf, sizeof(r->buf));
	while (n < 0 && errno == EINTR);
	r->at = 0;
	r->len = n > 0 ? n : 0;
	if (n <= 0)
		r->closed = true;
	return n > 0;
}

static int next(struct rsp *r)
{
	if (r->closed || (r->at == r->len && !fill(r)))
		return -1;
	return r->buf[r->at++];
}

static void put(struct rsp *r, const char *data, size_t len)
{
	if (!r->closed && write_full(r->out, data, len))
		r->closed = true;
}

/* What is between '$' and '#', and whether the sum behind it is right. */
static int body(struct rsp *r, char *packet, bool *right)
{
	unsigned int sum = 0;
	int len = 0, c, high, low;

	while ((c = next(r)) != '#') {
		if (c < 0)
			return -1;
		sum += c;
		if (c == '}') {
			c = next(r);
			if (c < 0)
				return -1;
			sum += c;
			c ^= 0x20;
		}
		if (len < RSP_MAX)
			packet[len++] = c;
	}
	packet[len] = 0;
	high = value(next(r));
	low = value(next(r));
	*right = r->no_ack || (high >= 0 && low >= 0 && (sum & 255) == (unsigned int)(high << 4 | low));
	return len;
}

int rsp_receive(struct rsp *r, char *packet)
{
	bool right;
	int c, len;

	for (;;) {
		do {
			c = next(r);
			if (c < 0)
				return -1;
		} while (c != '$');
		len = body(r, packet, &right);
		if (len < 0)
			return -1;
		if (!r->no_ack)
			put(r, right ? "+" : "-", 1);
		if (right)
			return len;
	}
}

void rsp_send(struct rsp *r, const char *data, size_t len)
{
	char out[2 * RSP_MAX + 8];
	unsigned int sum = 0;
	size_t n = 0, i;

	out[n++] = '$';
	for (i = 0; i < len && i < RSP_MAX; i++) {
		unsigned char c = data[i];

		if (c == '#' || c == '$' || c == '}' || c == '*') {
			out[n++] = '}';
			sum += '}';
			c ^= 0x20;
		}
		out[n++] = c;
		sum += c;
	}
	out[n++] = '#';
	out[n++] = digits[sum >> 4 & 15];
	out[n++] = digits[sum & 15];
	put(r, out, n);
}

void rsp_text(struct rsp *r, const char *text)
{
	rsp_send(r, text, strlen(text));
}

bool rsp_interrupted(struct rsp *r)
{
	if (r->at == r->len && !fill(r))
		return true;
	/* Nothing else is sent meanwhile but acknowledgements. */
	while (r->at < r->len)
		if (r->buf[r->at++] == CTRL_C)
			return true;
	return false;
}

void rsp_hex(char *out, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = 0;
}

size_t rsp_unhex(void *out, const char *text, size_t max)
{
	uint8_t *p = out;
	size_t n;

	for (n = 0; n < max && value(text[0]) >= 0 && value(text[1]) >= 0; n++, text += 2)
		p[n] = value(text[0]) << 4 | value(text[1]);
	return n;
}
