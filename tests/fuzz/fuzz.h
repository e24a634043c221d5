/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. An input is a little program: bytes that choose
 * operations and their operands, so that chance finds its way past the first
 * check. When it is read to its end, everything further is 0.
 */
#ifndef R3_FUZZ_H
#define R3_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t len;
};

/* What must hold whatever the input is. */
#define must(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} } while (0)

static inline uint64_t in_number(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;
	unsigned int n = bytes < in->len ? bytes : in->len;

	memcpy(&v, in->p, n);
	in->p += n;
	in->len -= n;
	return v;
}

static inline uint8_t in8(struct input *in)
{
	return in_number(in, 1);
}

static inline uint16_t in16(struct input *in)
{
	return in_number(in, 2);
}

static inline uint32_t in32(struct input *in)
{
	return in_number(in, 4);
}

static inline uint64_t in64(struct input *in)
{
	return in_number(in, 8);
}

/* Up to @want bytes where they are. */
static inline const uint8_t *in_bytes(struct input *in, size_t want, size_t *got)
{
	const uint8_t *p = in->p;

	*got = want < in->len ? want : in->len;
	in->p += *got;
	in->len -= *got;
	return p;
}

#endif
