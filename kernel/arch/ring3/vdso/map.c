// SPDX-License-Identifier: GPL-2.0-only
/* Maps the vDSO: its data pages, then the code. */
#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <asm/page.h>
#include "data.h"

#define VVAR_SIZE	(VDSO_NR_PAGES * PAGE_SIZE)

extern char vdso_start[], vdso_end[];

static struct page **vdso_pages __ro_after_init;

static unsigned long pfn_of(const void *symbol)
{
	return __pa_symbol(symbol) >> PAGE_SHIFT;
}

static int vdso_mremap(const struct vm_special_mapping *sm, struct vm_area_struct *vma)
{
	current->mm->context.vdso = vma->vm_start;
	return 0;
}

static struct vm_special_mapping vdso_mapping = {
	.name = "[vdso]",
	.mremap = vdso_mremap,
};

static int __init vdso_init(void)
{
	unsigned long i, n = (vdso_end - vdso_start) >> PAGE_SHIFT;

	vdso_pages = kcalloc(n + 1, sizeof(*vdso_pages), GFP_KERNEL);
	if (!vdso_pages)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		vdso_pages[i] = pfn_to_page(pfn_of(vdso_start) + i);
	vdso_mapping.pages = vdso_pages;
	return 0;
}
arch_initcall(vdso_init);

int arch_setup_additional_pages(struct linux_binprm *bprm, int uses_interp)
{
	unsigned long size = vdso_end - vdso_start, addr;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = 0;

	if (!vdso_pages)
		return 0;
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	addr = get_unmapped_area(NULL, 0, VVAR_SIZE + size, 0, 0);
	if (IS_ERR_VALUE(addr)) {
		ret = addr;
		goto out;
	}
	vma = vdso_install_vvar_mapping(mm, addr);
	if (IS_ERR(vma)) {
		ret = PTR_ERR(vma);
		goto out;
	}
	vma = _install_special_mapping(mm, addr + VVAR_SIZE, size,
				       VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC,
				       &vdso_mapping);
	if (IS_ERR(vma))
		ret = PTR_ERR(vma);
	else
		mm->context.vdso = addr + VVAR_SIZE;
out:
	mmap_write_unlock(mm);
	return ret;
}
