// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host system calls of a vCPU thread, each with its reason. What is not
 * here the kernel does not ask for, and the jail does not allow.
 */
#include <linux/export.h>
#include <linux/time64.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/irqflags.h>
#include <linux/mman.h>
#include <uapi/linux/futex.h>
#include <uapi/linux/membarrier.h>
#include <asm/unistd.h>
#include <asm/page.h>
#include <asm/host.h>
#include <ring3/space.h>

struct r3_boot *r3_boot __ro_after_init;
struct r3_zygote *r3_zygote __ro_after_init;

static __always_inline long host_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall" : "=a" (ret)
		     : "0" (nr), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8), "r" (r9)
		     : "rcx", "r11", "memory");
	return ret;
}

/* Kicks of virtio devices, the early console. */
noinstr long r3_host_write(int fd, const void *buf, size_t len)
{
	return host_call(__NR_write, fd, (long)buf, len, 0, 0, 0);
}

/* Acknowledgements of space managers. */
long r3_host_read(int fd, void *buf, size_t len)
{
	return host_call(__NR_read, fd, (long)buf, len, 0, 0, 0);
}

/* vmalloc and modules: contiguous kernel addresses for scattered RAM. */
noinstr long r3_host_map(unsigned long addr, unsigned long len, int prot, phys_addr_t gpa)
{
	unsigned long piece;
	long ret;

	for (; len; addr += piece, gpa += piece, len -= piece) {
		piece = min(len, R3_WINDOW_PIECE);
		ret = host_call(__NR_mmap, addr, piece, prot, MAP_SHARED | MAP_FIXED,
				r3_boot->ram_fd, gpa);
		if (ret != addr)
			return ret;
	}
	return 0;
}

noinstr long r3_host_unmap(unsigned long addr, unsigned long len)
{
	unsigned long piece;
	long ret = 0;

	for (; len && !ret; addr += piece, len -= piece) {
		piece = min(len, R3_WINDOW_PIECE);
		ret = host_call(__NR_munmap, addr, piece, 0, 0, 0, 0);
	}
	return ret;
}

/* Freed memory goes back to the host. */
long r3_host_forget(phys_addr_t gpa, unsigned long len)
{
	return host_call(__NR_madvise, (long)__va(gpa), len, 9 /* MADV_REMOVE */, 0, 0, 0);
}

/* Interrupts between vCPUs; the jail pins the first argument to the monitor. */
long r3_host_signal_vcpu(unsigned int cpu, int sig)
{
	return host_call(__NR_tgkill, r3_boot->pid, r3_boot->vcpu[cpu].tid, sig, 0, 0, 0);
}

long r3_host_timer(unsigned int cpu, u64 ns)
{
	struct __kernel_itimerspec its = {
		.it_value.tv_sec = ns / NSEC_PER_SEC,
		.it_value.tv_nsec = ns % NSEC_PER_SEC,
	};

	return host_call(__NR_timer_settime, r3_boot->vcpu[cpu].timer, 0, (long)&its, 0, 0, 0);
}

/* The wall clock at boot, the time a space has used, and all clocks where the TSC is no clock. */
u64 r3_host_clock(int clockid)
{
	int (*vdso)(clockid_t, struct __kernel_timespec *) = (void *)r3_boot->host_vdso_gettime;
	struct __kernel_timespec ts = { };
	unsigned long flags;

	if (vdso) {
		/* It is compiled with a red zone: nothing may be pushed over it. */
		raw_local_irq_save(flags);
		vdso(clockid, &ts);
		raw_local_irq_restore(flags);
	} else {
		host_call(__NR_clock_gettime, clockid, (long)&ts, 0, 0, 0, 0);
	}
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

long r3_host_futex_wake(u32 *uaddr, int nr)
{
	return host_call(__NR_futex, (long)uaddr, FUTEX_WAKE, nr, 0, 0, 0);
}
EXPORT_SYMBOL_GPL(r3_host_futex_wake);

noinstr long r3_host_futex_wait(u32 *uaddr, u32 val)
{
	return host_call(__NR_futex, (long)uaddr, FUTEX_WAIT, val, 0, 0, 0);
}
EXPORT_SYMBOL_GPL(r3_host_futex_wait);

long r3_host_futex_wait_ns(u32 *uaddr, u32 val, u64 ns)
{
	struct __kernel_timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	return host_call(__NR_futex, (long)uaddr, FUTEX_WAIT, val, (long)&ts, 0, 0);
}

/* A spinning vCPU lets the one it waits for run. */
noinstr void r3_host_yield(void)
{
	host_call(__NR_sched_yield, 0, 0, 0, 0, 0, 0);
}
EXPORT_SYMBOL(r3_host_yield);

/* This vCPU's thread goes to another host CPU. */
long r3_host_move(unsigned int host_cpu)
{
	unsigned long mask[(R3_MAX_HOST_CPU + 1) / BITS_PER_LONG] = { };

	__set_bit(host_cpu, mask);
	return host_call(__NR_sched_setaffinity, 0, sizeof(mask), (long)mask, 0, 0, 0);
}

/* Of this vCPU's thread (0), or of the monitor's first (its pid). Bytes, or an error. */
long r3_host_affinity(int tid, unsigned long *mask, size_t size)
{
	return host_call(__NR_sched_getaffinity, tid, size, (long)mask, 0, 0, 0);
}

/* After patching kernel text: every vCPU fetches it anew. */
void r3_host_membarrier(void)
{
	host_call(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0, 0, 0, 0);
}

noinstr void __noreturn r3_host_exit(unsigned int reason)
{
	u64 one = 1;

	WRITE_ONCE(r3_boot->exit_reason, reason);
	r3_host_write(r3_boot->exit_fd, &one, sizeof(one));
	for (;;) {
		static u32 never;

		r3_host_futex_wait(&never, 0);
	}
}
EXPORT_SYMBOL_GPL(r3_boot);
EXPORT_SYMBOL_GPL(r3_host_write);
