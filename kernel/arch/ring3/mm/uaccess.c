// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to user memory by the kernel: the page tables are walked in software
 * and the page is reached through the direct map.
 *
 * Nothing is held on the page meanwhile. As hardware does with its TLB, a
 * change of the tables must not be over while a copy that saw them before is
 * still under way: each vCPU counts in r3_uaccess_seq, odd while it is inside,
 * and a flush waits until all that are inside have left. Inside, interrupts
 * are off and at most a page is copied, so the wait is short.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/pgtable.h>
#include <linux/futex.h>
#include <linux/sched/signal.h>
#include <linux/export.h>
#include <asm/copy.h>
#include <asm/host.h>
#include <asm/traps.h>
#include <asm/futex.h>
#include <asm/space.h>

static DEFINE_PER_CPU(u32, r3_uaccess_seq);

static inline void enter(void)
{
	this_cpu_inc(r3_uaccess_seq);
	/* Nobody looks if there is no other vCPU, nor will there be. */
	if (r3_boot->nr_cpus > 1)
		smp_mb();
}

static inline void leave(void)
{
	smp_store_release(raw_cpu_ptr(&r3_uaccess_seq), raw_cpu_read(r3_uaccess_seq) + 1);
}

/* Waits for the copies that may have seen the tables as they were. */
void r3_uaccess_flush(void)
{
	unsigned int cpu, self, spins;

	if (num_online_cpus() == 1)
		return;
	smp_mb();
	self = get_cpu();
	for_each_online_cpu(cpu) {
		u32 seq = READ_ONCE(per_cpu(r3_uaccess_seq, cpu));

		if (cpu == self || !(seq & 1))
			continue;
		for (spins = 0; READ_ONCE(per_cpu(r3_uaccess_seq, cpu)) == seq; spins++) {
			if (spins > 1000)
				r3_host_yield();
			cpu_relax();
		}
	}
	smp_mb();
	put_cpu();
}

/* Between enter() and leave(): where a user address is, or NULL. */
static void *user_page(struct mm_struct *mm, unsigned long addr, bool write)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);
	unsigned long mark = _PAGE_ACCESSED | (write ? _PAGE_DIRTY : 0);
	p4d_t *p4d = p4d_offset(pgd_offset(mm, addr), addr);
	unsigned long old;
	unsigned long size = PAGE_SIZE;
	pmd_t *pmdp, pmd;
	pte_t *ptep, pte;
	pud_t pud;

	if (r3_mutation(R3_MUTATION_UACCESS) && addr >= R3_TASK_SIZE)
		return (void *)addr;
	if (p4d_none(READ_ONCE(*p4d)))
		return NULL;
	pud = READ_ONCE(*pud_offset(p4d, addr));
	if (pud_none(pud))
		return NULL;
	pmdp = pmd_offset(&pud, addr);
	pmd = READ_ONCE(*pmdp);
	if (!pmd_present(pmd))
		return NULL;
	if (unlikely(pmd_leaf(pmd))) {
		size = PMD_SIZE;
		need |= _PAGE_PSE;
		ptep = (pte_t *)pmdp;
	} else {
		ptep = (pte_t *)pmd_page_vaddr(pmd) + pte_index(addr);
	}
	pte = READ_ONCE(*ptep);
	for (;;) {
		if ((pte_val(pte) & need) != need)
			return NULL;
		if ((pte_val(pte) & mark) == mark)
			break;
		old = cmpxchg(&ptep->pte, pte_val(pte), pte_val(pte) | mark);
		if (old == pte_val(pte))
			break;
		pte = __pte(old);
	}
	return __va(pte_pfn(pte) << PAGE_SHIFT) + (addr & (size - 1));
}

static int fault_in(unsigned long addr, bool write)
{
	unsigned int flags = FAULT_FLAG_DEFAULT | (write ? FAULT_FLAG_WRITE : 0);
	int code;

	if (faulthandler_disabled() || !current->mm || addr >= TASK_SIZE || irqs_disabled())
		return -EFAULT;
	return r3_fault_in(current->mm, addr, flags, NULL, &code);
}

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_CLEAR };

static __always_inline unsigned long access_user(unsigned long user, void *kernel,
						 unsigned long n, enum access how)
{
	struct mm_struct *mm = current->mm;
	bool write = how != ACCESS_READ;

	if (unlikely(!mm))
		return n;
	while (n) {
		unsigned long part = min(n, PAGE_SIZE - (user & ~PAGE_MASK));
		unsigned long flags;
		void *p = NULL;

		if (unlikely(user >= TASK_SIZE))
			return n;
		local_irq_save(flags);
		enter();
		p = user_page(mm, user, write);
		if (likely(p)) {
			if (how == ACCESS_READ)
				r3_copy(kernel, p, part);
			else if (how == ACCESS_WRITE)
				r3_copy(p, kernel, part);
			else
				r3_clear(p, part);
		}
		leave();
		local_irq_restore(flags);
		if (unlikely(!p)) {
			if (fault_in(user, write))
				return n;
			continue;
		}
		user += part;
		kernel += part;
		n -= part;
	}
	return 0;
}

unsigned long r3_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return access_user((unsigned long)from, to, n, ACCESS_READ);
}
EXPORT_SYMBOL(r3_copy_from_user);

unsigned long r3_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return access_user((unsigned long)to, (void *)from, n, ACCESS_WRITE);
}
EXPORT_SYMBOL(r3_copy_to_user);

unsigned long __clear_user(void __user *to, unsigned long n)
{
	return access_user((unsigned long)to, NULL, n, ACCESS_CLEAR);
}
EXPORT_SYMBOL(__clear_user);

/*
 * Bytes up to and without the first NUL, at most n; copied to dst unless that
 * is NULL. -EFAULT if memory ends first. *ended says that a NUL was found.
 */
static long user_string(char *dst, unsigned long user, long n, bool *ended)
{
	struct mm_struct *mm = current->mm;
	long done = 0;

	*ended = false;
	if (unlikely(!mm))
		return -EFAULT;
	while (done < n) {
		unsigned long part = min_t(unsigned long, n - done, PAGE_SIZE - (user & ~PAGE_MASK));
		unsigned long flags, len = 0;
		void *p;

		if (user >= TASK_SIZE)
			return -EFAULT;
		local_irq_save(flags);
		enter();
		p = user_page(mm, user, false);
		if (likely(p)) {
			/* Others may write the page: what is copied decides. */
			if (dst) {
				for (; len < part; len++) {
					char c = READ_ONCE(((char *)p)[len]);

					dst[done + len] = c;
					if (!c)
						break;
				}
			} else {
				len = strnlen(p, part);
			}
		}
		leave();
		local_irq_restore(flags);
		if (unlikely(!p)) {
			if (fault_in(user, false))
				return -EFAULT;
			continue;
		}
		done += len;
		if (len < part) {
			*ended = true;
			return done;
		}
		user += part;
	}
	return done;
}

long strncpy_from_user(char *dst, const char __user *src, long count)
{
	bool ended;

	might_fault();
	if (count <= 0)
		return 0;
	return user_string(dst, (unsigned long)src, count, &ended);
}
EXPORT_SYMBOL(strncpy_from_user);

/* As for all architectures: the length with the NUL, above n if there is none, 0 on a fault. */
long strnlen_user(const char __user *s, long n)
{
	bool ended;
	long len;

	might_fault();
	if (n <= 0)
		return 0;
	len = user_string(NULL, (unsigned long)s, n, &ended);
	return len < 0 ? 0 : len + 1;
}
EXPORT_SYMBOL(strnlen_user);

static int futex_op(int op, u32 *p, int oparg, int *oval)
{
	u32 old = READ_ONCE(*p), new;

	do {
		switch (op) {
		case FUTEX_OP_SET:
			new = oparg;
			break;
		case FUTEX_OP_ADD:
			new = old + oparg;
			break;
		case FUTEX_OP_OR:
			new = old | oparg;
			break;
		case FUTEX_OP_ANDN:
			new = old & ~oparg;
			break;
		case FUTEX_OP_XOR:
			new = old ^ oparg;
			break;
		default:
			return -ENOSYS;
		}
	} while (!try_cmpxchg(p, &old, new));
	*oval = old;
	return 0;
}

/* Generic code has page faults disabled and retries on -EFAULT. */
int arch_futex_atomic_op_inuser(int op, int oparg, int *oval, u32 __user *uaddr)
{
	unsigned long flags;
	int ret = -EFAULT;
	u32 *p;

	if (!access_ok(uaddr, sizeof(u32)) || !current->mm)
		return -EFAULT;
	local_irq_save(flags);
	enter();
	p = user_page(current->mm, (unsigned long)uaddr, true);
	if (p)
		ret = futex_op(op, p, oparg, oval);
	leave();
	local_irq_restore(flags);
	return ret;
}

int futex_atomic_cmpxchg_inatomic(u32 *uval, u32 __user *uaddr, u32 oldval, u32 newval)
{
	unsigned long flags;
	int ret = -EFAULT;
	u32 *p;

	if (!access_ok(uaddr, sizeof(u32)) || !current->mm)
		return -EFAULT;
	local_irq_save(flags);
	enter();
	p = user_page(current->mm, (unsigned long)uaddr, true);
	if (p) {
		*uval = cmpxchg(p, oldval, newval);
		ret = 0;
	}
	leave();
	local_irq_restore(flags);
	return ret;
}
