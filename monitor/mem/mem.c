// SPDX-License-Identifier: GPL-2.0-or-later
#include "mem/mem.h"

#include <stddef.h>

#include "base/mutation.h"

void *mem_ptr(const struct guest_mem *mem, gpa_t gpa, uint64_t len)
{
	if (MUTATION_DEVICE_RANGE)
		return (char *)mem->base + gpa;
	if (!len || len > mem->size || gpa > mem->size - len)
		return NULL;
	return (char *)mem->base + gpa;
}
