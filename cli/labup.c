// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 up: a file's machines and networks, all that is missing or differs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "define.h"
#include "kept.h"
#include "labend.h"
#include "labload.h"
#include "labnote.h"
#include "labplan.h"
#include "labprint.h"
#include "labsteps.h"
#include "message.h"
#include "netswitch_start.h"
#include "opts.h"
#include "signals.h"
#include "values.h"

struct up {
	struct labplan_options plan_options;
	const char *name;
	unsigned int parallel;
	bool quiet, dry_run;

	struct lab *lab;
	struct labplan *plan;
	char *file;
	struct labstate state;
	struct labshow show;
	bool keep[LAB_MAX_MACHINES];	/* runs as it should */
	bool runs[LAB_MAX_MACHINES];
	bool new_network[LAB_MAX_NETWORKS], made_network[LAB_MAX_NETWORKS];
	struct labjob job[LAB_MAX_MACHINES];
	struct labpool pool;
};

static const struct opt table[] = {
	{ "name", 'n', "NAME", "What the lab is called. Its guests are NAME.MACHINE and its switches NAME.NETWORK. Default: what the file says, or the name of the file or its folder." },
	{ "root", 'r', "ROOT", "The root of machines that name none, and of those whose image --image says nothing about, as for ring3 run. Default, of machines that name none: as for ring3 run." },
	{ "image", 0, "NAME=ROOT", "What an image's name stands for, as kathara/frr=routers.img: ring3 has no registry. May be given several times." },
	{ "parallel", 'j', "N", "How many machines are started at a time. Default: twice the CPUs of this host, up to 8." },
	{ "dry-run", 0, NULL, "Check all that can be checked, and print the commands that would start it." },
	{ "quiet", 'q', NULL, "Say nothing but what went wrong." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct up *up = ctx;

	if (!strcmp(o->name, "name")) {
		up->name = value;
	} else if (!strcmp(o->name, "root")) {
		up->plan_options.root = value;
		up->plan_options.with_root = true;
	} else if (!strcmp(o->name, "image")) {
		const char *equals = strchr(value, '=');

		if (!equals || equals == value || !equals[1])
			return err_set(err, EINVAL, "--image %s: give NAME=ROOT, as kathara/frr=routers.img", value);
		if (up->plan_options.nr_images == LABPLAN_MAX_IMAGES)
			return err_set(err, E2BIG, "--image can be given at most %d times", LABPLAN_MAX_IMAGES);
		up->plan_options.image[up->plan_options.nr_images++] = value;
	} else if (!strcmp(o->name, "parallel")) {
		return value_number("parallel", value, 1, LAB_MAX_MACHINES, &up->parallel, err);
	} else if (!strcmp(o->name, "dry-run")) {
		up->dry_run = true;
	} else {
		up->quiet = true;
	}
	return 0;
}

static const struct opts up_opts = {
	.usage = "up [OPTIONS] [FILE]",
	.about = "Starts the machines and networks that FILE describes: in YAML with the keys of\n"
		 "compose, as a containerlab topology, or as a Kathara lab, whose folder or\n"
		 "lab.conf is FILE. Without FILE, the one in this folder. What runs already as it\n"
		 "should stays; what differs is started anew; what FILE names no more is ended.",
	.table = table,
	.more = "When it is interrupted, what it has started is ended.\n\n"
		"Exit status: 0 all is up; 1 not all of it is; 125 wrong options, or something\n"
		"is wrong with FILE, and nothing was started; 128 and its number: a signal.",
	.set = set_option,
};

/* ---- what there is, and what is missing ---- */

static struct json_object *known(struct up *up, const char *part, const char *name)
{
	struct json_object *o = labstate_part(up->state.o, part, false);

	return o ? labstate_part(o, name, false) : NULL;
}

static int compare_networks(struct up *up, struct r3_err *err)
{
	unsigned int i;

	for (i = 0; i < up->lab->nr_networks; i++) {
		const struct labplan_network *pn = &up->plan->network[i];
		struct json_object *o = known(up, "networks", pn->net->name);
		bool runs = labend_network_runs(pn->name);

		if (runs && !o)
			return err_set(err, EEXIST, "there is a switch called %s, which is not this lab's; end it with: ring3 net rm %s, or call the lab otherwise with --name",
				       pn->name, pn->name);
		up->new_network[i] = !runs || !labnote_same(o, pn->digest);
	}
	return 0;
}

/* By ring3 create: down would remove its definition. */
static bool is_created(const char *guest)
{
	struct definition def;
	struct r3_err err;
	bool created = false;
	int dir = kept_find(guest, &err);

	if (dir < 0)
		return false;
	if (!define_load(&def, dir, &err)) {
		created = def.created;
		define_free(&def);
	}
	close(dir);
	return created;
}

static int compare(struct up *up, struct r3_err *err)
{
	const char *file = labstate_text(up->state.o, "file");
	unsigned int i, j;
	int ret;

	if (*file && strcmp(file, up->file))
		return err_set(err, EEXIST, "a lab called %s is there already, from %s; call this one otherwise with --name", up->lab->name, file);
	ret = compare_networks(up, err);
	for (i = 0; !ret && i < up->lab->nr_machines; i++) {
		const struct labplan_machine *pm = &up->plan->machine[i];
		struct json_object *o = known(up, "machines", pm->m->name);

		up->runs[i] = labend_runs(pm->guest);
		if (up->runs[i] && !o)
			ret = err_set(err, EEXIST, "a guest called %s runs, which is not this lab's; stop it with: ring3 stop %s, or call the lab otherwise with --name",
				      pm->guest, pm->guest);
		if (!ret && !up->runs[i] && !o && is_created(pm->guest))
			ret = err_set(err, EEXIST, "there is a machine called %s, which is not this lab's; remove it with: ring3 rm %s, or call the lab otherwise with --name",
				      pm->guest, pm->guest);
		up->keep[i] = up->runs[i] && labnote_same(o, pm->digest) && labnote_good(o);
		for (j = 0; j < pm->m->nr_cards; j++)
			if (pm->m->card[j].network >= 0 && up->new_network[pm->m->card[j].network])
				up->keep[i] = false;
	}
	return ret;
}

/* ---- what is written down ---- */

/* Before anything is started, so that down finds all of it however this process ends. */
static int note_all(struct up *up, struct r3_err *err)
{
	unsigned int i;

	if (!up->state.o)
		up->state.o = json_object_new_object();
	json_object_object_add(up->state.o, "lab", json_object_new_string(up->lab->name));
	json_object_object_add(up->state.o, "file", json_object_new_string(up->file));
	for (i = 0; i < up->lab->nr_networks; i++)
		if (up->new_network[i])
			labnote_network(&up->state, &up->plan->network[i]);
	for (i = 0; i < up->lab->nr_machines; i++)
		if (!up->keep[i])
			labnote_machine(&up->state, &up->plan->machine[i], up->lab, false);
	return labstate_save(&up->state, err);
}

/* ---- what the file names no more ---- */

static int end_others(struct up *up, struct r3_err *err)
{
	char **names, *gone[LAB_MAX_MACHINES + 1];
	int nr = labend_names(labstate_part(up->state.o, "machines", false), &names), i, ret = 0;
	unsigned int nr_gone = 0;
	struct labshow show;

	for (i = 0; i < nr; i++)
		if (!lab_find_machine(up->lab, names[i]) && nr_gone < LAB_MAX_MACHINES)
			gone[nr_gone++] = names[i];
	labshow_begin(&show, up->lab->name, "is down", up->quiet);
	if (nr_gone)
		ret = labend_machines(&up->state, gone, nr_gone, false, &show, err);
	labshow_end(&show);
	while (nr > 0)
		free(names[--nr]);
	free(names);
	if (ret)
		return ret;
	nr = labend_names(labstate_part(up->state.o, "networks", false), &names);
	for (i = 0; i < nr; i++) {
		if (!ret && lab_find_network(up->lab, names[i]) < 0)
			ret = labend_network(&up->state, names[i], err);
		free(names[i]);
	}
	free(names);
	return ret;
}

/* ---- networks ---- */

static int make_network(struct up *up, unsigned int i, struct r3_err *err)
{
	const struct labplan_network *pn = &up->plan->network[i];
	unsigned int mtu = pn->net->mtu ? pn->net->mtu : 1500;
	struct switch_uplink uplink;
	struct r3_err ignored;
	int ret = 0;

	if (labend_network_runs(pn->name))
		ret = switch_remove(pn->name, err);
	if (!ret && pn->uplink)
		ret = switch_uplink_parse(&uplink, pn->uplink, err);
	if (!ret)
		ret = switch_start(pn->name, mtu, JAIL_ON, err);
	if (ret)
		return ret;
	up->made_network[i] = true;
	ret = pn->uplink ? switch_uplink_add(pn->name, &uplink, mtu, err) : 0;
	if (ret)
		switch_remove(pn->name, &ignored);
	return ret;
}

static int make_networks(struct up *up, struct r3_err *err)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < up->lab->nr_networks; i++)
		if (up->new_network[i])
			ret = make_network(up, i, err);
	return ret;
}

/* ---- machines ---- */

static int make_jobs(struct up *up, struct r3_err *err)
{
	unsigned int i, k;
	bool changes = false;
	int ret = 0;

	for (i = 0; i < up->lab->nr_machines; i++) {
		changes |= !up->keep[i];
		up->job[i].log = -1;
	}
	for (i = 0; !ret && i < up->lab->nr_machines; i++) {
		const struct labplan_machine *pm = &up->plan->machine[i];
		struct labjob *j = &up->job[i];
		unsigned int *after = lab_alloc(up->lab, (pm->m->nr_deps + 1) * sizeof(*after), err);
		bool *all = lab_alloc(up->lab, pm->m->nr_deps + 1, err);

		if (!after || !all)
			return err->code;
		for (k = 0; k < pm->m->nr_deps; k++) {
			after[k] = pm->m->dep[k].machine;
			all[k] = pm->m->dep[k].healthy || pm->m->dep[k].completed;
		}
		j->after = after;
		j->after_all = all;
		j->nr_after = pm->m->nr_deps;
		j->name = pm->guest;
		if (up->keep[i]) {
			ret = changes ? labsteps_refresh(up->lab, pm, j, err) : 0;
			continue;
		}
		j->log = labstate_log(&up->state, pm->m->name, true);
		ret = labsteps_up(up->lab, pm, up->runs[i], j, err);
	}
	return ret;
}

/* Nothing was begun, and what is known of the lab is what was before. */
static void drop_jobs(struct up *up)
{
	unsigned int i;

	for (i = 0; i < up->lab->nr_machines; i++) {
		if (up->keep[i] || up->job[i].log < 0)
			continue;
		close(up->job[i].log);
		labstate_log_remove(&up->state, up->lab->machine[i].name);
	}
	json_object_put(up->state.o);
	up->state.o = labstate_peek(up->lab->name);
}

/* Whether the guest is there, and if not, whether its command has done what it was for. */
static enum labpool_end end_of(const char *guest)
{
	struct json_object *end, *v;
	struct r3_err err;
	int dir, status = -1;

	if (labend_runs(guest))
		return LABPOOL_THERE;
	dir = kept_find(guest, &err);
	end = dir < 0 ? NULL : kept_get(dir, KEPT_END);
	if (end && json_object_object_get_ex(end, "status", &v))
		status = json_object_get_int(v);
	json_object_put(end);
	if (dir >= 0)
		close(dir);
	return status ? LABPOOL_GONE : LABPOOL_ENDED_WELL;
}

static enum labpool_end job_end(struct labpool *pool, struct labjob *job)
{
	return end_of(job->name);
}

static bool has_ended(struct up *up, unsigned int i)
{
	const char *guest = up->plan->machine[i].guest;

	switch (end_of(guest)) {
	case LABPOOL_THERE:
		return false;
	case LABPOOL_ENDED_WELL:
		labshow_say(&up->show, "%s has ended, with status 0", guest);
		return false;
	default:
		message("%s failed: it has ended already; its last words: ring3 logs %s", guest, guest);
		return true;
	}
}

/* What this up has started is ended; what ran before stays. */
static void take_back(struct up *up)
{
	char *names[LAB_MAX_MACHINES];
	unsigned int nr = 0, i;
	struct labshow show;
	struct r3_err err;
	int left = 0;

	for (i = 0; i < up->lab->nr_machines; i++)
		if (!up->keep[i] && (up->job[i].begun || !up->runs[i]))
			names[nr++] = (char *)up->lab->machine[i].name;
	labshow_begin(&show, up->lab->name, "is down", up->quiet);
	if (nr && labend_machines(&up->state, names, nr, true, &show, &err)) {
		message("%s", err.msg);
		left = 1;
	}
	labshow_end(&show);
	for (i = 0; i < up->lab->nr_networks; i++)
		if (up->made_network[i] && labend_network(&up->state, up->lab->network[i].name, &err)) {
			message("%s", err.msg);
			left = 1;
		}
	if (!left && labstate_save(&up->state, &err))
		message("%s", err.msg);
}

static bool is_empty(struct up *up)
{
	struct json_object *machines = labstate_part(up->state.o, "machines", false), *networks = labstate_part(up->state.o, "networks", false);

	return (!machines || !json_object_object_length(machines)) && (!networks || !json_object_object_length(networks));
}

static int run_jobs(struct up *up, struct r3_err *err)
{
	unsigned int i, bad = 0, kept = 0, started = 0;
	int ret;

	labshow_begin(&up->show, up->lab->name, "is up", up->quiet);
	up->pool = (struct labpool){ .job = up->job, .nr = up->lab->nr_machines, .parallel = up->parallel,
				     .changed = labshow_changed, .end_of = job_end, .ctx = &up->show };
	if (up->lab->title)
		labshow_say(&up->show, "lab %s: %s", up->lab->name, up->lab->title);
	ret = labpool_run(&up->pool, err);
	labshow_end(&up->show);
	if (ret)
		return ret;
	if (up->pool.interrupted) {
		message("interrupted: what was started is ended");
		take_back(up);
		return 128 + up->pool.interrupted;
	}
	for (i = 0; i < up->lab->nr_machines; i++) {
		bool good = up->job[i].state == LABJOB_DONE && (up->keep[i] || !has_ended(up, i));

		bad += !good;
		kept += good && up->keep[i];
		started += good && !up->keep[i];
		if (!up->keep[i])
			labnote_machine(&up->state, &up->plan->machine[i], up->lab, good);
	}
	ret = labstate_save(&up->state, err);
	if (ret)
		return ret;
	if (bad)
		message("lab %s: %u of %u machines are not up; ring3 status %s shows it, ring3 down --name %s ends all of it",
			up->lab->name, bad, up->lab->nr_machines, up->lab->name, up->lab->name);
	else if (kept && !started)
		labshow_say(&up->show, "lab %s: %s", up->lab->name, kept == 1 ? "its machine runs already" : "all machines run already");
	else if (kept)
		labshow_say(&up->show, "lab %s: %u machine%s up in %.1f s, %u ran already", up->lab->name, started, started == 1 ? " is" : "s are", labshow_seconds(&up->show), kept);
	else
		labshow_say(&up->show, "lab %s: %u machine%s up in %.1f s", up->lab->name, started, started == 1 ? " is" : "s are", labshow_seconds(&up->show));
	return bad ? CLI_FAILED : CLI_OK;
}

/* ---- all of it ---- */

static int prepare(struct up *up, const char *path, struct r3_err *err)
{
	up->file = labload_find(path, err);
	up->lab = up->file ? labload(up->file, up->name, err) : NULL;
	up->plan = up->lab ? labplan_make(up->lab, &up->plan_options, err) : NULL;
	return up->plan ? labplan_check(up->plan, run_check, err) : err->code;
}

/* Under the lab's lock. An exit status, or -errno with err set; *begun: something may have been started. */
static int bring_up(struct up *up, bool *begun, struct r3_err *err)
{
	int ret = compare(up, err), fd;

	if (ret)
		return ret;
	ret = make_jobs(up, err);
	/* From here on a signal is an event of the pool. */
	fd = ret ? -1 : signals_open(err);
	if (fd >= 0)
		close(fd);
	if (!ret)
		ret = fd < 0 ? fd : note_all(up, err);
	if (ret) {
		drop_jobs(up);
		return ret;
	}
	*begun = true;
	ret = end_others(up, err);
	if (!ret)
		ret = make_networks(up, err);
	if (!ret)
		ret = run_jobs(up, err);
	if (ret < 0)
		take_back(up);
	return ret;
}

static unsigned int default_parallel(void)
{
	long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);

	return n < 2 ? 2 : n > LAB_PARALLEL ? LAB_PARALLEL : n;
}

int up_main(int argc, char **argv)
{
	struct up *up = calloc(1, sizeof(*up));
	bool dashes, begun = false;
	struct r3_err err;
	int at, ret, status;

	if (!up) {
		message("no memory for a lab");
		return CLI_START;
	}
	up->parallel = default_parallel();
	up->plan_options.root = getenv("RING3_ROOT");
	if (up->plan_options.root && !*up->plan_options.root)
		up->plan_options.root = NULL;
	at = opts_parse(&up_opts, argc, argv, up, &dashes, &err);
	if (at >= 0 && argc - at > 1)
		at = err_set(&err, EINVAL, "unexpected word %s: ring3 %s", argv[at + 1], up_opts.usage);
	ret = at < 0 ? at : prepare(up, argv[at], &err);
	if (!ret && up->dry_run) {
		status = labprint(up->plan) ? CLI_FAILED : CLI_OK;
	} else {
		if (!ret)
			ret = labstate_open(&up->state, up->lab->name, &err);
		if (!ret) {
			ret = bring_up(up, &begun, &err);
			labstate_close(&up->state, is_empty(up));
		}
		if (ret < 0)
			message("%s", err.msg);
		status = ret >= 0 ? ret : begun ? CLI_FAILED : CLI_START;
	}
	lab_free(up->lab);
	free(up->file);
	free(up);
	return status;
}
