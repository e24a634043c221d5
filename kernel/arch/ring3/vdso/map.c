// SPDX-License-Identifier: GPL-2.0-only
#include <linux/binfmts.h>
#include <linux/elf.h>

int arch_setup_additional_pages(struct linux_binprm *bprm, int uses_interp)
{
	return 0;
}
