// SPDX-License-Identifier: GPL-2.0-only
/* Takes one wall out, as the command line says: ring3.teeth=NAME. */
#include <linux/cache.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/teeth.h>

enum r3_tooth r3_tooth_out __ro_after_init;

static const char *const names[] __initconst = {
	[R3_TEETH_ACK] = "ack",
	[R3_TEETH_FRAME] = "frame",
	[R3_TEETH_ONCE] = "once",
	[R3_TEETH_STOP] = "stop",
	[R3_TEETH_TASK_SIZE] = "task-size",
	[R3_TEETH_UACCESS] = "uaccess",
};

static int __init take_out(char *name)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(names); i++)
		if (name && !strcmp(name, names[i]))
			r3_tooth_out = i;
	if (r3_tooth_out == R3_TEETH_NONE)
		pr_err("ring3: there is no wall called '%s'\n", name);
	else
		pr_warn("ring3: the wall '%s' is missing, for a test\n", name);
	return 0;
}
early_param("ring3.teeth", take_out);
