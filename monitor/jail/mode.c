// SPDX-License-Identifier: GPL-2.0-or-later
/* --jail, of every program that has one. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "jail/jail.h"

static const char *const names[] = { [JAIL_ON] = "on", [JAIL_REQUIRE] = "require", [JAIL_OFF] = "off" };

const char *jail_mode_name(enum jail_mode mode)
{
	return names[mode];
}

int jail_mode_parse(const char *text, enum jail_mode *mode, struct r3_err *err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i])) {
			*mode = i;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "--jail %s is not possible; it is on, require or off", text);
}
