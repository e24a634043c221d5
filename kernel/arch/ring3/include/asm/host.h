/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything the kernel asks of the host: this header and host/. The jail's
 * list of system calls for vCPU threads is these functions and no more.
 */
#ifndef _ASM_RING3_HOST_H
#define _ASM_RING3_HOST_H

#include <linux/types.h>
#include <ring3/boot.h>
#include <ring3/space.h>

extern struct r3_boot *r3_boot;
extern struct r3_zygote *r3_zygote;

/* So many TSC cycles; 0 if the TSC is no clock. */
static inline u64 r3_cycles(u64 us)
{
	return r3_boot->tsc_khz * us / 1000;
}

/* All return 0 or more, or a negative errno. */
long r3_host_write(int fd, const void *buf, size_t len);
long r3_host_read(int fd, void *buf, size_t len);
/* Maps RAM at gpa as kernel memory at addr; prot as for mmap(2). */
long r3_host_map(unsigned long addr, unsigned long len, int prot, phys_addr_t gpa);
long r3_host_unmap(unsigned long addr, unsigned long len);
/* Gives the host its memory back; the pages read as zeroes afterwards. */
long r3_host_forget(phys_addr_t gpa, unsigned long len);
long r3_host_signal_vcpu(unsigned int cpu, int sig);
/* Arms this vCPU's timer to fire after ns; 0 stops it. */
long r3_host_timer(unsigned int cpu, u64 ns);
u64 r3_host_clock(int clockid);
long r3_host_futex_wake(u32 *uaddr, int nr);
/* Sleeps while *uaddr == val. Returns on a wake-up, a mismatch or any signal. */
long r3_host_futex_wait(u32 *uaddr, u32 val);
long r3_host_futex_wait_ns(u32 *uaddr, u32 val, u64 ns);
/* The first, and returns at once if an interrupt is or comes in (host/entry.S). */
long r3_host_wait_irq(u32 *uaddr, u32 val);
void r3_host_yield(void);
long r3_host_move(unsigned int host_cpu);
/* On which host CPUs this vCPU may run. Returns bytes written. */
long r3_host_affinity(int tid, unsigned long *mask, size_t size);
void r3_host_membarrier(void);
/* Ends the guest: the monitor acts on reason, an R3_EXIT_*. */
void __noreturn r3_host_exit(unsigned int reason);

#endif
