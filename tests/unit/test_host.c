// SPDX-License-Identifier: GPL-2.0-or-later
/* vm/host: hosts that lack what no guest can do without. */
#include <errno.h>
#include <string.h>

#include "tap.h"
#include "vm/host.h"

static void test_fsgsbase(void)
{
	/* Bit 0 is another feature, bit 1 this one (the kernel's asm/hwcap2.h). */
	static const struct {
		unsigned long hwcap2;
		int ret;
	} cases[] = {
		{ 0, -ENOTSUP }, { 1, -ENOTSUP }, { 2, 0 }, { 3, 0 }, { ~2UL, -ENOTSUP }, { ~0UL, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct r3_err err = { 0 };
		int ret = host_fsgsbase(cases[i].hwcap2, &err);

		ok(ret == cases[i].ret && (ret ? err.code == ret : !err.msg[0]),
		   "HWCAP2 %#lx: %s", cases[i].hwcap2, ret ? "refused" : "good");
		if (ret)
			ok(strstr(err.msg, "FSGSBASE") && strstr(err.msg, "nofsgsbase"),
			   "it names the feature and the way out");
	}
}

int main(void)
{
	test_fsgsbase();
	return tap_done();
}
