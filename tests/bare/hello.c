// SPDX-License-Identifier: GPL-2.0-or-later
/* The smallest bare guest: does the library itself work? */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>

#include "bare.h"
#include "vdev.h"

static unsigned int second;

static void on_second(void *arg)
{
	bare_write(second, *(unsigned int *)arg);
}

static void read_nowhere(void *arg)
{
	*(volatile int *)arg;
}

void bare_main(void)
{
	unsigned char random[64] = { 0 };
	static unsigned char bytes[64];
	static unsigned int value = 7;
	struct vbuf buf = { bytes, sizeof(bytes), true };
	struct vdev rng;
	unsigned int i;

	bare_ok(bare_boot->magic == R3_BOOT_MAGIC, "the boot block is there");
	bare_is(bare_call3(__NR_futex, &value, FUTEX_WAIT, value + 1), -EAGAIN, "host system calls");
	bare_is(bare_try(read_nowhere, (void *)8), SIGSEGV, "a fault is caught");
	bare_is(bare_try(read_nowhere, &value), 0, "where there is one");
	if (bare_boot->nr_cpus > 1) {
		bare_cpu_start(1, on_second, &value);
		for (i = 0; i < 1000 && !bare_read(second); i++)
			bare_wait_ms(1);
		bare_is(second, 7, "a second vCPU");
	}
	bare_ok(vdev_find(&rng, VIRTIO_ID_RNG, 0) && vdev_init(&rng, 0), "a device starts");
	bare_is(vdev_do(&rng, 0, &buf, 1), sizeof(bytes), "and works");
	bare_ok(memcmp(bytes, random, sizeof(bytes)), "for real");
	for (i = 0; i < 1000 && !bare_read(bare_irqs); i++)
		bare_wait_ms(1);
	bare_ok(bare_irqs > 0, "and interrupts");
	bare_done();
}
