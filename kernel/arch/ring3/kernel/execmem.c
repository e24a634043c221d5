// SPDX-License-Identifier: GPL-2.0-only
/* Where modules go, and all other code that the kernel makes: near the image. */
#include <linux/execmem.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <asm/pgtable.h>

static struct execmem_info r3_execmem __ro_after_init = {
	.ranges = {
		[EXECMEM_DEFAULT] = {
			.start = MODULES_VADDR,
			.end = MODULES_END,
			/* A page of shadow for each, where they share none. */
			.alignment = IS_ENABLED(CONFIG_KASAN) ? MODULE_ALIGN : 1,
		},
	},
};

struct execmem_info __init *execmem_arch_setup(void)
{
	r3_execmem.ranges[EXECMEM_DEFAULT].pgprot = PAGE_KERNEL_EXEC;
	return &r3_execmem;
}
