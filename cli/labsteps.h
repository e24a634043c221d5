/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of jobs: what bringing a machine up, and taking it down, consists of. */
#ifndef R3_LABSTEPS_H
#define R3_LABSTEPS_H

#include <json-c/json.h>

#include "labplan.h"
#include "labpool.h"

/* replace: a guest of this name runs, or is kept, and goes first. The job's memory is the lab's. */
int labsteps_up(struct lab *lab, const struct labplan_machine *pm, bool replace, struct labjob *job, struct r3_err *err);

/* Of a machine that runs as it should, while others change. */
int labsteps_refresh(struct lab *lab, const struct labplan_machine *pm, struct labjob *job, struct r3_err *err);

/*
 * machine: what labstate.h knows of it, with its shutdown scripts; NULL: none are run.
 * force: it is not asked to end by itself.
 */
int labsteps_down(struct lab *lab, const char *guest, struct json_object *machine, bool force, struct labjob *job, struct r3_err *err);

#endif
