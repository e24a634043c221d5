// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static const struct call_rule private_memory = {
	SCMP_SYS(mmap), 2,
	{ SCMP_A2(SCMP_CMP_EQ, PROT_READ | PROT_WRITE), SCMP_A3(SCMP_CMP_EQ, MAP_PRIVATE | MAP_ANONYMOUS) },
};

static int allow(scmp_filter_ctx ctx, const struct call_rule *rule)
{
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->call, rule->nr, rule->arg);
}

int wall_calls(const int *plain, size_t nr_plain, const struct call_rule *rules, size_t nr_rules, struct r3_err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int ret = ctx ? allow(ctx, &private_memory) : -ENOMEM;
	size_t i;

	for (i = 0; !ret && i < nr_plain; i++)
		ret = allow(ctx, &(struct call_rule){ .call = plain[i] });
	for (i = 0; !ret && i < nr_rules; i++)
		ret = allow(ctx, &rules[i]);
	if (!ret)
		ret = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return ret ? err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp",
			     strerror(-ret)) : 0;
}
