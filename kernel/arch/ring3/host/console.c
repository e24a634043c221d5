// SPDX-License-Identifier: GPL-2.0-only
/* The early console: a descriptor that the monitor names, written directly. */
#include <linux/console.h>
#include <linux/init.h>
#include <asm/host.h>
#include <asm/entry.h>

static void r3_console_write(struct console *con, const char *s, unsigned int n)
{
	while (n) {
		long ret = r3_host_write(r3_boot->console_fd, s, n);

		if (ret <= 0)
			return;
		s += ret;
		n -= ret;
	}
}

static struct console r3_console = {
	.name = "ring3",
	.write = r3_console_write,
	.flags = CON_PRINTBUFFER | CON_ANYTIME | CON_BOOT,
	.index = -1,
};

void __init r3_console_init(void)
{
	if (r3_boot->console_fd >= 0)
		register_console(&r3_console);
}
