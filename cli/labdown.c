// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 down: the end of all that ring3 up started. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli.h"
#include "lab.h"
#include "labend.h"
#include "labfind.h"
#include "message.h"
#include "opts.h"
#include "signals.h"

struct down {
	const char *name;
	bool force, quiet;
};

static const struct opt table[] = {
	{ "name", 'n', "NAME", "The lab of this name, whatever file it is from." },
	{ "force", 'f', NULL, "End machines at once, as if their power were cut, and run no shutdown scripts." },
	{ "quiet", 'q', NULL, "Say nothing but what went wrong." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct down *d = ctx;

	if (o->letter == 'n')
		d->name = value;
	else
		*(o->letter == 'f' ? &d->force : &d->quiet) = true;
	return 0;
}

static const struct opts down_opts = {
	.usage = "down [OPTIONS] [FILE | LAB]",
	.about = "Ends all machines and networks that \"ring3 up\" started of FILE, or of the lab of\n"
		 "this name; without either, of the file in this folder.",
	.table = table,
	.more = "Exit status: 0 nothing of it is left, 1 something is, 125 wrong options, or\n"
		"there is no such lab.",
	.set = set_option,
};

static int bring_down(const struct down *d, const char *lab, struct r3_err *err)
{
	struct labstate s;
	struct labshow show;
	int ret = labstate_open(&s, lab, err);

	if (ret)
		return ret;
	labshow_begin(&show, lab, "is down", d->quiet);
	ret = labend_all(&s, d->force, &show, err);
	labshow_end(&show);
	if (!ret) {
		labshow_say(&show, "lab %s: all is down (%.1f s)", lab, labshow_seconds(&show));
	} else {
		struct r3_err why;

		if (labstate_save(&s, &why))
			message("%s", why.msg);
	}
	labstate_close(&s, !ret);
	return ret;
}

int down_main(int argc, char **argv)
{
	struct down d = { 0 };
	struct r3_err err;
	char lab[64];
	bool dashes;
	int at, ret;

	at = opts_parse(&down_opts, argc, argv, &d, &dashes, &err);
	if (at >= 0 && argc - at > (d.name ? 0 : 1))
		at = err_set(&err, EINVAL, "unexpected word %s: ring3 %s", argv[argc - 1], down_opts.usage);
	ret = at < 0 ? at : labfind(d.name, argv[at], lab, sizeof(lab), &err);
	if (ret) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = bring_down(&d, lab, &err);
	if (ret)
		message("%s", err.msg);
	return ret ? CLI_FAILED : CLI_OK;
}
