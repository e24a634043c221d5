// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps the vDSO: two data pages, then the code. In a time namespace the first
 * data page is the namespace's and the second the real one; see
 * timens_page in vdso.lds.
 */
#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <vdso/datapage.h>
#include <asm/page.h>

#define VVAR_PAGES	2
#define VVAR_SIZE	(VVAR_PAGES * PAGE_SIZE)

extern char vdso_start[], vdso_end[];

/* Its last word is r3_held, asm/held.h. */
union {
	struct vdso_data data[CS_BASES];
	u8 page[PAGE_SIZE];
} r3_vdso_store __page_aligned_data;
struct vdso_data *vdso_data = r3_vdso_store.data;
static_assert(sizeof(r3_vdso_store.data) <= PAGE_SIZE - sizeof(u64));
static_assert(PAGE_SIZE == 4096);
asm(".globl r3_held\n.hidden r3_held\n.type r3_held, @object\n.size r3_held, 8\n"
    ".set r3_held, r3_vdso_store + 4088");

static struct page **vdso_pages __ro_after_init;

#ifdef CONFIG_TIME_NS
struct vdso_data *arch_get_vdso_data(void *vvar_page)
{
	return vvar_page;
}
#endif

#ifdef R3_OLD_TIMENS
static struct page *find_timens_vvar_page(struct vm_area_struct *vma)
{
	struct time_namespace *ns = current->nsproxy ? current->nsproxy->time_ns : NULL;

	return current->mm == vma->vm_mm && ns ? ns->vvar_page : NULL;
}
#endif

static unsigned long pfn_of(const void *symbol)
{
	return __pa_symbol(symbol) >> PAGE_SHIFT;
}

static vm_fault_t vvar_fault(const struct vm_special_mapping *sm, struct vm_area_struct *vma,
			     struct vm_fault *vmf)
{
	struct page *timens = find_timens_vvar_page(vma);

	if (vmf->pgoff == 0)
		return vmf_insert_pfn(vma, vmf->address,
				      timens ? page_to_pfn(timens) : pfn_of(vdso_data));
	if (vmf->pgoff == 1 && timens)
		return vmf_insert_pfn(vma, vmf->address, pfn_of(vdso_data));
	return VM_FAULT_SIGBUS;
}

static int vdso_mremap(const struct vm_special_mapping *sm, struct vm_area_struct *vma)
{
	current->mm->context.vdso = vma->vm_start;
	return 0;
}

static struct vm_special_mapping vvar_mapping = {
	.name = "[vvar]",
	.fault = vvar_fault,
};

static struct vm_special_mapping vdso_mapping = {
	.name = "[vdso]",
	.mremap = vdso_mremap,
};

#ifdef CONFIG_TIME_NS
int vdso_join_timens(struct task_struct *task, struct time_namespace *ns)
{
	struct mm_struct *mm = task->mm;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma)
		if (vma_is_special_mapping(vma, &vvar_mapping))
			zap_vma_pages(vma);
	mmap_read_unlock(mm);
	return 0;
}
#endif

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
	vma = _install_special_mapping(mm, addr, VVAR_SIZE,
				       VM_READ | VM_MAYREAD | VM_IO | VM_DONTDUMP | VM_PFNMAP,
				       &vvar_mapping);
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
