// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 dump */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "cli.h"
#include "core.h"
#include "message.h"
#include "opts.h"

static const struct opt table[] = {
	{ "headers", 0, NULL, "Only what describes the memory, and without holding the guest: for drgn on the running guest, see examples/drgn." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	*(bool *)ctx = true;
	return 0;
}

static const struct opts dump_opts = {
	.usage = "dump [OPTIONS] NAME FILE",
	.about = "Writes the memory of the running guest NAME and the registers of its CPUs to FILE,\n"
		 "an ELF core that gdb and drgn open. The guest is held meanwhile, and goes on.",
	.table = table,
	.set = set_option,
};

int dump_main(int argc, char **argv)
{
	struct r3_err err;
	struct guest g;
	bool dashes, headers = false;
	int at, ret;

	at = opts_parse(&dump_opts, argc, argv, &headers, &dashes, &err);
	if (at >= 0 && argc - at != 2)
		at = err_set(&err, EINVAL, "which guest, and to which file? ring3 %s", dump_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = guest_find(&g, argv[at], &err);
	if (!ret && g.paused && !headers)
		ret = err_set(&err, EBUSY, "the guest %s is paused: \"ring3 resume %s\" first", g.name, g.name);
	if (!ret)
		ret = core_write(&g, argv[at + 1], headers, &err);
	if (ret)
		message("%s", err.msg);
	return ret ? CLI_FAILED : CLI_OK;
}
