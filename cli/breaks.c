// SPDX-License-Identifier: GPL-2.0-or-later
#include "breaks.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "base/util.h"

#define INT3	0xcc
#define DR(n)	offsetof(struct user, u_debugreg[n])

void breaks_remove(struct breaks *b)
{
	int i;

	for (i = 0; i < BREAKS_SOFT; i++) {
		if (!b->soft[i].addr)
			continue;
		vmem_write(b->mem, b->soft[i].addr, &b->soft[i].before, 1);
		b->soft[i].addr = 0;
	}
}

static struct soft_break *soft_at(struct breaks *b, uint64_t addr)
{
	int i;

	for (i = 0; i < BREAKS_SOFT; i++)
		if (b->soft[i].addr == addr)
			return &b->soft[i];
	return NULL;
}

bool breaks_soft_at(const struct breaks *b, uint64_t addr)
{
	return addr && soft_at((struct breaks *)b, addr);
}

static int set_soft(struct breaks *b, uint64_t addr)
{
	static const uint8_t int3 = INT3;
	struct soft_break *s = soft_at(b, 0);

	if (!addr || vmem_gpa(b->mem, addr) == VMEM_NONE)
		return -EFAULT;
	if (soft_at(b, addr))
		return 0;
	if (!s)
		return -ENOSPC;
	if (vmem_read(b->mem, addr, &s->before, 1))
		return -EFAULT;
	/* Known before it is there: the guard may have to take it out at any time. */
	store_release(s->addr, addr);
	if (!vmem_write(b->mem, addr, &int3, 1))
		return 0;
	s->addr = 0;
	return -EFAULT;
}

static int clear_soft(struct breaks *b, uint64_t addr)
{
	struct soft_break *s = addr ? soft_at(b, addr) : NULL;
	uint8_t there;

	if (!s)
		return -ENOENT;
	/* Memory of a module that is gone is nobody's to write. */
	if (!vmem_read(b->mem, addr, &there, 1) && there == INT3)
		vmem_write(b->mem, addr, &s->before, 1);
	store_release(s->addr, 0);
	return 0;
}

static int set_hard(struct breaks *b, enum break_kind kind, uint64_t addr, unsigned int len)
{
	int i;

	if (kind == BREAK_HARD)
		len = 1;
	if ((len != 1 && len != 2 && len != 4 && len != 8) || addr & (len - 1))
		return -EINVAL;
	for (i = 0; i < BREAKS_HARD; i++) {
		if (b->hard[i].used)
			continue;
		b->hard[i] = (struct hard_break){ true, kind, addr, len };
		b->hard_changed = true;
		return 0;
	}
	return -ENOSPC;
}

static int clear_hard(struct breaks *b, enum break_kind kind, uint64_t addr, unsigned int len)
{
	int i;

	for (i = 0; i < BREAKS_HARD; i++) {
		struct hard_break *h = &b->hard[i];

		if (!h->used || h->kind != kind || h->addr != addr || (kind != BREAK_HARD && h->len != len))
			continue;
		h->used = false;
		b->hard_changed = true;
		return 0;
	}
	return -ENOENT;
}

int breaks_set(struct breaks *b, enum break_kind kind, uint64_t addr, unsigned int len)
{
	/* The CPU has none for reads alone. */
	if (kind == BREAK_READ)
		return -EINVAL;
	return kind == BREAK_SOFT ? set_soft(b, addr) : set_hard(b, kind, addr, len);
}

int breaks_clear(struct breaks *b, enum break_kind kind, uint64_t addr, unsigned int len)
{
	return kind == BREAK_SOFT ? clear_soft(b, addr) : clear_hard(b, kind, addr, len);
}

void breaks_hide(const struct breaks *b, uint64_t addr, uint8_t *buf, size_t len)
{
	int i;

	for (i = 0; i < BREAKS_SOFT; i++)
		if (b->soft[i].addr && b->soft[i].addr - addr < len)
			buf[b->soft[i].addr - addr] = b->soft[i].before;
}

void breaks_written(struct breaks *b, uint64_t addr, const uint8_t *buf, size_t len)
{
	static const uint8_t int3 = INT3;
	int i;

	for (i = 0; i < BREAKS_SOFT; i++) {
		if (!b->soft[i].addr || b->soft[i].addr - addr >= len)
			continue;
		b->soft[i].before = buf[b->soft[i].addr - addr];
		vmem_write(b->mem, b->soft[i].addr, &int3, 1);
	}
}

void breaks_load(const struct breaks *b, pid_t tid)
{
	/* Lengths 1, 2, 4, 8 as the register has them. */
	static const uint64_t lens[] = { 0, 0, 1, 0, 3, 0, 0, 0, 2 };
	uint64_t control = 0;
	int i;

	ptrace(PTRACE_POKEUSER, tid, DR(7), 0);
	for (i = 0; i < BREAKS_HARD; i++) {
		const struct hard_break *h = &b->hard[i];

		if (!h->used)
			continue;
		ptrace(PTRACE_POKEUSER, tid, DR(i), h->addr);
		control |= 1ULL << (2 * i);
		control |= (h->kind == BREAK_HARD ? 0ULL : h->kind == BREAK_WRITE ? 1ULL : 3ULL) << (16 + 4 * i);
		control |= lens[h->len] << (18 + 4 * i);
	}
	ptrace(PTRACE_POKEUSER, tid, DR(7), control);
}

const struct hard_break *breaks_hit(const struct breaks *b, pid_t tid)
{
	long status = ptrace(PTRACE_PEEKUSER, tid, DR(6), 0);
	int i;

	ptrace(PTRACE_POKEUSER, tid, DR(6), 0);
	for (i = 0; i < BREAKS_HARD; i++)
		if (status & 1L << i && b->hard[i].used)
			return &b->hard[i];
	return NULL;
}
