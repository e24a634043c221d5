/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML as a tree with positions, from text that anybody may have written. Bounded: its
 * size, depth and number of nodes. An alias shares its anchor's node, so it costs
 * nothing, and is known only after its anchor is complete, so no node is in itself.
 * "<<" is merged; a key that is there twice is an error. $NAME, ${NAME} and
 * ${NAME:-default} in values are replaced, $$ is a dollar sign.
 */
#ifndef R3_YAMLTREE_H
#define R3_YAMLTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define YAML_MAX_NODES	50000
#define YAML_MAX_DEPTH	24
#define YAML_MAX_KEYS	512	/* of one mapping */

enum ynode_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct ynode {
	enum ynode_kind kind;
	unsigned int line, column;	/* from 1 */
	char *text;			/* scalar */
	bool plain;			/* scalar: without quotes, so null, true and numbers are such */
	struct ynode **child;		/* list: items; map: key, value, key, value... */
	unsigned int nr;		/* children */
};

struct ytree;

/* A variable's value, NULL if it is not set. */
typedef const char *(*yaml_getvar)(void *ctx, const char *name);

/* file: for messages. NULL with err set. */
struct ytree *ytree_parse(const char *file, const char *text, size_t len, yaml_getvar getvar, void *ctx, struct r3_err *err);
void ytree_free(struct ytree *tree);
struct ynode *ytree_root(struct ytree *tree);

/* A mapping's value of this key, or NULL. */
struct ynode *ynode_get(const struct ynode *map, const char *key);
/* Nothing, as "key:" or null. */
bool ynode_is_null(const struct ynode *node);

#endif
