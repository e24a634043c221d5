// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers. The CPU's belong to the host, but debuggers take it for
 * granted that an x86-64 has them: a task whose DR7 enables one is run step by
 * step, and after each step its breakpoints and watched bytes are compared. A
 * watchpoint on reads only sees writes that change something.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/debug.h>
#include <asm/processor.h>

#define NR_ADDR		4
#define DR6		6
#define DR7		7
#define DR6_FIXED	0xffff0ff0UL
#define DR7_ENABLES	0xffUL

struct r3_debug {
	unsigned long addr[NR_ADDR];
	unsigned long dr6, dr7;
	u64 seen[NR_ADDR];		/* the watched bytes when we looked last */
};

static bool enabled(const struct r3_debug *d, unsigned int i)
{
	return d->dr7 & (3UL << (i * 2));
}

/* 0: execution, else a watchpoint */
static unsigned int kind(const struct r3_debug *d, unsigned int i)
{
	return (d->dr7 >> (16 + i * 4)) & 3;
}

static unsigned int length(const struct r3_debug *d, unsigned int i)
{
	static const u8 bytes[4] = { 1, 2, 8, 4 };

	return bytes[(d->dr7 >> (18 + i * 4)) & 3];
}

static u64 look(const struct r3_debug *d, unsigned int i)
{
	u64 val = 0;

	if (copy_from_user(&val, (void __user *)d->addr[i], length(d, i)))
		return 0;
	return val;
}

unsigned long r3_debug_get(struct task_struct *task, unsigned int nr)
{
	struct r3_debug *d = task->thread.debug;

	if (!d)
		return nr == DR6 ? DR6_FIXED : 0;
	return nr < NR_ADDR ? d->addr[nr] : nr == DR6 ? d->dr6 : nr == DR7 ? d->dr7 : 0;
}

int r3_debug_set(struct task_struct *task, unsigned int nr, unsigned long val)
{
	struct r3_debug *d = task->thread.debug;
	unsigned int i;

	if (nr == 4 || nr == 5)
		return -EIO;
	if (!d) {
		if (!val)
			return 0;
		d = kzalloc(sizeof(*d), GFP_KERNEL);
		if (!d)
			return -ENOMEM;
		d->dr6 = DR6_FIXED;
		task->thread.debug = d;
	}
	if (nr < NR_ADDR) {
		if (val >= TASK_SIZE_MAX)
			return -EINVAL;
		d->addr[nr] = val;
	} else if (nr == DR6) {
		d->dr6 = val;
	} else {
		d->dr7 = val;
		/* Seen when the task next runs: it is stopped now. */
		for (i = 0; i < NR_ADDR; i++)
			if (enabled(d, i) && kind(d, i) &&
			    access_process_vm(task, d->addr[i], &d->seen[i], length(d, i),
					      FOLL_FORCE) != length(d, i))
				d->seen[i] = 0;
	}
	return 0;
}

void r3_debug_free(struct task_struct *task)
{
	kfree(task->thread.debug);
	task->thread.debug = NULL;
}

bool r3_debug_armed(struct task_struct *task)
{
	return task->thread.debug && (task->thread.debug->dr7 & DR7_ENABLES);
}

bool r3_debug_hit(struct pt_regs *regs)
{
	struct r3_debug *d = current->thread.debug;
	unsigned long hits = 0;
	unsigned int i;
	u64 now;

	for (i = 0; i < NR_ADDR; i++) {
		if (!enabled(d, i))
			continue;
		if (!kind(d, i)) {
			if (regs->ip == d->addr[i])
				hits |= 1UL << i;
			continue;
		}
		now = look(d, i);
		if (now != d->seen[i])
			hits |= 1UL << i;
		d->seen[i] = now;
	}
	d->dr6 = DR6_FIXED | hits;
	return hits;
}
