/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host offers the guest kernel as clocks. */
#ifndef R3_CLOCK_H
#define R3_CLOCK_H

#include <stdint.h>

/* TSC frequency in kHz, or 0 if the TSC is no clock on this host. */
uint64_t clock_tsc_khz(void);

/* Address of clock_gettime in the host's vDSO, 0 if there is none. */
uint64_t clock_vdso_gettime(void);

#endif
