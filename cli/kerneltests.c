// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 kunit and ring3 selftest: mainline's own tests, of a kernel tree, in a guest. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "parts.h"

struct test_args {
	const char *source, *kernel, *root, *cpus, *mem;
};

#define SOURCE	{ "source", 's', "SERIES|DIR", "The kernel tree: a series that Debian has, as 6.1, 6.12 or 7.3; or a tree or git checkout that was not built in. Default: 6.12." }

static const struct opt kunit_table[] = { SOURCE, { NULL } };
static const struct opt selftest_table[] = {
	SOURCE,
	{ "kernel", 'k', "NAME|PATH", "Guest kernel, as for \"ring3 run\". Default: one that is built of the same tree." },
	{ "root", 'r', "PATH", "Root of the guest, as for \"ring3 run\"; the tests bring the C library along, and take bash and other programs from there. Default: $RING3_ROOT, or /." },
	{ "cpus", 'c', "N", "CPUs of the guest. Default: 2." },
	{ "mem", 'm', "SIZE", "Memory of the guest. Default: 1G." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct test_args *a = ctx;

	if (!strcmp(o->name, "source"))
		a->source = value;
	else if (!strcmp(o->name, "kernel"))
		a->kernel = value;
	else if (!strcmp(o->name, "root"))
		a->root = value;
	else if (!strcmp(o->name, "cpus"))
		a->cpus = value;
	else
		a->mem = value;
	return 0;
}

static const struct opts kunit_opts = {
	.usage = "kunit [--source SERIES|DIR] [-- KUNIT-ARGUMENT...]",
	.about = "Builds a kernel tree's KUnit tests for ring3 and runs them in a guest, by the\n"
		 "tree's own kunit.py, which gets the arguments: \"kunit.py run\" is what it is\n"
		 "started as. Nothing is written to the tree.",
	.table = kunit_table,
	.more = "Exit status: that of kunit.py, 0 if all tests passed; 125 if it could not begin.",
	.set = set_option,
};

static const struct opts selftest_opts = {
	.usage = "selftest [OPTIONS] TARGET...",
	.about = "Builds a kernel tree's own selftests, the folders TARGET below\n"
		 "tools/testing/selftests, and runs them in a guest. The report is KTAP.",
	.table = selftest_table,
	.more = "Exit status: 0 if all tests passed or were skipped, 1 if one failed; 120 to 124 as\n"
		"of \"ring3 run\" if the guest did not get through; 125 if it could not begin.",
	.set = set_option,
};

static int fail(const struct r3_err *err)
{
	message("%s", err->msg);
	return CLI_START;
}

int kunit_main(int argc, char **argv)
{
	struct test_args a = { NULL };
	struct parts_args args = { .nr = 0 };
	struct r3_err err;
	bool dashes;
	int at = opts_parse(&kunit_opts, argc, argv, &a, &dashes, &err);

	if (at >= 0 && at < argc && !dashes)
		at = err_set(&err, EINVAL, "unexpected word %s; arguments for kunit.py follow after --", argv[at]);
	if (at < 0)
		return fail(&err);
	parts_add_option(&args, "--source", a.source);
	parts_add(&args, "--");
	while (at < argc && parts_add(&args, argv[at]))
		at++;
	parts_exec("scripts/kunit/run", &args, &err);
	return fail(&err);
}

int selftest_main(int argc, char **argv)
{
	struct test_args a = { NULL };
	struct parts_args args = { .nr = 0 };
	struct r3_err err;
	bool dashes;
	int at = opts_parse(&selftest_opts, argc, argv, &a, &dashes, &err);

	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which tests? \"ring3 selftest timers futex\" runs those two folders of tools/testing/selftests");
	if (at < 0)
		return fail(&err);
	parts_add_option(&args, "--source", a.source);
	parts_add_option(&args, "--kernel", a.kernel);
	parts_add_option(&args, "--root", a.root);
	parts_add_option(&args, "--cpus", a.cpus);
	parts_add_option(&args, "--mem", a.mem);
	parts_add(&args, "--");
	while (at < argc && parts_add(&args, argv[at]))
		at++;
	parts_exec("scripts/selftest", &args, &err);
	return fail(&err);
}
