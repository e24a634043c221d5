/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that outlives the terminal it was started from. The process that the
 * user called forks, and waits until the guest is ready, or says why it is not and
 * ends with its exit status. The child, in a session of its own, is `ring3 run` as
 * ever, with a folder of the machine in which its log is and at last its end.
 */
#ifndef R3_BACKGROUND_H
#define R3_BACKGROUND_H

#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "guestlog.h"
#include "kept.h"

struct background {
	struct kept kept;
	struct guestlog log;
	bool remove;		/* nothing is to be kept at the end */
	int report;		/* to who waits for the guest; -1: nobody does any more */
	bool defined;		/* its definition is there already, and stays */
	struct json_object *definition;	/* else: how it is started again; NULL: unknown */
	time_t started;
};

/*
 * Return: 0 in the child; 1 in the parent, when it is known what becomes of the
 * guest, with *status that `ring3 run` ends with; -errno with err set.
 */
int background_fork(struct background *bg, int *status, struct r3_err *err);

/* Somebody wanted the guest no more while it was waited for. */
bool background_interrupted(void);

/*
 * Descriptors that the caller had open, beyond stderr, are none of a guest's in the
 * background: a pipe's end or a lock would live as long as it does. What they are is
 * noted before anything is opened, and they are closed, but for some, when all is.
 */
void background_note_inherited(void);
void background_drop_inherited(const int *keep, size_t nr);

/* Takes the machine's folder. any: another name, written to name, will do. */
int background_take(struct background *bg, char *name, size_t size, bool any, struct r3_err *err);

/* The name is ours everywhere: a new log. */
int background_begin(struct background *bg, struct r3_err *err);

/* The guest is ready: who waits is told, and from now on stderr is the log alone. */
void background_ready(struct background *bg);

/* The guest ended, or never was. */
void background_end(struct background *bg, int status);

#endif
