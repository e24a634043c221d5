// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "vm/host.h"

#define HWCAP2_FSGSBASE_BIT	(1UL << 1)

int host_fsgsbase(unsigned long hwcap2, struct r3_err *err)
{
	if (hwcap2 & HWCAP2_FSGSBASE_BIT)
		return 0;
	return err_set(err, ENOTSUP, "this host does not let programs use FSGSBASE, which ring3 needs: boot the host without \"nofsgsbase\", or, if it is a virtual machine, let it see the feature fsgsbase; CPUs have it since 2012, Linux since 5.9");
}
