// SPDX-License-Identifier: GPL-2.0-or-later
#include "labend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "labsteps.h"
#include "names.h"
#include "netswitch.h"
#include "netswitch_start.h"
#include "state.h"

bool labend_runs(const char *guest)
{
	struct r3_err err;
	cleanup_close int dir = state_dir(false, &err);
	int fd = dir < 0 ? dir : state_connect(dir, guest, &err);

	if (fd >= 0)
		close(fd);
	/* Who does not answer is there all the same. */
	return fd >= 0 || fd == -EAGAIN;
}

bool labend_network_runs(const char *name)
{
	struct r3_err err;
	cleanup_close int dir = switch_dir(false, &err);
	int fd = dir < 0 ? dir : names_connect(dir, name, SOCK_SEQPACKET);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -EAGAIN;
}

static void forget(struct labstate *s, const char *part, const char *name)
{
	struct json_object *o = labstate_part(s->o, part, false);

	if (o)
		json_object_object_del(o, name);
}

int labend_machines(struct labstate *s, char *const *names, unsigned int nr, bool force, struct labshow *show, struct r3_err *err)
{
	struct json_object *machines = labstate_part(s->o, "machines", false), *known;
	struct labpool pool = { .nr = nr, .parallel = LAB_PARALLEL, .changed = labshow_changed, .ctx = show };
	struct lab *lab = lab_new("the lab", "/", err);
	char **guest = calloc(nr + 1, sizeof(*guest));
	unsigned int i;
	int ret = lab && guest ? 0 : err_set(err, ENOMEM, "no memory for the lab's end");

	pool.job = calloc(nr + 1, sizeof(*pool.job));
	if (!pool.job)
		ret = err_set(err, ENOMEM, "no memory for the lab's end");
	for (i = 0; !ret && i < nr; i++) {
		guest[i] = lab_textf(lab, err, "%s.%s", s->lab, names[i]);
		known = machines ? labstate_part(machines, names[i], false) : NULL;
		ret = guest[i] ? labsteps_down(lab, guest[i], known, force, &pool.job[i], err) : err->code;
		pool.job[i].log = -1;
	}
	if (!ret)
		ret = labpool_run(&pool, err);
	for (i = 0; !ret && i < nr; i++) {
		if (labend_runs(guest[i])) {
			ret = err_set(err, ETIMEDOUT, "%s is still there; \"ring3 ps\" shows it, and ring3 down --force ends it", guest[i]);
			break;
		}
		labstate_log_remove(s, names[i]);
		forget(s, "machines", names[i]);
	}
	if (!ret && pool.interrupted)
		ret = err_set(err, EINTR, "interrupted; the rest is still there: ring3 down --name %s", s->lab);
	lab_free(lab);
	free(guest);
	free(pool.job);
	return ret;
}

int labend_network(struct labstate *s, const char *name, struct r3_err *err)
{
	char full[128];
	int ret = 0;

	snprintf(full, sizeof(full), "%s.%.62s", s->lab, name);
	if (labend_network_runs(full))
		ret = switch_remove(full, err);
	if (ret && ret != -ENOENT)
		return ret;
	forget(s, "networks", name);
	return 0;
}

int labend_names(struct json_object *part, char ***names)
{
	int nr = 0, max = part ? json_object_object_length(part) : 0;

	*names = calloc(max + 1, sizeof(**names));
	if (!*names)
		return -ENOMEM;
	if (part) {
		json_object_object_foreach(part, key, value) {
			(void)value;
			(*names)[nr] = strdup(key);
			if ((*names)[nr])
				nr++;
		}
	}
	return nr;
}

static void free_names(char **names, int nr)
{
	while (nr > 0)
		free(names[--nr]);
	free(names);
}

int labend_all(struct labstate *s, bool force, struct labshow *show, struct r3_err *err)
{
	char **names;
	int nr = labend_names(labstate_part(s->o, "machines", false), &names), ret, i;

	if (nr < 0)
		return err_set(err, nr, "no memory for the lab's end");
	ret = nr ? labend_machines(s, names, nr, force, show, err) : 0;
	free_names(names, nr);
	if (ret)
		return ret;
	nr = labend_names(labstate_part(s->o, "networks", false), &names);
	for (i = 0; !ret && i < nr; i++)
		ret = labend_network(s, names[i], err);
	if (nr >= 0)
		free_names(names, nr);
	return ret;
}
