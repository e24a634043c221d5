// SPDX-License-Identifier: GPL-2.0-only
/* Page faults of user code, and of the kernel on behalf of user code. */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/perf_event.h>
#include <linux/hugetlb.h>
#include <linux/pagemap.h>
#include <linux/userfaultfd_k.h>
#include <linux/entry-common.h>
#include <asm/space.h>
#include <asm/traps.h>
#include <asm/rewrite.h>
#include <asm/memmap.h>
#include <asm/ahead.h>

#define FOLIO		(16UL * 1024)	/* as large as small folios become */
#define FILL_MOST	(128UL * 1024)
#define FILL_WHOLE	(32UL * 1024)	/* a private mapping of a file, a library's data most likely */

static bool access_allowed(struct vm_area_struct *vma, unsigned int flags)
{
	if (flags & FAULT_FLAG_WRITE)
		return vma->vm_flags & VM_WRITE;
	if (flags & FAULT_FLAG_INSTRUCTION)
		return vma->vm_flags & VM_EXEC;
	return vma_is_accessible(vma);
}

/*
 * How far behind the fault private memory is filled: as read-ahead, twice as far
 * each time that the thread went on where it had ended. A single write brings in
 * @first: a page where huge pages are refused, or where it is copied as after a fork.
 */
static unsigned long fill_size(unsigned long page, unsigned long first)
{
	struct thread_struct *t = &current->thread;
	unsigned long size = first;

	if (page == t->fill_end && t->fill_size)
		size = min(2 * t->fill_size, FILL_MOST);
	t->fill_size = size;
	t->fill_end = page + size;
	return size;
}

/* Makes the pages writable that are as @copies says. Returns false if the lock on the vma is lost. */
static bool fill(struct vm_area_struct *vma, unsigned long addr, unsigned long end, bool copies, unsigned int flags)
{
	struct mm_struct *mm = vma->vm_mm;

	for (; addr < end; addr += PAGE_SIZE) {
		vm_fault_t ret;

		if (r3_no_table(mm, addr) || !(copies ? r3_write_copies(mm, addr) : r3_pte_none(mm, addr)))
			continue;
		ret = handle_mm_fault(vma, addr, flags & ~FAULT_FLAG_USER, NULL);
		if (ret & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
			return false;
		if (ret & VM_FAULT_ERROR)
			break;
	}
	return true;
}

/*
 * The rest of 16 KiB of anonymous memory that could not become one folio, for
 * lack of alignment, and what follows: memory is mostly first used upwards.
 */
static bool fill_anon(struct vm_area_struct *vma, unsigned long fault, unsigned int flags, bool copied)
{
	bool whole = !(vma->vm_flags & VM_NOHUGEPAGE) && !copied;
	unsigned long page = fault & PAGE_MASK, addr = page + PAGE_SIZE;
	unsigned long end = min(page + fill_size(page, whole ? FOLIO : PAGE_SIZE), vma->vm_end);

	if (whole)
		addr = max(fault & ~(FOLIO - 1), vma->vm_start);
	return fill(vma, addr, end, copied, flags);
}

/* Of a private file, what is in the page cache: a library's data is relocated from its start on. */
static bool fill_private(struct vm_area_struct *vma, unsigned long fault, unsigned int flags)
{
	unsigned long page = fault & PAGE_MASK;
	unsigned long end = min(page + fill_size(page, FOLIO), vma->vm_end);

	r3_enter_cached(vma, page, flags & ~FAULT_FLAG_WRITE);
	/* It is relocated from its start on, but first of all its end is cleared. */
	if (vma->vm_end - vma->vm_start <= FILL_WHOLE)
		return fill(vma, vma->vm_start, vma->vm_end, true, flags);
	return fill(vma, page + PAGE_SIZE, end, true, flags);
}

/*
 * A fault of user code costs a round trip between processes, whatever it brings
 * in: neighbours come along. @copied: the page was there, to be copied when it is
 * written. Returns false if the lock on the vma is lost.
 */
static bool fault_around(struct vm_area_struct *vma, unsigned long addr, unsigned int flags, bool copied)
{
	bool cached = vma->vm_ops && vma->vm_ops->map_pages;

	if (!(flags & FAULT_FLAG_USER) || userfaultfd_armed(vma))
		return true;
	if (vma_is_anonymous(vma))
		return !(flags & FAULT_FLAG_WRITE) || fill_anon(vma, addr, flags, copied);
	if (!(flags & FAULT_FLAG_WRITE)) {
		if (cached)
			r3_enter_cached(vma, addr, flags);
	} else if (cached && !(vma->vm_flags & VM_SHARED)) {
		return fill_private(vma, addr, flags);
	}
	return true;
}

#ifdef CONFIG_PER_VMA_LOCK
/* Returns true if the fault was dealt with; *fault says how. */
static bool fault_under_vma_lock(struct mm_struct *mm, unsigned long addr, unsigned int flags,
				 bool copied, struct pt_regs *regs, vm_fault_t *fault)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, addr);

	if (!vma)
		return false;
	if (!access_allowed(vma, flags)) {
		vma_end_read(vma);
		return false;
	}
	flags |= FAULT_FLAG_VMA_LOCK;
	*fault = handle_mm_fault(vma, addr, flags, regs);
	if (*fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
		return !(*fault & VM_FAULT_RETRY);
	if ((*fault & VM_FAULT_ERROR) || fault_around(vma, addr, flags, copied))
		vma_end_read(vma);
	return true;
}
#else
static bool fault_under_vma_lock(struct mm_struct *mm, unsigned long addr, unsigned int flags,
				 bool copied, struct pt_regs *regs, vm_fault_t *fault)
{
	return false;
}
#endif

static int fault_result(vm_fault_t fault, int *code)
{
	*code = 0;
	if (!(fault & VM_FAULT_ERROR))
		return 0;
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (fault & (VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) {
		*code = BUS_ADRERR;
		return -EIO;
	}
	*code = SEGV_MAPERR;
	return -EFAULT;
}

/**
 * r3_fault_in - resolve a fault in the page tables
 * @mm: current's
 * @addr: below R3_TASK_SIZE
 * @flags: FAULT_FLAG_*
 * @regs: user registers, or NULL for an access by the kernel
 * @code: si_code of the signal that user code deserves, on error
 *
 * Returns 0 if the access may be tried again, -EFAULT if it may not (SIGSEGV),
 * -EIO if there is nothing behind the mapping (SIGBUS), -ENOMEM, or -EINTR if a fatal signal
 * is pending. Called with interrupts on; takes mm's locks.
 */
int r3_fault_in(struct mm_struct *mm, unsigned long addr, unsigned int flags,
		struct pt_regs *regs, int *code)
{
	bool copied = (flags & FAULT_FLAG_WRITE) && r3_write_copies(mm, addr);
	struct vm_area_struct *vma;
	vm_fault_t fault = 0;

	if (copied)
		r3_forked_note(mm, addr, R3_FORKED_WRITE);
	perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS, 1, regs ?: current_pt_regs(), addr);
	r3_memmap_ahead();
	if ((flags & FAULT_FLAG_USER) && fault_under_vma_lock(mm, addr, flags, copied, regs, &fault))
		return fault_result(fault, code);
	if (fault & VM_FAULT_RETRY) {
		if (fault_signal_pending(fault, regs))
			return -EINTR;
		flags |= FAULT_FLAG_TRIED;
	}
retry:
	*code = SEGV_MAPERR;
	vma = lock_mm_and_find_vma(mm, addr, regs);
	if (!vma)
		return fatal_signal_pending(current) ? -EINTR : -EFAULT;
	if (!access_allowed(vma, flags)) {
		mmap_read_unlock(mm);
		*code = SEGV_ACCERR;
		return -EFAULT;
	}
	fault = handle_mm_fault(vma, addr, flags, regs);
	if ((fault & VM_FAULT_RETRY) &&
	    (fatal_signal_pending(current) || (regs && signal_pending(current))))
		return -EINTR;
	if (fault & VM_FAULT_COMPLETED)
		return 0;
	if (fault & VM_FAULT_RETRY) {
		flags |= FAULT_FLAG_TRIED;
		goto retry;
	}
	/* A stack may have grown to where the site table is. */
	if (unlikely((vma->vm_flags & VM_GROWSDOWN) && vma->vm_start < R3_SITE_TABLE_END))
		r3_rewrite_off(mm);
	if ((fault & VM_FAULT_ERROR) || fault_around(vma, addr, flags, copied))
		mmap_read_unlock(mm);
	return fault_result(fault, code);
}

static void bad_access(struct pt_regs *regs, unsigned long addr, unsigned long err, int code)
{
	current->thread.cr2 = addr;
	current->thread.trap_nr = R3_TRAP_PF;
	current->thread.error_code = err | R3_PF_USER;
	if (show_unhandled_signals && unhandled_signal(current, SIGSEGV) && printk_ratelimit())
		pr_info("%s[%d]: segfault at %lx ip %lx sp %lx error %lx\n", current->comm,
			task_pid_nr(current), addr, regs->ip, regs->sp, err);
	force_sig_fault(SIGSEGV, code, (void __user *)addr);
}

/* A fault of user code; interrupts are on. */
void r3_fault_user(struct pt_regs *regs, unsigned long addr, unsigned long err)
{
	bool write = err & R3_PF_WRITE, exec = err & R3_PF_INSTR;
	unsigned int flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER;
	struct mm_struct *mm = current->mm;
	int ret, code;

	if (addr >= TASK_SIZE) {
		bad_access(regs, addr, err, SEGV_MAPERR);
		return;
	}
	if (unlikely(r3_rewrite_wants_table(regs, addr))) {
		r3_map_table(mm);
		return;
	}
	if (!write)
		r3_forked_note(mm, addr, exec ? R3_FORKED_EXEC : 0);
	ret = r3_map_around(mm, addr, write, exec);
	if (ret == -EAGAIN) {
		if (write)
			flags |= FAULT_FLAG_WRITE;
		if (exec)
			flags |= FAULT_FLAG_INSTRUCTION;
		ret = r3_fault_in(mm, addr, flags, regs, &code);
		if (ret == -EIO) {
			current->thread.cr2 = addr;
			current->thread.trap_nr = R3_TRAP_PF;
			current->thread.error_code = err;
			force_sig_fault(SIGBUS, code, (void __user *)addr);
			return;
		}
		if (ret == -EFAULT) {
			bad_access(regs, addr, err, code);
			return;
		}
		if (ret == -ENOMEM) {
			pagefault_out_of_memory();
			return;
		}
		if (ret)
			return;
		/* -EAGAIN here: the tables changed again, user code will tell. */
		ret = r3_map_around(mm, addr, write, exec);
	}
	if (ret == -ENOMEM) {
		pr_err_ratelimited("%s[%d]: the host refuses to map a page: raise vm.max_map_count or its memory\n",
				   current->comm, task_pid_nr(current));
		force_fatal_sig(SIGBUS);
	}
}

static void touch(struct pt_regs *regs, unsigned long addr, unsigned int flags)
{
	bool write = flags & FAULT_FLAG_WRITE, exec = flags & FAULT_FLAG_INSTRUCTION;
	int want = PROT_READ | (write ? PROT_WRITE : 0) | (exec ? PROT_EXEC : 0);
	struct mm_struct *mm = current->mm;
	int code;

	if (addr >= TASK_SIZE || r3_has_mapped(mm, addr, want) ||
	    r3_map_run(mm, addr, write, exec) != -EAGAIN)
		return;
	if (!r3_fault_in(mm, addr, FAULT_FLAG_DEFAULT | FAULT_FLAG_USER | flags, regs, &code))
		r3_map_run(mm, addr, write, exec);
}

/* Nobody would notice if the page was touched now. */
static bool unnoticed(struct mm_struct *mm, unsigned long page)
{
	struct vm_area_struct *vma = vma_lookup(mm, page & PAGE_MASK);

	if (!vma || userfaultfd_armed(vma))
		return false;
	return !(page & R3_FORKED_WRITE) ||
	       (!(vma->vm_flags & VM_SHARED) && !r3_pte_none(mm, page & PAGE_MASK));
}

/* What this process, or its siblings, touched first after a fork. */
static void touch_expected(struct pt_regs *regs)
{
	struct mm_struct *mm = current->mm;
	unsigned long page[R3_FORKED_PAGES];
	unsigned int i, n = r3_forked_pages(mm, page);
	int code;

	if (!n || !mmap_read_trylock(mm))
		return;
	for (i = 0; i < n; ) {
		if (unnoticed(mm, page[i]))
			i++;
		else
			page[i] = page[--n];
	}
	mmap_read_unlock(mm);
	/* All copies are made before any page is mapped: that brings others in. */
	for (i = 0; i < n; i++) {
		if ((page[i] & R3_FORKED_WRITE) && r3_write_copies(mm, page[i] & PAGE_MASK))
			r3_fault_in(mm, page[i] & PAGE_MASK,
				    FAULT_FLAG_DEFAULT | FAULT_FLAG_USER | FAULT_FLAG_WRITE, regs, &code);
	}
	for (i = 0; i < n; i++) {
		unsigned int flags = page[i] & R3_FORKED_WRITE ? FAULT_FLAG_WRITE : 0;

		if (page[i] & R3_FORKED_EXEC)
			flags |= FAULT_FLAG_INSTRUCTION;
		touch(regs, page[i] & PAGE_MASK, flags);
	}
}

/**
 * r3_fault_first - bring in what user code will touch at once
 * @regs: with which it will run
 *
 * For an mm that is new, or has been forked: its code, the page of its stack if
 * there is one, its thread's own data, what is known to be written after a fork.
 * Each saves a fault. What goes wrong here
 * is left to the fault that user code may make. Interrupts are on.
 */
void r3_fault_first(struct pt_regs *regs)
{
	struct mm_struct *mm = current->mm;

	WRITE_ONCE(mm->context.fresh, false);
	if (mm->context.forked || mm->context.child_of)
		touch_expected(regs);
	else
		r3_map_program(mm);
	if (!r3_pte_none(mm, regs->sp))
		touch(regs, regs->sp, FAULT_FLAG_WRITE);
	if (current->thread.fsbase && !r3_pte_none(mm, current->thread.fsbase))
		touch(regs, current->thread.fsbase, 0);
	touch(regs, regs->ip, FAULT_FLAG_INSTRUCTION);
}
