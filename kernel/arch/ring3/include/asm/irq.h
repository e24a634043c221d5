/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_IRQ_H
#define _ASM_RING3_IRQ_H

#include <ring3/vdev.h>

/* Linux irq numbers: one a virtio device. Timer and IPIs are not irqs. */
#define R3_IRQ_BASE	16
#define R3_IRQ_DEV(i)	(R3_IRQ_BASE + (i))
#define NR_IRQS		(R3_IRQ_BASE + R3_VDEV_MAX)

#include <asm-generic/irq.h>

#endif
