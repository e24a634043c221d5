/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of a plan as labstate.h keeps them. */
#ifndef R3_LABNOTE_H
#define R3_LABNOTE_H

#include "labplan.h"
#include "labstate.h"

/* good: it came up as it should. */
void labnote_machine(struct labstate *s, const struct labplan_machine *pm, const struct lab *lab, bool good);
void labnote_network(struct labstate *s, const struct labplan_network *pn);

/* What is known of a part: made by the same words? Good? */
bool labnote_same(struct json_object *o, uint64_t digest);
bool labnote_good(struct json_object *o);

#endif
