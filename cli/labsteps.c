// SPDX-License-Identifier: GPL-2.0-or-later
#include "labsteps.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

#define START_MS	300000
/* What ring3 itself has done in a guest takes a moment, unless the guest does not want to. */
#define INSIDE_MS	20000
/* A shutdown script that hangs must not keep the lab up. */
#define SHUTDOWN_MS	60000

struct maker {
	struct lab *lab;
	struct labjob *job;
	unsigned int room;		/* for steps */
	struct r3_err *err;
};

static struct labstep *new_step(struct maker *k, const char *what)
{
	struct labjob *j = k->job;
	struct labstep *s;

	if (!j->step)
		j->step = lab_alloc(k->lab, k->room * sizeof(*j->step), k->err);
	if (!j->step)
		return NULL;
	if (j->nr_steps == k->room) {
		err_set(k->err, E2BIG, "%s has too much to do at its start", j->name);
		return NULL;
	}
	s = &j->step[j->nr_steps];
	*s = (struct labstep){ .what = what };
	return s;
}

/* A step by a list of words; list is used up. */
static struct labstep *add_step(struct maker *k, const char *what, const struct lab_list *words)
{
	struct labstep *s = new_step(k, what);

	if (s) {
		s->argv = words->item;
		k->job->nr_steps++;
	}
	return s;
}

static int add_words(struct maker *k, struct lab_list *list, const char *const *words)
{
	int ret = 0;

	for (; !ret && *words; words++)
		ret = lab_add(k->lab, list, *words, k->err);
	return ret;
}

static char *const *words_of(struct maker *k, const char *const *words)
{
	struct lab_list list = { 0 };

	return add_words(k, &list, words) ? NULL : list.item;
}

static struct labstep *plain_step(struct maker *k, const char *what, const char *const *words)
{
	struct lab_list list = { 0 };

	return add_words(k, &list, words) ? NULL : add_step(k, what, &list);
}

/* ---- scripts ---- */

/* As a file in the guest, so that its stdin is free, and long ones fit. Without the shell that was meant, sh. */
static const char by_file[] =
	"f=/run/.ring3-script; cat > $f || exit; command -v \"$0\" > /dev/null || set -- sh; exec \"${1:-$0}\" $f < /dev/null";

static struct labstep *script_step(struct maker *k, const char *guest, const char *what, const char *shell, const struct lab_list *env,
				   const char *script)
{
	struct lab_list list = { 0 };
	struct labstep *s;
	unsigned int i;
	int ret = add_words(k, &list, (const char *const []){ "exec", "--no-tty", NULL });

	for (i = 0; !ret && env && i < env->nr; i++)
		ret = add_words(k, &list, (const char *const []){ "--env", env->item[i], NULL });
	if (!ret)
		ret = add_words(k, &list, (const char *const []){ guest, "--", "sh", "-c", by_file, shell ? shell : "sh", NULL });
	s = ret ? NULL : add_step(k, what, &list);
	if (s)
		s->input = script;
	return s;
}

/* The first words of a script, to be recognized by. */
static const char *name_script(struct maker *k, const char *script)
{
	const char *p = script;
	size_t n;

	/* Comments are of others' interest. */
	while (*p == '#' || *p == '\n' || *p == ' ' || *p == '\t')
		p += *p == '#' ? strcspn(p, "\n") : 1;
	n = strcspn(p, "\n");
	if (strspn(p + n, "\n \t") < strlen(p + n) || p != script)
		return lab_textf(k->lab, k->err, "the startup script that begins \"%.*s\"", (int)(n > 40 ? 40 : n), p);
	return lab_textf(k->lab, k->err, "the startup command \"%.*s%s\"", (int)(n > 60 ? 60 : n), p, n > 60 ? "..." : "");
}

/* ---- up ---- */

static struct labstep *start_step(struct maker *k, const struct labplan_machine *pm)
{
	struct lab_list list = { 0 };
	struct labstep *s;
	unsigned int i;
	int ret = add_words(k, &list, (const char *const []){ "run", "--detach", NULL });

	for (i = 0; !ret && i < pm->run.nr; i++)
		ret = lab_add(k->lab, &list, pm->run.item[i], k->err);
	s = ret ? NULL : add_step(k, "its start", &list);
	if (s) {
		s->timeout_ms = START_MS;
		s->explains = true;
	}
	return s;
}

static struct labstep *health_step(struct maker *k, const struct labplan_machine *pm)
{
	const struct lab_health *h = &pm->m->health;
	struct lab_list list = { 0 };
	struct labstep *s;
	unsigned int i;
	int ret = add_words(k, &list, (const char *const []){ "exec", "--no-tty", pm->guest, "--", NULL });

	for (i = 0; !ret && i < h->command.nr; i++)
		ret = lab_add(k->lab, &list, h->command.item[i], k->err);
	s = ret ? NULL : add_step(k, "its healthcheck", &list);
	if (s) {
		s->tries = h->retries;
		s->interval_ms = h->interval_ms ? h->interval_ms : 1;
		s->timeout_ms = h->timeout_ms;
		s->start_ms = h->start_ms;
	}
	return s;
}

static int inside_steps(struct maker *k, const struct labplan_machine *pm)
{
	const struct lab_machine *m = pm->m;
	const char *what;
	unsigned int i;

	if (pm->prepare) {
		struct labstep *s = script_step(k, pm->guest, "preparing it", NULL, NULL, pm->prepare);

		if (!s)
			return k->err->code;
		s->timeout_ms = START_MS;
	}
	/* An image may have no shell, and no use for names. */
	if (pm->hosts) {
		struct labstep *s = script_step(k, pm->guest, "telling it the others' names", NULL, NULL, pm->hosts);

		if (!s)
			return k->err->code;
		s->may_fail = true;
		s->timeout_ms = INSIDE_MS;
	}
	for (i = 0; i < m->nr_copies; i++) {
		char *to = lab_textf(k->lab, k->err, "%s:%s", pm->guest, m->copy[i].to);

		what = lab_textf(k->lab, k->err, "copying %s", m->copy[i].from);
		if (!to || !what || !plain_step(k, what, (const char *const []){ "cp", m->copy[i].from, to, NULL }))
			return k->err->code;
	}
	for (i = 0; i < m->startup.nr; i++) {
		what = name_script(k, m->startup.item[i]);
		if (!what || !script_step(k, pm->guest, what, m->shell, &m->env, m->startup.item[i]))
			return k->err->code;
	}
	/* What cannot even begin has ended the guest by then. */
	if (pm->held && !plain_step(k, "its command", (const char *const []){
			"exec", "--no-tty", pm->guest, "--", "sh", "-c", ": > " LABPLAN_GO "; sleep 0.3", NULL }))
		return k->err->code;
	return 0;
}

int labsteps_up(struct lab *lab, const struct labplan_machine *pm, bool replace, struct labjob *job, struct r3_err *err)
{
	struct maker k = { .lab = lab, .job = job, .room = pm->m->nr_copies + pm->m->startup.nr + 8, .err = err };
	struct labstep *s;
	int ret;

	job->name = pm->guest;
	if (replace) {
		s = plain_step(&k, "stopping the one before", (const char *const []){ "stop", pm->guest, NULL });
		if (!s)
			return err->code;
		s->may_fail = true;
	}
	if (!start_step(&k, pm))
		return err->code;
	ret = inside_steps(&k, pm);
	if (ret)
		return ret;
	job->step[job->nr_steps - 1].ready = true;
	job->epilogue = words_of(&k, (const char *const []){ "logs", "--tail", "6", pm->guest, NULL });
	if (!job->epilogue)
		return err->code;
	if (pm->m->health.command.nr && !health_step(&k, pm))
		return err->code;
	if (pm->m->awaited && !plain_step(&k, "its command", (const char *const []){ "wait", pm->guest, NULL }))
		return err->code;
	return 0;
}

int labsteps_refresh(struct lab *lab, const struct labplan_machine *pm, struct labjob *job, struct r3_err *err)
{
	struct maker k = { .lab = lab, .job = job, .room = 1, .err = err };
	struct labstep *s;

	job->name = pm->guest;
	job->quiet = true;
	if (!pm->hosts)
		return 0;
	s = script_step(&k, pm->guest, "telling it the others' names", NULL, NULL, pm->hosts);
	if (!s)
		return err->code;
	s->may_fail = true;
	s->timeout_ms = INSIDE_MS;
	return 0;
}

/* ---- down ---- */

static int shutdown_steps(struct maker *k, const char *guest, struct json_object *machine)
{
	struct json_object *list, *v;
	struct lab_list env = { 0 };
	const char *shell = NULL;
	size_t i;

	if (json_object_object_get_ex(machine, "shell", &v))
		shell = json_object_get_string(v);
	if (json_object_object_get_ex(machine, "env", &list) && json_object_is_type(list, json_type_array))
		for (i = 0; i < json_object_array_length(list); i++)
			if (lab_add(k->lab, &env, json_object_get_string(json_object_array_get_idx(list, i)) ?: "", k->err))
				return k->err->code;
	if (!json_object_object_get_ex(machine, "shutdown", &list) || !json_object_is_type(list, json_type_array))
		return 0;
	for (i = 0; i < json_object_array_length(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		char *script = text ? lab_text(k->lab, text, k->err) : NULL;
		struct labstep *s;

		if (!script)
			continue;
		s = script_step(k, guest, "its shutdown script", shell, &env, script);
		if (!s)
			return k->err->code;
		s->may_fail = true;
		s->timeout_ms = SHUTDOWN_MS;
	}
	return 0;
}

int labsteps_down(struct lab *lab, const char *guest, struct json_object *machine, bool force, struct labjob *job, struct r3_err *err)
{
	struct maker k = { .lab = lab, .job = job, .room = LAB_MAX_ITEMS + 2, .err = err };
	struct labstep *s;
	int ret;

	job->name = guest;
	ret = machine && !force ? shutdown_steps(&k, guest, machine) : 0;
	if (ret)
		return ret;
	s = force ? plain_step(&k, "stopping it", (const char *const []){ "stop", "--force", guest, NULL }) :
	    plain_step(&k, "stopping it", (const char *const []){ "stop", guest, NULL });
	if (!s)
		return err->code;
	s->may_fail = true;
	/* Whether the guest is gone is looked for at the end. */
	s = plain_step(&k, "removing what is kept of it", (const char *const []){ "rm", guest, NULL });
	if (!s)
		return err->code;
	s->may_fail = true;
	return 0;
}
