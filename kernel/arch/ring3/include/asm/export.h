/* SPDX-License-Identifier: GPL-2.0-only */
/* For x86's assembly of kernels that still ask for it. */
#if __has_include(<asm-generic/export.h>)
#include <asm-generic/export.h>
#else
#include <linux/export.h>
#endif
