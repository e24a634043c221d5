// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a system call is rewritten: after the address space has made it by
 * signal often enough for the copy of its page to pay. What else was called from
 * the page by then comes with it.
 *
 * Two forms:
 *
 *   HEAD   mov $nr, %eax; syscall       ->  jmp *entry
 *   TAIL   syscall; cmp $imm, %rax      ->  jmp *entry; ...
 *
 * That the syscall instruction is one is known, as it was executed, and so is
 * that the compare behind it is the next one. For HEAD it has to be shown that
 * the bytes before are the MOV and not the end of something else (boundary.c).
 *
 * A jump into HEAD's old syscall instruction finds the upper half of the
 * entry's address, 06 00, which is no instruction; one to TAIL's old compare
 * finds IN, which is not allowed. Both trap, and r3_rewrite_trap() does what
 * the original would have done. TAIL's compare is done by the kernel.
 */
#include <linux/mm.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <asm/unistd.h>
#include "copies.h"

#define NR_SEEN		64
#define SEEN_WAYS	4
#define TIMES_SEEN	2
#define TIMES_SURE	8	/* for what takes reading the file */
#define COLLECT_MAX	16	/* sites that a page gets at once */
#define FUNCTION_MAX	(64 << 10)

/* A call that came by signal. */
struct seen_call {
	unsigned long ip;
	unsigned long pfn;		/* of the page that was there then */
	s32 nr;
	u32 times;
};

/* Written without a lock by the mm's threads. */
struct r3_seen {
	struct seen_call call[NR_SEEN];
};

/* The file that the code comes from, and where in it. */
static struct file *file_at(struct mm_struct *mm, unsigned long addr, u64 *off)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	if (!mmap_read_trylock(mm))
		return NULL;
	vma = vma_lookup(mm, addr);
	if (vma && vma->vm_file) {
		file = get_file(vma->vm_file);
		*off = addr - vma->vm_start + ((u64)vma->vm_pgoff << PAGE_SHIFT);
	}
	mmap_read_unlock(mm);
	return file;
}

/* Does decoding from the start of a function meet the MOV? */
static bool reached(struct file *file, u64 start, u64 off, unsigned int before)
{
	size_t len = off - start + before;
	unsigned long *targets;
	loff_t pos = start;
	bool good = false;
	u8 *code;

	if (off < start || len > FUNCTION_MAX)
		return false;
	code = kvmalloc(len, R3_OPTIONAL);
	targets = kvcalloc(BITS_TO_LONGS(len), sizeof(long), R3_OPTIONAL);
	if (code && targets && kernel_read(file, code, len, &pos) == len)
		good = r3_boundary_reached(code, len - before, len, targets);
	kvfree(targets);
	kvfree(code);
	return good;
}

/*
 * What the file says of the function that the call is in: is the MOV reached by
 * decoding from its start? Unwinders know the code that calls rt_sigreturn by its
 * bytes, unless they are told; then it may be replaced, as a whole: its address is
 * what they look for.
 */
static bool file_says(struct mm_struct *mm, const struct r3_site *s, long nr)
{
	struct file *mapped, *file;
	struct r3_cfi cfi;
	bool good = false;
	u64 off;

	mapped = file_at(mm, s->end - s->before, &off);
	if (!mapped)
		return false;
	/* Nobody is told of these reads, or asked: it might be the one who makes the call. */
	file = dentry_open_nonotify(&mapped->f_path, O_RDONLY | O_LARGEFILE | O_NOATIME, current_cred());
	fput(mapped);
	if (IS_ERR(file))
		return false;
	if (r3_cfi_find(file, off, s->before, &cfi))
		good = nr == __NR_rt_sigreturn ? cfi.signal :
						 !cfi.signal && reached(file, cfi.start, off, s->before);
	fput(file);
	return good;
}

/* May the call be replaced? times: how often it was seen. */
static bool sure(struct mm_struct *mm, const u8 *code, const struct r3_site *s, long nr, u32 times)
{
	unsigned int end = offset_in_page(s->end - 1) + 1;

	if (nr != __NR_rt_sigreturn &&
	    (s->kind == R3_SITE_TAIL || r3_boundary_certain(code, end - s->before, end)))
		return true;
	return s->kind == R3_SITE_HEAD && times >= TIMES_SURE && file_says(mm, s, nr);
}

static bool listed(const struct r3_rewrite *w, const struct r3_site *s)
{
	unsigned int i;

	for (i = w ? w->nr_sites : 0; i--; ) {
		if (w->site[i].end == s->end && w->site[i].kind == s->kind &&
		    w->site[i].before == s->before && w->site[i].value == s->value)
			return true;
	}
	return false;
}

/*
 * The other calls that were made from the page while it was this one, as a copy
 * costs more than the sites in it. Returns how many are in add then.
 */
static unsigned int collect(struct mm_struct *mm, const struct r3_rewrite *base, struct page *page,
			    struct r3_site *add, unsigned int n)
{
	const struct r3_seen *seen = READ_ONCE(mm->context.seen);
	unsigned int i;

	for (i = 0; i < NR_SEEN && n < COLLECT_MAX; i++) {
		struct seen_call call = seen->call[i];
		struct r3_site s = { .end = call.ip };

		if (call.ip == add[0].end || site_page(&s) != site_page(&add[0]) ||
		    call.pfn != page_to_pfn(page))
			continue;
		if (r3_site_decode(page_address(page), offset_in_page(s.end - 1) + 1, call.nr, &s) &&
		    !listed(base, &s) && sure(mm, page_address(page), &s, call.nr, 1))
			add[n++] = s;
	}
	return n;
}

/* Returns whether the site is a jump from now on. */
static bool extend(struct mm_struct *mm, const struct r3_site *s,
		   struct page *page, long nr, u32 times)
{
	struct r3_rewrite *base = r3_rewrite_get(mm), *next;
	const u8 *code = page_address(page);
	unsigned long addr = site_page(s);
	struct r3_site add[COLLECT_MAX];
	bool published = false;

	if (r3_rewrite_has(base, page, s))
		goto out;
	/* What was sure of a page need not be of another there: see r3_rewrite_extend(). */
	if (!sure(mm, code, s, nr, times))
		goto out;
	add[0] = *s;
	if (listed(base, s))
		next = r3_rewrite_extend(base, addr, page, add, 0);
	else
		next = r3_rewrite_extend(base, addr, page, add, collect(mm, base, page, add, 1));
	published = next && r3_rewrite_publish(mm, base, next, addr, page_to_pfn(page));
	if (next && !published)
		r3_rewrite_put(next);
out:
	r3_rewrite_put(base);
	return published;
}

/* The page of code at addr, held, if calls in it may be rewritten. */
static struct page *code_page_at(struct mm_struct *mm, unsigned long addr)
{
	struct page *page;

	if (get_user_pages_fast_only(addr, 1, 0, &page) != 1)
		return NULL;
	if (!PageAnon(page) && folio_mapping(page_folio(page)) &&
	    r3_maps_code(mm, addr, page_to_pfn(page)))
		return page;
	put_page(page);
	return NULL;
}

static bool consider(struct mm_struct *mm, struct page *page, unsigned long ip, long nr, u32 times)
{
	struct r3_site s = { .end = ip };

	return r3_site_decode(page_address(page), offset_in_page(ip - 1) + 1, nr, &s) &&
	       extend(mm, &s, page, nr, times);
}

/* The entry for ip, a new one if there was none. */
static struct seen_call *seen_call(struct r3_seen *seen, unsigned long ip)
{
	unsigned int set = (ip ^ (ip >> 7)) % NR_SEEN / SEEN_WAYS * SEEN_WAYS, i;

	for (i = set; i < set + SEEN_WAYS; i++) {
		if (seen->call[i].ip == ip)
			return &seen->call[i];
	}
	/* By chance, so that calls that take turns do not forget each other for ever. */
	i = set + (get_cycles() >> 4) % SEEN_WAYS;
	seen->call[i].times = 0;
	seen->call[i].pfn = 0;
	WRITE_ONCE(seen->call[i].ip, ip);
	return &seen->call[i];
}

/**
 * r3_rewrite_syscall - a system call came by signal: should the next one?
 * @ip: behind the instruction
 * @nr: the number
 *
 * Called with interrupts on, for the current task. Returns whether it is a jump by
 * now: then user code must not go on before r3_rewrite_settle().
 */
bool r3_rewrite_syscall(unsigned long ip, long nr)
{
	struct mm_struct *mm = current->mm;
	struct seen_call *call;
	struct r3_seen *seen;
	bool rewritten = false;
	struct page *page;
	u32 times;

	if (!r3_rewrite_possible(mm))
		return false;
	seen = READ_ONCE(mm->context.seen);
	if (!seen) {
		seen = kzalloc(sizeof(*seen), R3_OPTIONAL);
		if (!seen)
			return false;
		if (cmpxchg(&mm->context.seen, NULL, seen)) {
			kfree(seen);
			seen = mm->context.seen;
		}
	}
	call = seen_call(seen, ip);
	times = ++call->times;
	if (!is_power_of_2(times))
		return false;
	page = code_page_at(mm, (ip - 1) & PAGE_MASK);
	if (!page)
		return false;
	call->nr = nr;
	WRITE_ONCE(call->pfn, page_to_pfn(page));
	if (times >= TIMES_SEEN)
		rewritten = consider(mm, page, ip, nr, times);
	put_page(page);
	return rewritten;
}
