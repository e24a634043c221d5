// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vDSO's data pages for versions that leave them to the architecture. There are
 * two: in a time namespace the first is the namespace's and the second the real one;
 * see timens_page in vdso.lds.
 */
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <asm/held.h>
#include <asm/page.h>
#include "data.h"

#ifdef R3_OLD_VDSO_DATA

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

static unsigned long data_pfn(void)
{
	return __pa_symbol(vdso_data) >> PAGE_SHIFT;
}

static vm_fault_t vvar_fault(const struct vm_special_mapping *sm, struct vm_area_struct *vma,
			     struct vm_fault *vmf)
{
	struct page *timens = find_timens_vvar_page(vma);

	if (vmf->pgoff == 0)
		return vmf_insert_pfn(vma, vmf->address, timens ? page_to_pfn(timens) : data_pfn());
	if (vmf->pgoff == 1 && timens)
		return vmf_insert_pfn(vma, vmf->address, data_pfn());
	return VM_FAULT_SIGBUS;
}

static struct vm_special_mapping vvar_mapping = {
	.name = "[vvar]",
	.fault = vvar_fault,
};

struct vm_area_struct *vdso_install_vvar_mapping(struct mm_struct *mm, unsigned long addr)
{
	return _install_special_mapping(mm, addr, VDSO_NR_PAGES * PAGE_SIZE,
					VM_READ | VM_MAYREAD | VM_IO | VM_DONTDUMP | VM_PFNMAP,
					&vvar_mapping);
}

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

#else

/* Generic code's page has no place for it that the monitor would know: no time is held. */
const volatile u64 r3_held;

#endif
