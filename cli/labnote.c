// SPDX-License-Identifier: GPL-2.0-or-later
#include "labnote.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool labnote_same(struct json_object *o, uint64_t digest)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, digest);
	return o && !strcmp(labstate_text(o, "digest"), text);
}

bool labnote_good(struct json_object *o)
{
	struct json_object *v;

	return json_object_object_get_ex(o, "good", &v) && json_object_get_boolean(v);
}

static struct json_object *list_of(const struct lab_list *list)
{
	struct json_object *o = json_object_new_array();
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		json_object_array_add(o, json_object_new_string(list->item[i]));
	return o;
}

static struct json_object *digest_of(uint64_t digest)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, digest);
	return json_object_new_string(text);
}

static struct json_object *cards_of(const struct lab *lab, const struct lab_machine *m)
{
	struct json_object *cards = json_object_new_array(), *o;
	unsigned int i;

	for (i = 0; i < m->nr_cards; i++) {
		o = json_object_new_object();
		json_object_object_add(o, "network", m->card[i].network < 0 ? NULL :
				       json_object_new_string(lab->network[m->card[i].network].name));
		json_object_object_add(o, "addresses", list_of(&m->card[i].ip));
		json_object_array_add(cards, o);
	}
	return cards;
}

void labnote_machine(struct labstate *s, const struct labplan_machine *pm, const struct lab *lab, bool good)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "digest", digest_of(pm->digest));
	json_object_object_add(o, "good", json_object_new_boolean(good));
	json_object_object_add(o, "cards", cards_of(lab, pm->m));
	if (pm->m->shutdown.nr) {
		json_object_object_add(o, "shutdown", list_of(&pm->m->shutdown));
		json_object_object_add(o, "env", list_of(&pm->m->env));
		if (pm->m->shell)
			json_object_object_add(o, "shell", json_object_new_string(pm->m->shell));
	}
	json_object_object_add(labstate_part(s->o, "machines", true), pm->m->name, o);
}

void labnote_network(struct labstate *s, const struct labplan_network *pn)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "digest", digest_of(pn->digest));
	json_object_object_add(o, "uplink", json_object_new_boolean(pn->net->uplink));
	json_object_object_add(labstate_part(s->o, "networks", true), pn->net->name, o);
}
