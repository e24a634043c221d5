// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of labs that strangers wrote: YAML in both dialects, lab.conf and lab.dep. The
 * first byte says which. What was accepted must be whole: cards in order, every reference
 * to something that is there, and words for ring3 run that end.
 */
#include <unistd.h>

#include "fuzz.h"
#include "lab.h"
#include "labkathara.h"
#include "labplan.h"
#include "labyaml.h"

static const char *get_var(void *ctx, const char *name)
{
	return !strcmp(name, "A") ? "value" : !strcmp(name, "EMPTY") ? "" : NULL;
}

static void check_lab(struct lab *lab)
{
	unsigned int i, k;

	must(lab->nr_machines >= 1 && lab->nr_machines <= LAB_MAX_MACHINES && lab->nr_networks <= LAB_MAX_NETWORKS);
	for (i = 0; i < lab->nr_machines; i++) {
		const struct lab_machine *m = &lab->machine[i];

		must(lab_part_ok(m->name) && strlen(lab->name) + strlen(m->name) < 63);
		must(m->nr_cards <= LAB_MAX_CARDS);
		for (k = 0; k < m->nr_cards; k++) {
			must(m->card[k].number == (int)k && m->card[k].network < (int)lab->nr_networks);
			must(m->card[k].ip.nr <= 4);
		}
		for (k = 0; k < m->nr_deps; k++)
			must(m->dep[k].machine >= 0 && m->dep[k].machine < (int)lab->nr_machines && m->dep[k].machine != (int)i);
	}
}

static void check_plan(struct lab *lab, struct labplan *plan)
{
	unsigned int i, k;

	for (i = 0; i < lab->nr_machines; i++) {
		const struct lab_list *run = &plan->machine[i].run;

		must(run->nr >= 4 && !strcmp(run->item[0], "--name") && !run->item[run->nr]);
		for (k = 0; k < run->nr; k++)
			must(run->item[k]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct labplan_options opt = { .root = "/", .with_root = true };
	struct r3_err err = { 0 };
	struct lab *lab;
	struct labplan *plan;
	char *text;
	int ret;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	lab = lab_new("lab", "/nowhere", &err);
	must(lab);
	lab->name = lab_text(lab, "l", &err);
	if (*data & 1) {
		ret = labkathara_conf(lab, text, &err);
		if (!ret && *data & 2)
			ret = labkathara_dep(lab, strchr(text, '\f') ? strchr(text, '\f') + 1 : text, &err);
	} else {
		ret = labyaml_read(lab, text, size - 1, get_var, NULL, &err);
	}
	if (!ret)
		ret = lab_check(lab, &err);
	must(ret <= 0);
	if (!ret) {
		check_lab(lab);
		plan = labplan_make(lab, &opt, &err);
		if (plan)
			check_plan(lab, plan);
		ret = plan ? 0 : -1;
	}
	must(!ret || err.msg[0]);
	lab_free(lab);
	free(text);
	return 0;
}
