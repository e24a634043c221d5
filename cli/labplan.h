/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has to be done for each part of a lab: a lab's data made command lines of
 * `ring3 run` and scripts. All of it is checked, as far as that starts nothing.
 */
#ifndef R3_LABPLAN_H
#define R3_LABPLAN_H

#include "lab.h"

#define LABPLAN_MAX_IMAGES	64

struct labplan_options {
	const char *root;		/* what machines have that name none; NULL: ring3 run's own default */
	bool with_root;			/* it was said for this lab: it stands for any image, too */
	const char *image[LABPLAN_MAX_IMAGES];	/* NAME=ROOT */
	unsigned int nr_images;
};

struct labplan_machine {
	const struct lab_machine *m;
	char *guest;			/* LAB.MACHINE */
	struct lab_list run;		/* options of ring3 run, and the command */
	char *prepare;			/* script of ours, before anything of the lab's; NULL: none */
	char *hosts;			/* the same: the others' names; may be run again when they change */
	bool held;			/* the command waits for LABPLAN_GO in the guest */
	uint64_t digest;		/* of all that makes it what it is; others' names do not */
};

struct labplan_network {
	const struct lab_network *net;
	char *name;			/* of the switch */
	char *uplink;			/* an argument of ring3 net add --uplink; NULL: none */
	uint64_t digest;
};

struct labplan {
	struct lab *lab;
	struct labplan_machine *machine;	/* as many as the lab has */
	struct labplan_network *network;
};

/* A file in the guest that lets a held command begin. */
#define LABPLAN_GO	"/run/.ring3-go"

/* The lab must outlive it; its memory is the lab's. NULL with err set. */
struct labplan *labplan_make(struct lab *lab, const struct labplan_options *opt, struct r3_err *err);

/* Whether `ring3 run` would take these options. Nothing is opened. */
typedef int (*labplan_check_run)(int argc, char **argv, struct r3_err *err);
int labplan_check(struct labplan *plan, labplan_check_run check, struct r3_err *err);

#endif
