// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile guest kernel has the zygote make spaces without end: it says how many
 * live at last. Their managers share a command page, and have nothing to do.
 */
#include <linux/futex.h>
#include <asm/unistd.h>

#include <ring3/space.h>

#include "bare.h"

#define PAGE	4096UL
#define WANTED	1500U

void bare_main(void)
{
	struct r3_zygote *zygote = (void *)bare_boot->zygote;
	void *cmd = bare_alloc(PAGE, PAGE);
	unsigned int i, n, live = 0, failed = 0, before = ~0U;

	for (i = 0; i < WANTED; i++) {
		zygote->space[i].cmd_gpa = bare_gpa(cmd);
		bare_write(zygote->space[i].state, R3_SPACE_WANTED);
		zygote->want[i % R3_ZYGOTE_RING] = i;
	}
	bare_write(zygote->limit, WANTED);
	bare_write(zygote->want_head, WANTED);
	bare_call3(__NR_futex, &zygote->want_head, FUTEX_WAKE, 1);
	/* Until nothing changes any more. */
	for (n = 0; live + failed != before || n < 5; n++) {
		before = live + failed;
		bare_wait_ms(500);
		for (i = live = failed = 0; i < WANTED; i++) {
			live += bare_read(zygote->space[i].state) == R3_SPACE_LIVE;
			failed += bare_read(zygote->space[i].state) == R3_SPACE_FAILED;
		}
		if (live + failed != before)
			n = 0;
	}
	bare_printf("%u live, %u failed\n", live, failed);
}
