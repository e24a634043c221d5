// SPDX-License-Identifier: GPL-2.0-only
/* From the boot block to start_kernel(), and what it calls back for. */
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/initrd.h>
#include <linux/start_kernel.h>
#include <linux/random.h>
#include <linux/cpu.h>
#include <linux/reboot.h>
#include <linux/pm.h>
#include <linux/panic_notifier.h>
#include <linux/percpu.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/fpu.h>
#include <asm/kasan.h>
#include <asm/traps.h>
#include <asm/space.h>


unsigned long __stack_chk_guard __ro_after_init;
EXPORT_SYMBOL(__stack_chk_guard);
#ifdef R3_OLD_ZERO_PAGE
unsigned long empty_zero_page[PAGE_SIZE / sizeof(unsigned long)] __page_aligned_bss;
EXPORT_SYMBOL(empty_zero_page);
#endif

void (*pm_power_off)(void);
EXPORT_SYMBOL(pm_power_off);

unsigned int r3_hwcap __ro_after_init, r3_hwcap2 __ro_after_init;

static char command_line[COMMAND_LINE_SIZE] __initdata;

asmlinkage __visible void __init __noreturn r3_start_kernel(struct r3_boot *boot)
{
	r3_boot = boot;
	r3_zygote = (struct r3_zygote *)boot->zygote;
	r3_time_early();
	start_kernel();
	unreachable();
}

static void __init setup_memory(void)
{
	unsigned long pages = r3_boot->ram_size >> PAGE_SHIFT;

	memblock_add(0, pages << PAGE_SHIFT);
	/* Page 0 stays out of use: gpa 0 is "none" in more than one place. */
	memblock_reserve(0, PAGE_SIZE);
	memblock_reserve(__pa_symbol(_text), _end - _text);
#ifdef CONFIG_BLK_DEV_INITRD
	if (r3_boot->initrd_size) {
		phys_initrd_start = r3_boot->initrd_gpa;
		phys_initrd_size = r3_boot->initrd_size;
		initrd_start = (unsigned long)__va(phys_initrd_start);
		initrd_end = initrd_start + phys_initrd_size;
		memblock_reserve(phys_initrd_start, phys_initrd_size);
	}
#endif
	min_low_pfn = 0;
	max_low_pfn = max_pfn = pages;
	high_memory = __va(pages << PAGE_SHIFT);
}

static bool in_panic;

static int note_panic(struct notifier_block *nb, unsigned long event, void *msg)
{
	in_panic = true;
	/* No panic= given: "reboot" at once, when the consoles are flushed. */
	if (panic_timeout == 0)
		panic_timeout = -1;
	return NOTIFY_DONE;
}

static struct notifier_block panic_nb = {
	.notifier_call = note_panic,
};

static void __init read_cpu(void)
{
	unsigned int a = 1, b, c = 0, d;

	asm volatile("cpuid" : "+a" (a), "=b" (b), "+c" (c), "=d" (d));
	r3_hwcap = d;
	r3_hwcap2 = r3_boot->has_fsgsbase ? 2 /* HWCAP2_FSGSBASE */ : 0;
}

void __init setup_arch(char **cmdline_p)
{
	r3_console_init();

	strscpy(boot_command_line, r3_boot->cmdline, COMMAND_LINE_SIZE);
	strscpy(command_line, boot_command_line, COMMAND_LINE_SIZE);
	*cmdline_p = command_line;

	setup_initial_init_mm(_stext, _etext, _edata, _end);
	read_cpu();
	smp_setup_possible();
	setup_memory();
	parse_early_param();
	kasan_init();
	paging_init();
	r3_fpu_init();
	r3_fpu_drop();
	add_bootloader_randomness(r3_boot->seed, sizeof(r3_boot->seed));
	memzero_explicit(r3_boot->seed, sizeof(r3_boot->seed));
	atomic_notifier_chain_register(&panic_notifier_list, &panic_nb);
}

void __init arch_cpu_finalize_init(void)
{
}

void machine_restart(char *cmd)
{
	smp_send_stop();
	r3_host_exit(in_panic && panic_timeout < 0 ? R3_EXIT_PANIC : R3_EXIT_REBOOT);
}

void machine_halt(void)
{
	smp_send_stop();
	r3_host_exit(R3_EXIT_HALT);
}

void machine_power_off(void)
{
	smp_send_stop();
	r3_host_exit(R3_EXIT_POWEROFF);
}

/* init's own "can I power off?" check wants a handler. */
static int __init set_power_off(void)
{
	pm_power_off = machine_power_off;
	return 0;
}
early_initcall(set_power_off);

void arch_setup_new_exec(void)
{
	r3_fpu_reset(current);
}
