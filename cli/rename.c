// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "cli.h"
#include "kept.h"
#include "message.h"
#include "opts.h"
#include "state.h"

static const struct opt table[] = {
	{ NULL }
};

static const struct opts rename_opts = {
	.usage = "rename NAME NEW",
	.about = "Gives a machine another name, also while it runs. The guest's own host name\n"
		 "stays what it was at its start.",
	.table = table,
};

static int rename_running(const char *name, const char *to, struct r3_err *err)
{
	struct json_object *req = json_object_new_object();

	json_object_object_add(req, "op", json_object_new_string("rename"));
	json_object_object_add(req, "to", json_object_new_string(to));
	return state_tell(name, req, err);
}

static int rename_kept(const char *name, const char *to, struct r3_err *err)
{
	struct kept k;
	int ret = kept_take_old(&k, name, err);

	if (ret == -EBUSY)
		return err_set(err, ret, "the guest %s starts or ends just now; try again", name);
	if (ret)
		return ret;
	ret = kept_rename(&k, to, err);
	kept_release(&k, false);
	return ret;
}

int rename_main(int argc, char **argv)
{
	struct r3_err err;
	bool dashes;
	int at, ret;

	at = opts_parse(&rename_opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at + 2 != argc)
		at = err_set(&err, EINVAL, "which machine, and how is it to be called? ring3 %s", rename_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = rename_running(argv[at], argv[at + 1], &err);
	if (ret == -ENOENT)
		ret = rename_kept(argv[at], argv[at + 1], &err);
	if (ret) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return CLI_OK;
}
