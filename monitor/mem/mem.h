/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM, and the one place where a guest physical address becomes a
 * pointer.
 */
#ifndef R3_MEM_H
#define R3_MEM_H

#include <stdint.h>

typedef uint64_t gpa_t;

/* Guest physical addresses 0 up to size are the bytes at base. */
struct guest_mem {
	void *base;
	uint64_t size;
	int fd;			/* the memfd behind it, -1 if there is none */
};

/**
 * mem_ptr() - turn a guest address into a pointer
 * @mem: guest RAM
 * @gpa: first byte, any value
 * @len: bytes that will be touched, any value; 0 is never valid
 *
 * Return: pointer to @len bytes, or NULL if any of them is not guest RAM.
 */
void *mem_ptr(const struct guest_mem *mem, gpa_t gpa, uint64_t len);

#endif
