// SPDX-License-Identifier: GPL-2.0-only
/* The system call table: x86-64's numbers, and the few calls that are its own. */
#include <linux/linkage.h>
#include <linux/syscalls.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/prctl.h>
#include <linux/uaccess.h>
#include <uapi/asm/prctl.h>
#include <asm/ahead.h>
#include <asm/syscall.h>

SYSCALL_DEFINE6(mmap, unsigned long, addr, unsigned long, len, unsigned long, prot,
		unsigned long, flags, unsigned long, fd, unsigned long, off)
{
	unsigned long ret;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	ret = ksys_mmap_pgoff(addr, len, prot, flags, fd, off >> PAGE_SHIFT);
	if (!IS_ERR_VALUE(ret) && !(flags & MAP_ANONYMOUS))
		r3_map_new(ret, len, prot);
	return ret;
}

SYSCALL_DEFINE2(arch_prctl, int, option, unsigned long, arg)
{
	struct thread_struct *t = &current->thread;

	switch (option) {
	case ARCH_SET_FS:
		if (arg >= TASK_SIZE_MAX)
			return -EPERM;
		t->fsbase = arg;
		return 0;
	case ARCH_SET_GS:
		if (arg >= TASK_SIZE_MAX)
			return -EPERM;
		t->gsbase = arg;
		return 0;
	case ARCH_GET_FS:
		return put_user(t->fsbase, (unsigned long __user *)arg);
	case ARCH_GET_GS:
		return put_user(t->gsbase, (unsigned long __user *)arg);
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	}
	return -EINVAL;
}

/*
 * The TSC of a guest thread is the host's, and other tasks run there, too: nobody
 * can have it taken away.
 */
int r3_get_tsc_mode(unsigned long addr)
{
	return put_user(PR_TSC_ENABLE, (int __user *)addr);
}

int r3_set_tsc_mode(unsigned int mode)
{
	return mode == PR_TSC_ENABLE ? 0 : -EINVAL;
}

/*
 * There are no ports here. Who asks is told what x86-64 tells everybody on a
 * machine that is locked down: nothing is given, and nothing can be given back.
 */
#define NR_PORTS	65536

SYSCALL_DEFINE3(ioperm, unsigned long, from, unsigned long, num, int, turn_on)
{
	if (from + num <= from || from + num > NR_PORTS)
		return -EINVAL;
	return turn_on ? -EPERM : 0;
}

SYSCALL_DEFINE1(iopl, unsigned int, level)
{
	if (level > 3)
		return -EINVAL;
	return level ? -EPERM : 0;
}

atomic_t r3_membarriers = ATOMIC_INIT(0);

static long membarrier_for_users(unsigned long cmd, unsigned long flags, unsigned long cpu_id,
				 unsigned long d, unsigned long e, unsigned long f)
{
	long ret;

	/* A full barrier: who takes this call's interrupt sees it. */
	atomic_inc_return(&r3_membarriers);
	ret = sys_membarrier(cmd, flags, cpu_id);
	atomic_dec_return(&r3_membarriers);
	return ret;
}

#define sys_modify_ldt		sys_ni_syscall
#define sys_map_shadow_stack	sys_ni_syscall
#define sys_uretprobe		sys_ni_syscall

asmlinkage long sys_rt_sigreturn(void);

#define __SYSCALL(nr, sym) [nr] = (sys_call_ptr_t)sym,
#define __SYSCALL_NORETURN __SYSCALL
const sys_call_ptr_t sys_call_table[NR_syscalls] = {
	[0 ... NR_syscalls - 1] = (sys_call_ptr_t)sys_ni_syscall,
#include <asm/syscalls_64.h>
	[__NR_membarrier] = membarrier_for_users,
};
