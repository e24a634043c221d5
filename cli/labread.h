/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the nodes of a YAML file to the values of a lab: what its two dialects have in common. */
#ifndef R3_LABREAD_H
#define R3_LABREAD_H

#include "lab.h"
#include "yamltree.h"

struct labread {
	struct lab *lab;
	struct lab_machine *m;		/* that is being read */
	struct lab_card *card;
	int network;
	char where[160];		/* as messages call what is being read: "services.web" */
	struct r3_err *err;
};

/* One key of a mapping, and who takes its value. */
struct labkey {
	const char *name;
	int (*take)(struct labread *r, struct ynode *value);
	const char *unsupported;	/* take is NULL: why it is refused; NULL: it says nothing to ring3 */
};

int labread_error(struct labread *r, const struct ynode *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct lab_at labread_at(const struct ynode *node);

/* Each key of a mapping goes to its taker; an unknown one is an error with the nearest name. "x-..." are the user's own. */
int labread_map(struct labread *r, struct ynode *map, const struct labkey *keys);

/* Values. what: the key. */
int labread_text(struct labread *r, struct ynode *node, const char *what, char **text);
int labread_bool(struct labread *r, struct ynode *node, const char *what, bool *value);
int labread_time(struct labread *r, struct ynode *node, const char *what, int64_t *ms);
/* A size as compose has it, "512m": also in bytes. */
int labread_mem(struct labread *r, struct ynode *node, const char *what, char **mem);
/* Whole CPUs: a fraction is rounded up. */
int labread_cpus(struct labread *r, struct ynode *node, const char *what, char **cpus);

/* A whole number, as text. */
int labread_count(struct labread *r, struct ynode *node, const char *what, unsigned int min, unsigned int max, char **count);
/* Each of a list, which may be missing. */
int labread_each(struct labread *r, struct ynode *node, const char *what,
		 int (*take)(struct labread *r, struct ynode *node, const char *what));
/* A list of words, or one. */
int labread_list(struct labread *r, struct ynode *node, const char *what, struct lab_list *list);
/* NAME=VALUE, as a mapping or a list; a name alone has the value of ring3's own environment. */
int labread_pairs(struct labread *r, struct ynode *node, const char *what, struct lab_list *list);
/* A command: words, or one text for a shell. */
int labread_command(struct labread *r, struct ynode *node, const char *what, struct lab_list *list);
/* Scripts for a shell: one text, or a list of texts, or of mappings with a command. */
int labread_scripts(struct labread *r, struct ynode *node, const char *what, struct lab_list *list);
/* HOST:GUEST[:ro], as volumes and binds are written: a folder is shared, a file copied. */
int labread_volume(struct labread *r, struct ynode *node, const char *what);
/* [ADDR:]HOST:GUEST[/PROTO] or GUEST. */
int labread_port(struct labread *r, struct ynode *node, const char *what);

/* An image's name, or what is a root by its form: a path, oci:, docker-archive:, tar:. */
int labread_image(struct labread *r, struct ynode *node, const char *what);

#endif
