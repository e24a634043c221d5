// SPDX-License-Identifier: GPL-2.0-or-later
#include <cpuid.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <x86intrin.h>

#include "vm/clock.h"

#define CALIBRATE_NS	4000000ULL

static bool tsc_invariant(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1 << 8));
}

/* The hypervisor's word for it, if there is one (leaf 0x40000010, in kHz). */
static uint64_t hypervisor_khz(void)
{
	unsigned int a, b, c, d;

	__cpuid(1, a, b, c, d);
	if (!(c & (1U << 31)))
		return 0;
	__cpuid(0x40000000, a, b, c, d);
	if (a < 0x40000010)
		return 0;
	__cpuid(0x40000010, a, b, c, d);
	return a;
}

static uint64_t cpuid_khz(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(0x15, &a, &b, &c, &d) || !a || !b || !c)
		return 0;
	return (uint64_t)c * b / a / 1000;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A pair of readings as close to each other as some tries give. */
static void sample(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = ~0ULL;
	int i;

	for (i = 0; i < 8; i++) {
		uint64_t before = __rdtsc(), t = now_ns(), after = __rdtsc();

		if (after - before < best) {
			best = after - before;
			*tsc = before + (after - before) / 2;
			*ns = t;
		}
	}
}

static uint64_t measured_khz(void)
{
	uint64_t tsc0, ns0, tsc1, ns1;

	sample(&tsc0, &ns0);
	do {
		sample(&tsc1, &ns1);
	} while (ns1 - ns0 < CALIBRATE_NS);
	return (tsc1 - tsc0) * 1000000ULL / (ns1 - ns0);
}

uint64_t clock_tsc_khz(void)
{
	uint64_t khz, told;

	if (!tsc_invariant())
		return 0;
	khz = measured_khz();
	told = hypervisor_khz();
	if (!told)
		told = cpuid_khz();
	/* What the hardware says is exact, if it is about this TSC at all. */
	if (told && told > khz - khz / 1000 && told < khz + khz / 1000)
		return told;
	return khz;
}

/* The vDSO is a small ELF image; its dynamic symbols name what we look for. */
uint64_t clock_vdso_gettime(void)
{
	uint64_t base = getauxval(AT_SYSINFO_EHDR), load = 0, i;
	const ElfW(Ehdr) *eh = (void *)base;
	const ElfW(Phdr) *ph;
	const ElfW(Dyn) *dyn = NULL;
	const ElfW(Sym) *sym = NULL;
	const ElfW(Word) *hash = NULL;
	const char *str = NULL;

	if (!base)
		return 0;
	ph = (void *)(base + eh->e_phoff);
	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !load)
			load = base + ph[i].p_offset - ph[i].p_vaddr;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (void *)(base + ph[i].p_offset);
	}
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *p = (void *)(load + dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			sym = p;
		else if (dyn->d_tag == DT_STRTAB)
			str = p;
		else if (dyn->d_tag == DT_HASH)
			hash = p;
	}
	if (!sym || !str || !hash)
		return 0;
	for (i = 0; i < hash[1]; i++)
		if (sym[i].st_shndx && !strcmp(str + sym[i].st_name, "__vdso_clock_gettime"))
			return load + sym[i].st_value;
	return 0;
}
