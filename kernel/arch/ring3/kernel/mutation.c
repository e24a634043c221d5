// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes one wall out: ring3.mutation=NAME on the command line, or NAME written to
 * /sys/module/ring3/parameters/mutation when the guest is up.
 */
#include <linux/cache.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <asm/mutation.h>

enum r3_mutation_id r3_mutation_active __read_mostly;

static const char *const names[] = {
	[R3_MUTATION_NONE] = "none",
	[R3_MUTATION_ACK] = "ack",
	[R3_MUTATION_ASLEEP] = "asleep",
	[R3_MUTATION_FRAME] = "frame",
	[R3_MUTATION_LEAVE] = "leave",
	[R3_MUTATION_ONCE] = "once",
	[R3_MUTATION_RELEASE] = "release",
	[R3_MUTATION_RESET] = "reset",
	[R3_MUTATION_STOP] = "stop",
	[R3_MUTATION_TASK_SIZE] = "task-size",
	[R3_MUTATION_UACCESS] = "uaccess",
	[R3_MUTATION_WORK] = "work",
};

static int activate(const char *name, const struct kernel_param *param)
{
	int i = sysfs_match_string(names, name);

	if (i < 0)
		return i;
	WRITE_ONCE(r3_mutation_active, i);
	pr_warn("ring3: the wall '%s' is missing, for a test\n", names[i]);
	return 0;
}

static int tell(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%s\n", names[r3_mutation_active]);
}

static const struct kernel_param_ops ops = { .set = activate, .get = tell };

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "ring3."
module_param_cb(mutation, &ops, NULL, 0600);
