// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the table's rules (policy.table) to the program that the host runs for each system
 * call of a thread.
 *
 * Hot calls come first. The host remembers for which numbers the answer does
 * not depend on arguments and then does not run the program at all (Linux 5.11
 * and newer), so calls that nothing can be done with have no checks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/util.h"
#include "jail/jail.h"

enum check_op {
	JAIL_INT,			/* the low 32 bits are low's, or value's */
	JAIL_RANGE,			/* from low to high, or to value */
	JAIL_BITS,			/* no bit that low has not */
};

struct jail_check {
	uint8_t arg;
	uint8_t op;
	uint8_t value;			/* enum jail_value */
	uint64_t low;
	uint64_t high;
};

struct jail_rule {
	uint32_t nr;
	uint8_t checks;
	struct jail_check check[6];
};

struct jail_kind {
	const char *name;
	const struct jail_rule *rule;
	unsigned int n;
};

#include "jail_rules.h"

#define PROG_MAX	512
#define FAIL		255		/* to be patched: the rule does not match */

struct prog {
	struct sock_filter insn[PROG_MAX];
	unsigned int n;
};

static void emit(struct prog *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->n < PROG_MAX)
		p->insn[p->n] = (struct sock_filter){ code, jt, jf, k };
	p->n++;
}

static void load(struct prog *p, size_t off)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, off, 0, 0);
}

static void load_arg(struct prog *p, unsigned int arg, bool high)
{
	load(p, offsetof(struct seccomp_data, args[arg]) + (high ? 4 : 0));
}

static void answer(struct prog *p, uint32_t k)
{
	emit(p, BPF_RET | BPF_K, k, 0, 0);
}

/* Fails if the argument is above @max, or with @above false below it. */
static void bound(struct prog *p, unsigned int arg, uint64_t max, bool above)
{
	uint32_t hi = max >> 32, lo = max;

	load_arg(p, arg, true);
	if (above) {
		emit(p, BPF_JMP | BPF_JGT | BPF_K, hi, FAIL, 0);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, hi, 0, 2);
		load_arg(p, arg, false);
		emit(p, BPF_JMP | BPF_JGT | BPF_K, lo, FAIL, 0);
	} else {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, hi, 0, FAIL);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, hi, 0, 2);
		load_arg(p, arg, false);
		emit(p, BPF_JMP | BPF_JGE | BPF_K, lo, 0, FAIL);
	}
}

static void equal(struct prog *p, unsigned int arg, uint64_t want)
{
	load_arg(p, arg, false);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, want, 0, FAIL);
	load_arg(p, arg, true);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, want >> 32, 0, FAIL);
}

static void one_check(struct prog *p, const struct jail_check *c, const uint64_t *value)
{
	uint64_t high = c->value ? value[c->value] : c->high;

	switch (c->op) {
	case JAIL_INT:
		load_arg(p, c->arg, false);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->value ? value[c->value] : c->low, 0, FAIL);
		break;
	case JAIL_BITS:
		load_arg(p, c->arg, false);
		emit(p, BPF_JMP | BPF_JSET | BPF_K, ~c->low, FAIL, 0);
		load_arg(p, c->arg, true);
		emit(p, BPF_JMP | BPF_JSET | BPF_K, ~c->low >> 32, FAIL, 0);
		break;
	case JAIL_RANGE:
		if (!c->value && c->low == c->high) {
			equal(p, c->arg, c->low);
			break;
		}
		if (c->low)
			bound(p, c->arg, c->low, false);
		bound(p, c->arg, high, true);
		break;
	}
}

/* Jumps to FAIL between from and here become jumps to here. */
static void patch(struct prog *p, unsigned int from)
{
	unsigned int i;

	if (p->n > PROG_MAX)
		return;
	for (i = from; i < p->n; i++) {
		struct sock_filter *insn = &p->insn[i];

		if (BPF_CLASS(insn->code) != BPF_JMP)
			continue;
		if (p->n - i - 1 >= FAIL) {
			p->n = PROG_MAX + 1;
			return;
		}
		if (insn->jt == FAIL)
			insn->jt = p->n - i - 1;
		if (insn->jf == FAIL)
			insn->jf = p->n - i - 1;
	}
}

/* All rules of one call, which stand together. Return: how many. */
static unsigned int one_call(struct prog *p, const struct jail_rule *rule, unsigned int left,
			     const uint64_t *value)
{
	unsigned int at = p->n, n = 0, i, start;

	emit(p, BPF_JMP | BPF_JEQ | BPF_K, rule->nr, 0, FAIL);
	start = p->n;
	for (; n < left && rule[n].nr == rule->nr; n++) {
		for (i = 0; i < rule[n].checks; i++)
			one_check(p, &rule[n].check[i], value);
		answer(p, SECCOMP_RET_ALLOW);
		patch(p, start);
		start = p->n;
		if (!rule[n].checks) {
			for (; n < left && rule[n].nr == rule->nr; n++)
				;
			patch(p, at);
			return n;
		}
	}
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	patch(p, at);
	return n;
}

static void compile(struct prog *p, const struct jail_kind *kind, const uint64_t *value)
{
	unsigned int i;

	load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	load(p, offsetof(struct seccomp_data, nr));
	for (i = 0; i < kind->n; )
		i += one_call(p, &kind->rule[i], kind->n - i, value);
	/* The C library takes anything but a low address for success here. */
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_brk, 0, 1);
	answer(p, SECCOMP_RET_ERRNO | 0);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

static const struct jail_kind *find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return strcmp(name, "dev") ? find("dev") : NULL;
}

int jail_filter(const char *name, const uint64_t *value)
{
	const struct jail_kind *kind = find(name);
	struct prog prog = { .n = 0 };
	struct sock_fprog fprog;

	if (!kind)
		return -ENOENT;
	compile(&prog, kind, value);
	if (prog.n > PROG_MAX)
		return -E2BIG;
	fprog = (struct sock_fprog){ .len = prog.n, .filter = prog.insn };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) ? -errno : 0;
}
