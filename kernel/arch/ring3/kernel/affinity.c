// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which host CPU a vCPU is kept on, and whether that is still up to us.
 *
 * The monitor chose the CPUs before the guest started. Who changes the affinity
 * of a vCPU's thread afterwards, with taskset or a smaller cpuset, has the last
 * word: the vCPU is where it was put, moves no more, and its guest threads and
 * managers are no longer told where to run. When things are as they were, so is
 * this. A vCPU that is told to stay where it just is cannot see that by itself;
 * the monitor's first thread, which is kept nowhere, shows what is left.
 */
#include <linux/bitops.h>
#include <linux/init.h>
#include <linux/cache.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/affinity.h>
#include <asm/host.h>

#define LONGS	128		/* 8192 host CPUs, as many as Linux can be built for */

struct affinity {
	bool moved;
	unsigned int at;	/* if moved, else at home */
	bool strayed;
	long len;			/* bytes of mask that the host has filled */
	unsigned long mask[LONGS];	/* what is left to the guest */
};

static DEFINE_PER_CPU(struct affinity, affinity);

bool r3_vcpus_apart __ro_after_init;

static int __init check_host_cpus(void)
{
	unsigned int i, j;

	for (i = 0; i < r3_boot->nr_cpus; i++) {
		if (r3_boot->vcpu[i].host_cpu < 0)
			return 0;
		for (j = 0; j < i; j++) {
			if (r3_boot->vcpu[i].host_cpu == r3_boot->vcpu[j].host_cpu)
				return 0;
		}
	}
	r3_vcpus_apart = true;
	return 0;
}
early_initcall(check_host_cpus);

/* A host that does not tell has not been asked to change anything. */
static bool left_to_us(const struct affinity *a, unsigned int host_cpu)
{
	return a->len <= 0 || (host_cpu < a->len * BITS_PER_BYTE && test_bit(host_cpu, a->mask));
}

/*
 * Is this vCPU's thread kept where it was put last? Looks at what is left to the
 * guest, too. Interrupts are off.
 */
static bool in_place(void)
{
	struct affinity *a = this_cpu_ptr(&affinity);
	int at = a->moved ? a->at : r3_boot->vcpu[smp_processor_id()].host_cpu;
	long len;

	if (at < 0)
		return false;
	len = r3_host_affinity(0, a->mask, sizeof(a->mask));
	a->strayed = len > 0 && (bitmap_weight(a->mask, len * BITS_PER_BYTE) != 1 ||
				 !test_bit(at, a->mask));
	a->len = r3_host_affinity(r3_boot->pid, a->mask, sizeof(a->mask));
	return !a->strayed;
}

/**
 * r3_affinity_home() - where guest threads of this vCPU are to stay
 *
 * Returns a host CPU, or -1 for wherever the host puts them. Interrupts are off.
 */
int r3_affinity_home(void)
{
	return in_place() ? r3_affinity_home_of(smp_processor_id()) : -1;
}

/* For any vCPU, as it last found it, and this one what is left to the guest. */
int r3_affinity_home_of(unsigned int cpu)
{
	int home = r3_boot->vcpu[cpu].host_cpu;

	if (home < 0 || READ_ONCE(per_cpu(affinity, cpu).strayed))
		return -1;
	return left_to_us(this_cpu_ptr(&affinity), home) ? home : -1;
}

/**
 * r3_affinity_move() - take this vCPU to another host CPU
 * @host_cpu: which
 *
 * Returns -EPERM if somebody else has moved it or would not have it there.
 * Interrupts are off.
 */
long r3_affinity_move(unsigned int host_cpu)
{
	struct affinity *a = this_cpu_ptr(&affinity);
	long ret;

	if (!in_place()) {
		a->moved = false;
		return -EPERM;
	}
	if (!left_to_us(a, host_cpu))
		return -EPERM;
	ret = r3_host_move(host_cpu);
	if (!ret) {
		a->moved = true;
		a->at = host_cpu;
	}
	return ret;
}
