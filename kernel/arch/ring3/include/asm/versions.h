/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels this port builds for (6.1 and up). */
#ifndef _ASM_RING3_VERSIONS_H
#define _ASM_RING3_VERSIONS_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define R3_OLD_SET_PTE		1	/* the arch has set_pte_at, not set_ptes */
#define pte_mkwrite_novma	pte_mkwrite
#define pmd_mkwrite_novma	pmd_mkwrite
#define __HAVE_ARCH_PTE_SWP_EXCLUSIVE
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define SD_SHARE_LLC		SD_SHARE_PKG_RESOURCES
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define R3_OLD_PTDESC		1	/* pgtable_*_page_ctor on struct page */
#define arch_smp_send_reschedule smp_send_reschedule
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define R3_OLD_PFN_VALID	1	/* FLATMEM's pfn_valid is the arch's */
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0) && defined(CONFIG_TRANSPARENT_HUGEPAGE)
#define R3_ANON_ORDERS		1	/* anonymous folios of other sizes than a pmd's */
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define R3_MEMMAP_ON_DEMAND	1	/* PageUnaccepted(): blocks that wait can be told */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define R3_OLD_MODULE_ALLOC	1	/* module_alloc, not execmem */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define R3_OLD_IDLE		1	/* arch_cpu_idle() returns with interrupts on */
#define zap_vma_pages(vma) \
	zap_page_range(vma, (vma)->vm_start, (vma)->vm_end - (vma)->vm_start)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define R3_OLD_TIMENS		1	/* the arch has find_timens_vvar_page() */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define R3_OLD_TABLE_FREE	1	/* who frees a page table undoes its constructor */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define R3_OLD_MODIFY_PROT	1	/* mprotect() changes one entry at a time */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define R3_OLD_VDSO_DATA	1	/* the arch keeps and maps the vDSO's data: vdso/data.c */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define R3_OLD_MK_PTE		1	/* mk_pte() is the arch's */
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define R3_IRQ_WORK		1	/* each process waits for irq work when it ends */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define R3_OLD_ZERO_PAGE	1	/* empty_zero_page is the arch's */
#define R3_OLD_MM_INIT		1	/* the arch fills zones and the allocator */
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define R3_X86_WARN_ARGS	1	/* x86-64's WARN() passes its arguments to a trap */
#endif

/* The third argument of getcpu(2), which nobody reads. */
#if __has_include(<linux/getcpu.h>)
#define R3_GETCPU_UNUSED	struct getcpu_cache
#else
#define R3_GETCPU_UNUSED	void
#endif

/* To read a file that nobody is told of, or asked for. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define dentry_open_nonotify(path, flags, cred) \
	dentry_open(path, (flags) | __FMODE_NONOTIFY, cred)
#endif

/* find_vqs gets what it is to know of each queue in one array, or in three. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define R3_FIND_VQS_ARGS	vq_callback_t *callbacks[], \
				const char * const names[], const bool *ctxs
#define R3_VQ_CALLBACK(i)	callbacks[i]
#define R3_VQ_NAME(i)		names[i]
#define R3_VQ_CTX(i)		(ctxs ? ctxs[i] : false)
#else
#define R3_FIND_VQS_ARGS	struct virtqueue_info info[]
#define R3_VQ_CALLBACK(i)	info[i].callback
#define R3_VQ_NAME(i)		info[i].name
#define R3_VQ_CTX(i)		info[i].ctx
#endif

#endif
