// SPDX-License-Identifier: GPL-2.0-or-later
#include "yamltree.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/util.h"

#define MAX_ANCHORS	256
#define SCALAR_MAX	(256 << 10)

struct owned {
	struct owned *next;
	struct ynode node;
};

struct anchor {
	char *name;
	struct ynode *node;
};

struct ytree {
	const char *file;		/* while it is parsed */
	yaml_getvar getvar;
	void *ctx;
	yaml_parser_t parser;
	struct owned *nodes;
	unsigned int nr_nodes;
	struct anchor anchor[MAX_ANCHORS];
	unsigned int nr_anchors;
	struct ynode *root;
};

static int fail(const struct ytree *t, const yaml_mark_t *at, struct r3_err *err, const char *what)
{
	return err_set(err, EINVAL, "%s:%zu:%zu: %s", t->file, at->line + 1, at->column + 1, what);
}

/* ---- nodes ---- */

static struct ynode *new_node(struct ytree *t, enum ynode_kind kind, const yaml_event_t *e, struct r3_err *err)
{
	struct owned *o;

	if (t->nr_nodes >= YAML_MAX_NODES) {
		fail(t, &e->start_mark, err, "this is more than a lab's file may have");
		return NULL;
	}
	o = calloc(1, sizeof(*o));
	if (!o) {
		err_set(err, ENOMEM, "no memory for %s", t->file);
		return NULL;
	}
	o->next = t->nodes;
	t->nodes = o;
	t->nr_nodes++;
	o->node.kind = kind;
	o->node.line = e->start_mark.line + 1;
	o->node.column = e->start_mark.column + 1;
	return &o->node;
}

static int add_child(struct ytree *t, struct ynode *node, struct ynode *child, struct r3_err *err)
{
	struct ynode **more = node->child;

	if (!(node->nr & (node->nr - 1)))
		more = reallocarray(node->child, node->nr ? node->nr * 2 : 1, sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "no memory for %s", t->file);
	node->child = more;
	node->child[node->nr++] = child;
	return 0;
}

struct ynode *ynode_get(const struct ynode *map, const char *key)
{
	unsigned int i;

	for (i = 0; map->kind == YAML_MAP && i < map->nr; i += 2)
		if (!strcmp(map->child[i]->text, key))
			return map->child[i + 1];
	return NULL;
}

bool ynode_is_null(const struct ynode *node)
{
	return node->kind == YAML_SCALAR && node->plain &&
	       (!*node->text || !strcmp(node->text, "~") || !strcasecmp(node->text, "null"));
}

/* ---- variables ---- */

struct text {
	char *data;
	size_t len;
};

static int add_text(struct text *out, const char *text, size_t len)
{
	char *more;

	if (out->len + len > SCALAR_MAX)
		return -E2BIG;
	more = realloc(out->data, out->len + len + 1);
	if (!more)
		return -ENOMEM;
	memcpy(more + out->len, text, len);
	out->data = more;
	out->len += len;
	more[out->len] = 0;
	return 0;
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	if (isalpha((unsigned char)*p) || *p == '_')
		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
	return n;
}

/* What follows "${": NAME}, NAME:-default}, NAME-default}. Returns what is behind it. */
static const char *braces(struct ytree *t, const char *p, struct text *out, const yaml_mark_t *at, struct r3_err *err)
{
	size_t n = name_length(p);
	const char *end = strchr(p, '}'), *value, *other = NULL;
	char name[128], what[400];
	bool empty_is_unset = false;

	if (!n || n >= sizeof(name) || !end) {
		fail(t, at, err, "\"${\" begins the name of a variable, as ${NAME} or ${NAME:-default}; write $$ for a dollar sign");
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)n, p);
	p += n;
	if (*p == ':') {
		empty_is_unset = true;
		p++;
	}
	if (*p == '-')
		other = p + 1;
	if (!other && (empty_is_unset || p != end)) {
		fail(t, at, err, "of a variable's forms ${NAME}, ${NAME:-default} and ${NAME-default} can be used");
		return NULL;
	}
	value = t->getvar ? t->getvar(t->ctx, name) : NULL;
	if (value && empty_is_unset && !*value)
		value = NULL;
	if (!value && !other) {
		snprintf(what, sizeof(what), "the variable %s is not set; set it, or write $$ for a dollar sign", name);
		fail(t, at, err, what);
		return NULL;
	}
	if (add_text(out, value ? value : other, value ? strlen(value) : (size_t)(end - other))) {
		fail(t, at, err, "the text is too long with its variables replaced");
		return NULL;
	}
	return end + 1;
}

static int expand(struct ytree *t, struct ynode *node, const yaml_mark_t *at, struct r3_err *err)
{
	struct text out = { 0 };
	const char *p = node->text;
	int ret = add_text(&out, "", 0);

	while (!ret && *p) {
		size_t n = strcspn(p, "$");
		const char *value;
		char name[128], what[400];

		ret = add_text(&out, p, n);
		p += n;
		if (ret || !*p)
			break;
		n = name_length(p + 1);
		if (p[1] == '{') {
			p = braces(t, p + 2, &out, at, err);
			if (!p) {
				free(out.data);
				return err->code;
			}
		} else if (n && n < sizeof(name)) {
			snprintf(name, sizeof(name), "%.*s", (int)n, p + 1);
			value = t->getvar ? t->getvar(t->ctx, name) : NULL;
			if (!value) {
				free(out.data);
				snprintf(what, sizeof(what), "the variable %s is not set; set it, or write $$%s to keep it as it is", name, name);
				return fail(t, at, err, what);
			}
			ret = add_text(&out, value, strlen(value));
			p += n + 1;
		} else {
			ret = add_text(&out, "$", 1);
			p += p[1] == '$' ? 2 : 1;
		}
	}
	if (ret) {
		free(out.data);
		return fail(t, at, err, ret == -E2BIG ? "the text is too long with its variables replaced" : "no memory for its variables");
	}
	free(node->text);
	node->text = out.data;
	return 0;
}

/* ---- mappings ---- */

/* Pairs of another mapping, where this one has not its own. */
static int merge_map(struct ytree *t, struct ynode *map, const struct ynode *from, struct r3_err *err)
{
	unsigned int i;
	int ret = 0;

	if (from->kind != YAML_MAP)
		return err_set(err, EINVAL, "%s:%u:%u: what << takes over must be a mapping, or a list of mappings", t->file, from->line, from->column);
	for (i = 0; !ret && i < from->nr; i += 2) {
		/* Work counts as nodes do: a small file can ask for a lot of it. */
		if (t->nr_nodes++ >= YAML_MAX_NODES)
			return err_set(err, E2BIG, "%s:%u:%u: this is more than a lab's file may have", t->file, map->line, map->column);
		if (ynode_get(map, from->child[i]->text))
			continue;
		if (map->nr >= 2 * YAML_MAX_KEYS)
			return err_set(err, E2BIG, "%s:%u:%u: a mapping has at most %d keys", t->file, map->line, map->column, YAML_MAX_KEYS);
		ret = add_child(t, map, from->child[i], err);
		if (!ret)
			ret = add_child(t, map, from->child[i + 1], err);
	}
	return ret;
}

static int merge(struct ytree *t, struct ynode *map, struct r3_err *err)
{
	struct ynode *from = NULL;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < map->nr; i += 2)
		if (map->child[i]->plain && !strcmp(map->child[i]->text, "<<")) {
			from = map->child[i + 1];
			memmove(map->child + i, map->child + i + 2, (map->nr - i - 2) * sizeof(map->child[0]));
			map->nr -= 2;
			break;
		}
	if (!from)
		return 0;
	if (from->kind != YAML_LIST)
		return merge_map(t, map, from, err);
	if (from->nr > 16)
		return err_set(err, E2BIG, "%s:%u:%u: << takes over at most 16 mappings", t->file, from->line, from->column);
	for (i = 0; !ret && i < from->nr; i++)
		ret = merge_map(t, map, from->child[i], err);
	return ret;
}

/* ---- events ---- */

static int next(struct ytree *t, yaml_event_t *e, struct r3_err *err)
{
	if (yaml_parser_parse(&t->parser, e))
		return 0;
	if (t->parser.error == YAML_MEMORY_ERROR)
		return err_set(err, ENOMEM, "no memory for %s", t->file);
	if (t->parser.error == YAML_READER_ERROR)
		return err_set(err, EINVAL, "%s: %s at byte %zu: this is no YAML", t->file, t->parser.problem ? t->parser.problem : "it cannot be read",
			       t->parser.problem_offset);
	return err_set(err, EINVAL, "%s:%zu:%zu: %s%s%s", t->file, t->parser.problem_mark.line + 1, t->parser.problem_mark.column + 1,
		       t->parser.problem ? t->parser.problem : "this is no YAML", t->parser.context ? " " : "",
		       t->parser.context ? t->parser.context : "");
}

static int take_node(struct ytree *t, yaml_event_t *e, unsigned int depth, bool is_key, struct ynode **out, struct r3_err *err);

static int set_anchor(struct ytree *t, const yaml_char_t *name, struct ynode *node, const yaml_mark_t *at, struct r3_err *err)
{
	unsigned int i;

	if (!name)
		return 0;
	for (i = 0; i < t->nr_anchors; i++)
		if (!strcmp(t->anchor[i].name, (const char *)name)) {
			t->anchor[i].node = node;
			return 0;
		}
	if (i == MAX_ANCHORS)
		return fail(t, at, err, "there are too many anchors");
	t->anchor[i].name = strdup((const char *)name);
	if (!t->anchor[i].name)
		return err_set(err, ENOMEM, "no memory for %s", t->file);
	t->anchor[i].node = node;
	t->nr_anchors++;
	return 0;
}

static int take_alias(struct ytree *t, const yaml_event_t *e, struct ynode **out, struct r3_err *err)
{
	unsigned int i;

	for (i = 0; i < t->nr_anchors; i++)
		if (!strcmp(t->anchor[i].name, (const char *)e->data.alias.anchor)) {
			*out = t->anchor[i].node;
			return 0;
		}
	return fail(t, &e->start_mark, err, "there is no such anchor before this alias");
}

static int take_children(struct ytree *t, struct ynode *node, unsigned int depth, yaml_event_type_t end, struct r3_err *err)
{
	int ret = 0;

	for (;;) {
		bool is_key = node->kind == YAML_MAP && !(node->nr & 1);
		struct ynode *child;
		yaml_event_t e;
		yaml_mark_t at;
		bool over;

		ret = next(t, &e, err);
		if (ret)
			return ret;
		over = e.type == end;
		at = e.start_mark;
		if (!over)
			ret = take_node(t, &e, depth + 1, is_key, &child, err);
		yaml_event_delete(&e);
		if (ret || over)
			break;
		if (is_key && child->kind != YAML_SCALAR)
			return fail(t, &at, err, "a key must be a word");
		if (is_key && ynode_get(node, child->text))
			return fail(t, &at, err, "this key is there already");
		if (node->kind == YAML_MAP && node->nr >= 2 * YAML_MAX_KEYS)
			return fail(t, &at, err, "a mapping has too many keys");
		ret = add_child(t, node, child, err);
		if (ret)
			return ret;
	}
	return !ret && node->kind == YAML_MAP ? merge(t, node, err) : ret;
}

static int take_scalar(struct ytree *t, const yaml_event_t *e, bool is_key, struct ynode **out, struct r3_err *err)
{
	struct ynode *node = new_node(t, YAML_SCALAR, e, err);

	if (!node)
		return err->code;
	if (e->data.scalar.length > SCALAR_MAX || memchr(e->data.scalar.value, 0, e->data.scalar.length))
		return fail(t, &e->start_mark, err, "the text is too long, or has a zero byte");
	node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup((const char *)e->data.scalar.value);
	if (!node->text)
		return err_set(err, ENOMEM, "no memory for %s", t->file);
	*out = node;
	return is_key ? 0 : expand(t, node, &e->start_mark, err);
}

/* The node that begins with this event. */
static int take_node(struct ytree *t, yaml_event_t *e, unsigned int depth, bool is_key, struct ynode **out, struct r3_err *err)
{
	const yaml_char_t *anchor = NULL;
	yaml_mark_t at = e->start_mark;
	int ret;

	if (depth > YAML_MAX_DEPTH)
		return fail(t, &at, err, "this is nested too deeply");
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return take_alias(t, e, out, err);
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		ret = take_scalar(t, e, is_key, out, err);
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		anchor = e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
		*out = new_node(t, e->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST : YAML_MAP, e, err);
		ret = *out ? take_children(t, *out, depth, e->type == YAML_SEQUENCE_START_EVENT ? YAML_SEQUENCE_END_EVENT :
					   YAML_MAPPING_END_EVENT, err) : err->code;
		break;
	default:
		return fail(t, &at, err, "this is no YAML");
	}
	return ret ? ret : set_anchor(t, anchor, *out, &at, err);
}

static int take_document(struct ytree *t, struct r3_err *err)
{
	yaml_event_t e;
	bool over;
	int ret;

	for (;;) {
		ret = next(t, &e, err);
		if (ret)
			return ret;
		over = e.type == YAML_STREAM_END_EVENT;
		if (t->root && e.type == YAML_DOCUMENT_START_EVENT)
			ret = fail(t, &e.start_mark, err, "a second document begins here; a lab is one");
		else if (e.type != YAML_STREAM_START_EVENT && e.type != YAML_DOCUMENT_START_EVENT &&
			 e.type != YAML_DOCUMENT_END_EVENT && !over)
			ret = take_node(t, &e, 0, false, &t->root, err);
		yaml_event_delete(&e);
		if (ret || over)
			return ret;
	}
}

struct ytree *ytree_parse(const char *file, const char *text, size_t len, yaml_getvar getvar, void *ctx, struct r3_err *err)
{
	struct ytree *t = calloc(1, sizeof(*t));
	int ret;

	if (!t || !yaml_parser_initialize(&t->parser)) {
		free(t);
		err_set(err, ENOMEM, "no memory for %s", file);
		return NULL;
	}
	t->file = file;
	t->getvar = getvar;
	t->ctx = ctx;
	yaml_parser_set_input_string(&t->parser, (const unsigned char *)text, len);
	ret = take_document(t, err);
	yaml_parser_delete(&t->parser);
	if (!ret && !t->root)
		ret = err_set(err, EINVAL, "%s is empty", file);
	if (ret) {
		ytree_free(t);
		return NULL;
	}
	return t;
}

void ytree_free(struct ytree *tree)
{
	struct owned *o;
	unsigned int i;

	if (!tree)
		return;
	while ((o = tree->nodes)) {
		tree->nodes = o->next;
		free(o->node.text);
		free(o->node.child);
		free(o);
	}
	for (i = 0; i < tree->nr_anchors; i++)
		free(tree->anchor[i].name);
	free(tree);
}

struct ynode *ytree_root(struct ytree *tree)
{
	return tree->root;
}
