// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers. The CPU's belong to the host, but debuggers take it for
 * granted that an x86-64 has them: a task whose DR7 enables one is run step by
 * step, in code as its file has it. Before each step its address is compared with
 * the breakpoints, after it the watched bytes. A watchpoint on reads only sees
 * writes that change something.
 *
 * As on the CPU a breakpoint stops before its instruction, sets RF, and with RF
 * set is passed: once, since an instruction that is done clears RF. One with a
 * repeat prefix that is not done yet keeps it; not all CPUs say so after a step.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/debug.h>
#include <asm/processor.h>
#include <asm/rewrite.h>

#define NR_ADDR		4
#define DR6		6
#define DR7		7
#define DR6_FIXED	0xffff0ff0UL
#define DR7_ENABLES	0xffUL

struct r3_debug {
	unsigned long addr[NR_ADDR];
	unsigned long dr6, dr7;
	unsigned long from;		/* where user code went on last */
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
		if ((val & DR7_ENABLES) && task->mm)
			r3_rewrite_off(task->mm);
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

/* Is there an instruction that the CPU may have done in part: INS, MOVS, STOS, ...? */
static bool repeats(unsigned long ip)
{
	u8 code[15], *p = code, *end;

	end = code + sizeof(code) - copy_from_user(code, (void __user *)ip, sizeof(code));
	for (; p < end; p++) {
		switch (*p) {
		case 0xf2:
		case 0xf3:
		case 0x26: case 0x2e: case 0x36: case 0x3e:
		case 0x64 ... 0x67:
		case 0x40 ... 0x4f:
			continue;
		case 0x6c ... 0x6f:
		case 0xa4 ... 0xa7:
		case 0xaa ... 0xaf:
			return true;
		}
		break;
	}
	return false;
}

bool r3_debug_arrived(struct pt_regs *regs)
{
	struct r3_debug *d = current->thread.debug;
	unsigned long hits = 0;
	unsigned int i;

	d->from = regs->ip;
	if (regs->flags & X86_EFLAGS_RF)
		return false;
	for (i = 0; i < NR_ADDR; i++) {
		if (enabled(d, i) && !kind(d, i) && regs->ip == d->addr[i])
			hits |= 1UL << i;
	}
	if (!hits)
		return false;
	d->dr6 = DR6_FIXED | hits;
	regs->flags |= X86_EFLAGS_RF;
	return true;
}

/* Was the step INT1? Some hypervisors leave the address where it was. */
static bool int1(struct r3_debug *d, struct pt_regs *regs)
{
	u8 op;

	if (get_user(op, (u8 __user *)d->from) || op != 0xf1)
		return false;
	if (regs->ip == d->from)
		regs->ip++;
	return true;
}

int r3_debug_step(struct pt_regs *regs)
{
	struct r3_debug *d = current->thread.debug;
	unsigned long hits = 0;
	unsigned int i;
	bool trap;
	u64 now;

	trap = int1(d, regs);
	if (regs->ip == d->from && repeats(regs->ip))
		regs->flags |= X86_EFLAGS_RF;
	for (i = 0; i < NR_ADDR; i++) {
		if (!enabled(d, i) || !kind(d, i))
			continue;
		now = look(d, i);
		if (now != d->seen[i])
			hits |= 1UL << i;
		d->seen[i] = now;
	}
	d->dr6 = DR6_FIXED | hits;
	return hits ? TRAP_HWBKPT : trap ? TRAP_BRKPT : 0;
}
