// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rewritten system calls one by one: what user code is told when it meets them.
 * See rewrite.c.
 */
#include <linux/sched.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <asm/ptrace.h>
#include "copies.h"

/* As the compare would have it. */
static void compare(struct pt_regs *regs, long value)
{
	const unsigned long status = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF |
				     X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF;
	unsigned long flags;

	asm("cmp %2, %1\n\tpushf\n\tpop %0" : "=r" (flags) : "r" (regs->ax), "r" (value) : "cc");
	regs->flags = (regs->flags & ~status) | (flags & status);
	regs->ip += 6;
}

/**
 * r3_rewrite_enter - registers of a system call that came through a trampoline
 * @regs: as the stub has saved them
 * @index: the site, as user code says
 * @site: is set to it
 *
 * Returns false if this mm has no such call. A number that user code has made up
 * makes a call from where the mm has made one before: it could have gone there.
 */
bool r3_rewrite_enter(struct pt_regs *regs, u32 index, struct r3_site *site)
{
	struct r3_rewrite *w;

	rcu_read_lock();
	w = rcu_dereference(current->mm->context.rewrite);
	if (unlikely(!w || index >= w->nr_sites)) {
		rcu_read_unlock();
		return false;
	}
	*site = w->site[array_index_nospec(index, w->nr_sites)];
	rcu_read_unlock();

	regs->ip = site->end;
	regs->cx = regs->ip;
	regs->r11 = regs->flags;
	if (site->kind == R3_SITE_HEAD)
		regs->ax = site->wide ? (long)site->value : (u32)site->value;
	return true;
}

/* The system call is done; user code goes on behind the compare. */
void r3_rewrite_leave(struct pt_regs *regs, const struct r3_site *site)
{
	if (site->kind == R3_SITE_TAIL && regs->ip == site->end && likely(regs->ip == regs->cx)) {
		compare(regs, site->value);
		regs->cx = regs->ip;
	}
}

/*
 * The site in whose middle user code is: at what was HEAD's system call, or
 * behind TAIL's. It is set if its program has that there, or may have.
 */
static enum r3_site_state site_at(struct mm_struct *mm, unsigned long ip, struct r3_site *site)
{
	struct r3_rewrite *w = r3_rewrite_get(mm);
	enum r3_site_state state = R3_SITE_OTHER;
	unsigned int i;

	for (i = w ? w->nr_sites : 0; i-- && state != R3_SITE_THERE; ) {
		const struct r3_site *s = &w->site[i];
		enum r3_site_state here;

		if (ip != (s->kind == R3_SITE_TAIL ? s->end : s->end - 2))
			continue;
		here = r3_site_state(mm, s);
		if (here == R3_SITE_OTHER)
			continue;
		state = here;
		*site = *s;
	}
	r3_rewrite_put(w);
	return state;
}

/**
 * r3_rewrite_trap - user code may be in the middle of what was replaced
 * @regs: its registers; changed if it is
 *
 * What its program has there traps never. So it is done here, whether the jump is
 * still mapped or not. If the page went after the trap, the trap says nothing about
 * what will be there: user code tries again. As the page has to come back for that,
 * it is found at last, however often it goes.
 *
 * Returns 0 if this is not so, 1 if it can go on, 2 if it is at the system
 * call instruction, and ip is behind that.
 */
int r3_rewrite_trap(struct pt_regs *regs)
{
	struct r3_site s;

	switch (site_at(current->mm, regs->ip, &s)) {
	case R3_SITE_OTHER:
		return 0;
	case R3_SITE_AWAY:
		return 1;
	case R3_SITE_THERE:
		break;
	}
	if (s.kind == R3_SITE_TAIL) {
		compare(regs, s.value);
		return 1;
	}
	regs->ip += 2;
	return 2;
}

/* User code goes on behind a system call that is a jump by now: what would trap there is done here. */
void r3_rewrite_settle(struct pt_regs *regs)
{
	struct r3_site s;

	if (site_at(current->mm, regs->ip, &s) == R3_SITE_THERE && s.kind == R3_SITE_TAIL)
		compare(regs, s.value);
}

/* Was it the jump of site i that user code at ip executed? No other code there reads its entry. */
static bool by_jump(const struct r3_rewrite *w, unsigned long ip, unsigned long i)
{
	return i < w->nr_sites && ip < w->site[i].end && ip + SITE_SIZE_MAX >= w->site[i].end;
}

/*
 * Is the fault at addr, in the site table, one of a rewritten system call? Where
 * rewriting was switched off meanwhile, the jump is not there any more, either.
 */
bool r3_rewrite_wants_table(struct pt_regs *regs, unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct r3_rewrite *w;
	bool wants;

	if (addr < R3_SITE_TABLE || addr >= R3_SITE_TABLE_END)
		return false;
	w = r3_rewrite_get(mm);
	if (r3_rewrite_possible(mm))
		wants = w && ((regs->ip >= R3_STUB_TRAMP && regs->ip < R3_STUB_POSTED) ||
			      r3_rewrite_copied(w, regs->ip & PAGE_MASK));
	else
		wants = w && by_jump(w, regs->ip, (addr - R3_SITE_TABLE) / 8);
	r3_rewrite_put(w);
	return wants;
}
