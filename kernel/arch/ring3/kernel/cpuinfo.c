// SPDX-License-Identifier: GPL-2.0-only
/* /proc/cpuinfo: what CPUID tells, by the names programs look for. */
#include <linux/seq_file.h>
#include <linux/cpumask.h>
#include <asm/host.h>

struct flag {
	u8 leaf, reg, bit;		/* leaf: 1, 7, or 0x81 for 0x80000001 */
	const char *name;
};

static const struct flag flags[] = {
	{ 1, 3, 0, "fpu" }, { 1, 3, 4, "tsc" }, { 1, 3, 8, "cx8" }, { 1, 3, 15, "cmov" },
	{ 1, 3, 19, "clflush" }, { 1, 3, 23, "mmx" }, { 1, 3, 24, "fxsr" }, { 1, 3, 25, "sse" },
	{ 1, 3, 26, "sse2" }, { 1, 3, 28, "ht" }, { 0x81, 3, 11, "syscall" }, { 0x81, 3, 20, "nx" },
	{ 0x81, 3, 27, "rdtscp" }, { 0x81, 3, 29, "lm" }, { 1, 2, 0, "pni" },
	{ 1, 2, 1, "pclmulqdq" }, { 1, 2, 9, "ssse3" }, { 1, 2, 12, "fma" }, { 1, 2, 13, "cx16" },
	{ 1, 2, 19, "sse4_1" }, { 1, 2, 20, "sse4_2" }, { 1, 2, 22, "movbe" },
	{ 1, 2, 23, "popcnt" }, { 1, 2, 25, "aes" }, { 1, 2, 26, "xsave" }, { 1, 2, 28, "avx" },
	{ 1, 2, 29, "f16c" }, { 1, 2, 30, "rdrand" }, { 0x81, 2, 0, "lahf_lm" },
	{ 0x81, 2, 5, "abm" }, { 0x81, 2, 8, "3dnowprefetch" }, { 7, 1, 0, "fsgsbase" },
	{ 7, 1, 3, "bmi1" }, { 7, 1, 5, "avx2" }, { 7, 1, 8, "bmi2" }, { 7, 1, 9, "erms" },
	{ 7, 1, 16, "avx512f" }, { 7, 1, 17, "avx512dq" }, { 7, 1, 18, "rdseed" },
	{ 7, 1, 19, "adx" }, { 7, 1, 21, "avx512ifma" }, { 7, 1, 23, "clflushopt" },
	{ 7, 1, 24, "clwb" }, { 7, 1, 28, "avx512cd" }, { 7, 1, 29, "sha_ni" },
	{ 7, 1, 30, "avx512bw" }, { 7, 1, 31, "avx512vl" }, { 7, 2, 1, "avx512vbmi" },
	{ 7, 2, 6, "avx512_vbmi2" }, { 7, 2, 8, "gfni" }, { 7, 2, 9, "vaes" },
	{ 7, 2, 10, "vpclmulqdq" }, { 7, 2, 11, "avx512_vnni" }, { 7, 2, 12, "avx512_bitalg" },
	{ 7, 2, 14, "avx512_vpopcntdq" }, { 7, 3, 4, "fsrm" }, { 7, 3, 23, "avx512_fp16" },
};

static void cpuid(u32 leaf, u32 r[4])
{
	asm volatile("cpuid" : "=a" (r[0]), "=b" (r[1]), "=c" (r[2]), "=d" (r[3])
		     : "0" (leaf), "2" (0));
}

static int show_cpuinfo(struct seq_file *m, void *v)
{
	unsigned long cpu = (unsigned long)v - 1;
	unsigned int family, model, i;
	u32 l0[4], l1[4], l7[4], l81[4];
	char vendor[13] = { }, name[49] = { };

	cpuid(0, l0);
	memcpy(vendor, &l0[1], 4);
	memcpy(vendor + 4, &l0[3], 4);
	memcpy(vendor + 8, &l0[2], 4);
	cpuid(1, l1);
	cpuid(7, l7);
	cpuid(0x80000001, l81);
	for (i = 0; i < 3; i++)
		cpuid(0x80000002 + i, (u32 *)(name + i * 16));
	family = (l1[0] >> 8) & 0xf;
	model = (l1[0] >> 4) & 0xf;
	if (family == 0xf)
		family += (l1[0] >> 20) & 0xff;
	if (family >= 6)
		model |= (l1[0] >> 12) & 0xf0;

	seq_printf(m, "processor\t: %lu\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n",
		   cpu, vendor, family, model);
	seq_printf(m, "model name\t: %s\nstepping\t: %u\n", strim(name), l1[0] & 0xf);
	if (r3_boot->tsc_khz)
		seq_printf(m, "cpu MHz\t\t: %llu.%03llu\n", r3_boot->tsc_khz / 1000,
			   r3_boot->tsc_khz % 1000);
	seq_printf(m, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %lu\ncpu cores\t: %u\n",
		   num_online_cpus(), cpu, num_online_cpus());
	seq_puts(m, "fpu\t\t: yes\nflags\t\t:");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		u32 *leaf = flags[i].leaf == 1 ? l1 : flags[i].leaf == 7 ? l7 : l81;

		if (leaf[flags[i].reg] & (1U << flags[i].bit))
			seq_printf(m, " %s", flags[i].name);
	}
	seq_puts(m, " hypervisor ring3\nbogomips\t: ");
	seq_printf(m, "%llu.00\n", r3_boot->tsc_khz / 500);
	seq_printf(m, "clflush size\t: %u\ncache_alignment\t: 64\n\n", ((l1[1] >> 8) & 0xff) * 8);
	return 0;
}

static void *c_start(struct seq_file *m, loff_t *pos)
{
	*pos = cpumask_next(*pos - 1, cpu_online_mask);
	return *pos < nr_cpu_ids ? (void *)(unsigned long)(*pos + 1) : NULL;
}

static void *c_next(struct seq_file *m, void *v, loff_t *pos)
{
	(*pos)++;
	return c_start(m, pos);
}

static void c_stop(struct seq_file *m, void *v)
{
}

const struct seq_operations cpuinfo_op = {
	.start = c_start,
	.next = c_next,
	.stop = c_stop,
	.show = show_cpuinfo,
};
