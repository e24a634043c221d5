// SPDX-License-Identifier: GPL-2.0-or-later
#include "labfind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "lab.h"
#include "labload.h"
#include "labstate.h"

static bool is_known(const char *lab)
{
	struct json_object *o = lab_name_ok(lab) ? labstate_peek(lab) : NULL;

	json_object_put(o);
	return o != NULL;
}

int labfind(const char *name, const char *word, char *lab, size_t size, struct r3_err *err)
{
	cleanup_free char *file = NULL;

	if (name || (word && access(word, F_OK) && !strchr(word, '/'))) {
		snprintf(lab, size, "%s", name ? name : word);
		return is_known(lab) ? 0 : err_set(err, ENOENT, "ring3 up has started no lab called %s; \"ring3 status\" lists those that it has", lab);
	}
	file = labload_find(word, err);
	if (file && labstate_of_file(file, lab, size))
		return 0;
	/* A folder, or a file, may have the name of a lab from elsewhere. */
	if (word && is_known(word)) {
		snprintf(lab, size, "%s", word);
		return 0;
	}
	if (!file)
		return err->code;
	return err_set(err, ENOENT, "nothing runs of %s: ring3 up has not started it, or ring3 down has ended it", file);
}
