// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* More than any lab that somebody wrote; what is generated to hurt ends here. */
#define TEXT_MAX	(64u << 20)

struct lab_text {
	struct lab_text *next;
	char data[];
};

/* ---- memory ---- */

void *lab_alloc(struct lab *lab, size_t size, struct r3_err *err)
{
	struct lab_text *t;

	if (size > TEXT_MAX || lab->text_bytes + size > TEXT_MAX) {
		err_set(err, E2BIG, "%s is too large for a lab", lab->file);
		return NULL;
	}
	t = calloc(1, sizeof(*t) + size);
	if (!t) {
		err_set(err, ENOMEM, "no memory for the lab");
		return NULL;
	}
	t->next = lab->texts;
	lab->texts = t;
	lab->text_bytes += size;
	return t->data;
}

char *lab_text(struct lab *lab, const char *text, struct r3_err *err)
{
	size_t len = strlen(text) + 1;
	char *copy = lab_alloc(lab, len, err);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *lab_textf(struct lab *lab, struct r3_err *err, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		err_set(err, ENOMEM, "no memory for the lab");
		return NULL;
	}
	return lab_text(lab, text, err);
}

/* Room for one more of an array that grows by doubling, in the lab's memory. */
static void *grow(struct lab *lab, void *array, unsigned int nr, size_t size, struct r3_err *err)
{
	void *more;

	/* Full at 0, 8, 16, 32... */
	if (nr && (nr < 8 || (nr & (nr - 1))))
		return array;
	more = lab_alloc(lab, size * (nr ? nr * 2 : 8), err);
	if (more && nr)
		memcpy(more, array, size * nr);
	return more;
}

int lab_add(struct lab *lab, struct lab_list *list, const char *text, struct r3_err *err)
{
	char *copy = lab_text(lab, text, err);
	char **item;

	if (!copy)
		return err->code;
	if (list->nr == LAB_MAX_ITEMS)
		return err_set(err, E2BIG, "%s: one list has more than %d items", lab->file, LAB_MAX_ITEMS);
	/* One more, for the NULL at the end. */
	item = list->nr ? grow(lab, list->item, list->nr + 1, sizeof(*item), err) :
	       lab_alloc(lab, 8 * sizeof(*item), err);
	if (!item)
		return err->code;
	list->item = item;
	list->item[list->nr++] = copy;
	list->item[list->nr] = NULL;
	return 0;
}

struct lab *lab_new(const char *file, const char *dir, struct r3_err *err)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab) {
		err_set(err, ENOMEM, "no memory for the lab");
		return NULL;
	}
	lab->file = (char *)"the lab";
	lab->file = lab_text(lab, file, err);
	lab->dir = lab->file ? lab_text(lab, dir, err) : NULL;
	if (!lab->dir) {
		lab_free(lab);
		return NULL;
	}
	return lab;
}

void lab_free(struct lab *lab)
{
	struct lab_text *t;

	if (!lab)
		return;
	while ((t = lab->texts)) {
		lab->texts = t->next;
		free(t);
	}
	free(lab);
}

/* ---- parts ---- */

struct lab_machine *lab_find_machine(struct lab *lab, const char *name)
{
	unsigned int i;

	for (i = 0; i < lab->nr_machines; i++)
		if (!strcmp(lab->machine[i].name, name))
			return &lab->machine[i];
	return NULL;
}

struct lab_machine *lab_add_machine(struct lab *lab, const char *name, struct lab_at at, struct r3_err *err)
{
	struct lab_machine *m = &lab->machine[lab->nr_machines];

	if (lab->nr_machines == LAB_MAX_MACHINES) {
		lab_error(lab, at, err, "a lab has at most %d machines", LAB_MAX_MACHINES);
		return NULL;
	}
	m->name = lab_text(lab, name, err);
	if (!m->name)
		return NULL;
	m->at = at;
	lab->nr_machines++;
	return m;
}

int lab_find_network(const struct lab *lab, const char *name)
{
	unsigned int i;

	for (i = 0; i < lab->nr_networks; i++)
		if (!strcmp(lab->network[i].name, name))
			return i;
	return -1;
}

int lab_add_network(struct lab *lab, const char *name, struct lab_at at, struct r3_err *err)
{
	int n = lab_find_network(lab, name);
	struct lab_network *net;

	if (n >= 0)
		return n;
	if (lab->nr_networks == LAB_MAX_NETWORKS)
		return lab_error(lab, at, err, "a lab has at most %d networks", LAB_MAX_NETWORKS);
	net = &lab->network[lab->nr_networks];
	net->name = lab_text(lab, name, err);
	if (!net->name)
		return err->code;
	net->at = at;
	return lab->nr_networks++;
}

struct lab_card *lab_add_card(struct lab *lab, struct lab_machine *m, int network, struct lab_at at, struct r3_err *err)
{
	struct lab_card *card = &m->card[m->nr_cards];

	if (m->nr_cards == LAB_MAX_CARDS) {
		lab_error(lab, at, err, "%s has more than %d network cards, which is as many as a guest may have", m->name, LAB_MAX_CARDS);
		return NULL;
	}
	m->nr_cards++;
	*card = (struct lab_card){ .network = network, .number = -1, .at = at };
	return card;
}

int lab_add_copy(struct lab *lab, struct lab_machine *m, const char *from, const char *to, struct r3_err *err)
{
	struct lab_copy *c;

	if (m->nr_copies == LAB_MAX_ITEMS)
		return err_set(err, E2BIG, "%s: more than %d files are to be copied into %s", lab->file, LAB_MAX_ITEMS, m->name);
	c = grow(lab, m->copy, m->nr_copies, sizeof(*c), err);
	if (!c)
		return err->code;
	m->copy = c;
	c += m->nr_copies;
	c->from = lab_text(lab, from, err);
	c->to = c->from ? lab_text(lab, to, err) : NULL;
	if (!c->to)
		return err->code;
	m->nr_copies++;
	return 0;
}

struct lab_dep *lab_add_dep(struct lab *lab, struct lab_machine *m, const char *name, struct lab_at at, struct r3_err *err)
{
	struct lab_dep *d;

	if (m->nr_deps == LAB_MAX_MACHINES) {
		lab_error(lab, at, err, "%s depends on more machines than a lab can have", m->name);
		return NULL;
	}
	d = grow(lab, m->dep, m->nr_deps, sizeof(*d), err);
	if (!d)
		return NULL;
	m->dep = d;
	d += m->nr_deps;
	*d = (struct lab_dep){ .name = lab_text(lab, name, err), .machine = -1, .at = at };
	if (!d->name)
		return NULL;
	m->nr_deps++;
	return d;
}

int lab_error(const struct lab *lab, struct lab_at at, struct r3_err *err, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (at.line && at.column)
		return err_set(err, EINVAL, "%s:%u:%u: %s", lab->file, at.line, at.column, text);
	if (at.line)
		return err_set(err, EINVAL, "%s:%u: %s", lab->file, at.line, text);
	return err_set(err, EINVAL, "%s: %s", lab->file, text);
}

/* ---- names and paths ---- */

static bool name_ok(const char *name, const char *more, size_t max)
{
	size_t i, len = strlen(name);

	if (!len || len > max || !isalnum((unsigned char)name[0]))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr(more, name[i]))
			return false;
	return true;
}

bool lab_name_ok(const char *name)
{
	return name_ok(name, "_-", LAB_NAME_MAX);
}

bool lab_part_ok(const char *name)
{
	return name_ok(name, "_-.", 62);
}

void lab_name_from(char *name, size_t size, const char *text)
{
	size_t n = 0, max = size - 1 < LAB_NAME_MAX ? size - 1 : LAB_NAME_MAX;

	for (; *text && n < max; text++) {
		if (isalnum((unsigned char)*text))
			name[n++] = *text;
		else if (n && name[n - 1] != '-')
			name[n++] = *text == '_' ? '_' : '-';
	}
	while (n && !isalnum((unsigned char)name[n - 1]))
		n--;
	name[n] = 0;
	if (!n)
		snprintf(name, size, "lab");
}

char *lab_path(struct lab *lab, const char *path, struct r3_err *err)
{
	const char *home = getenv("HOME");

	if (path[0] == '/')
		return lab_text(lab, path, err);
	if (path[0] == '~' && path[1] == '/' && home)
		return lab_textf(lab, err, "%s/%s", home, path + 2);
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	if (!strcmp(path, ".") || !*path)
		return lab_text(lab, lab->dir, err);
	return lab_textf(lab, err, "%s/%s", strcmp(lab->dir, "/") ? lab->dir : "", path);
}
