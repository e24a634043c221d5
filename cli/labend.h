/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a lab's machines and networks, and whether they run. */
#ifndef R3_LABEND_H
#define R3_LABEND_H

#include "labshow.h"
#include "labstate.h"

#define LAB_PARALLEL	8

/* A guest of this name runs, or booting, or ending. */
bool labend_runs(const char *guest);
bool labend_network_runs(const char *name);

/*
 * Ends machines of the lab, by their own names, and forgets those that are gone. 0, or
 * -errno with err set, if one is still there.
 */
int labend_machines(struct labstate *s, char *const *names, unsigned int nr, bool force, struct labshow *show, struct r3_err *err);

/* The same of a network. It is no error if it is gone already. */
int labend_network(struct labstate *s, const char *name, struct r3_err *err);

/* Names of a part's members; the caller frees list and names. */
int labend_names(struct json_object *part, char ***names);

/* All of a lab; then nothing is known of it any more. */
int labend_all(struct labstate *s, bool force, struct labshow *show, struct r3_err *err);

#endif
