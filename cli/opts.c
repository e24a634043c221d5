// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opts.h"

#define WORD_MAX	31
#define HELP_COLUMN	24
#define HELP_WIDTH	78

int opts_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, j;
	int row[WORD_MAX + 1], diag, up;

	if (la > WORD_MAX || lb > WORD_MAX)
		return 99;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = diag + (a[i - 1] != b[j - 1]);
			if (up + 1 < row[j])
				row[j] = up + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diag = up;
		}
	}
	return row[lb];
}

static void print_wrapped(const char *text)
{
	int col = HELP_COLUMN;

	while (*text) {
		int len = strcspn(text, " ");

		if (col > HELP_COLUMN && col + len > HELP_WIDTH) {
			printf("\n%*s", HELP_COLUMN, "");
			col = HELP_COLUMN;
		}
		printf("%.*s", len, text);
		col += len + 1;
		text += len;
		if (*text) {
			text++;
			if (*text && col + (int)strcspn(text, " ") <= HELP_WIDTH)
				putchar(' ');
		}
	}
	putchar('\n');
}

void opts_help(const struct opts *opts)
{
	const struct opt *o;

	printf("Usage: ring3 %s\n\n%s\n\nOptions:\n", opts->usage, opts->about);
	for (o = opts->table; o->name; o++) {
		char head[64];
		int n;

		n = snprintf(head, sizeof(head), "  %c%c%s--%s%s%s", o->letter ? '-' : ' ',
			     o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			     o->arg ? " " : "", o->arg ? o->arg : "");
		if (n > HELP_COLUMN - 2)
			printf("%s\n%*s", head, HELP_COLUMN, "");
		else
			printf("%-*s", HELP_COLUMN, head);
		print_wrapped(o->help);
	}
	printf("  -h, --help            ");
	print_wrapped("Show this help.");
	if (opts->more)
		printf("\n%s\n", opts->more);
}

static const struct opt *find_long(const struct opt *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && !strncmp(table->name, name, len))
			return table;
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int unknown(const struct opts *opts, const char *word, struct r3_err *err)
{
	const char *name = word + strspn(word, "-"), *best = NULL;
	const struct opt *o;
	char text[WORD_MAX + 1];
	int best_distance = 4;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, "="), name);
	for (o = opts->table; o->name && text[0] && text[1]; o++) {
		int d = opts_distance(text, o->name);

		if (!strncmp(o->name, text, strlen(text)))
			d = 0;
		if (d < best_distance && d < (int)strlen(o->name)) {
			best_distance = d;
			best = o->name;
		}
	}
	if (best)
		return err_set(err, EINVAL, "unknown option %s; did you mean --%s?", word, best);
	return err_set(err, EINVAL, "unknown option %s; \"ring3 %.*s --help\" lists them", word,
		       (int)strcspn(opts->usage, " "), opts->usage);
}

static int take(const struct opts *opts, const struct opt *o, const char *word, const char *value,
		int *i, int argc, char **argv, void *ctx, struct r3_err *err)
{
	if (!o)
		return unknown(opts, word, err);
	if (!o->arg && value)
		return err_set(err, EINVAL, "option --%s takes no value", o->name);
	if (o->arg && !value) {
		if (*i + 1 >= argc)
			return err_set(err, EINVAL, "option --%s needs a value: --%s %s", o->name, o->name, o->arg);
		value = argv[++*i];
	}
	return opts->set(ctx, o, value, err);
}

static int take_letters(const struct opts *opts, int *i, int argc, char **argv, void *ctx,
			struct r3_err *err)
{
	const char *word = argv[*i], *p;

	for (p = word + 1; *p; p++) {
		const struct opt *o = find_letter(opts->table, *p);
		const char *value = o && o->arg && p[1] ? p + 1 : NULL;
		int ret;

		if (*p == 'h') {
			opts_help(opts);
			exit(0);
		}
		ret = take(opts, o, word, value, i, argc, argv, ctx, err);
		if (ret || (o && o->arg))
			return ret;
	}
	return 0;
}

int opts_parse(const struct opts *opts, int argc, char **argv, void *ctx, bool *dashes,
	       struct r3_err *err)
{
	int i, ret;

	*dashes = false;
	for (i = 1; i < argc; i++) {
		const char *word = argv[i], *equals;
		size_t len;

		if (word[0] != '-' || !word[1])
			return i;
		if (!strcmp(word, "--")) {
			*dashes = true;
			return i + 1;
		}
		if (word[1] != '-') {
			ret = take_letters(opts, &i, argc, argv, ctx, err);
		} else {
			if (!strcmp(word, "--help")) {
				opts_help(opts);
				exit(0);
			}
			equals = strchr(word, '=');
			len = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
			ret = take(opts, find_long(opts->table, word + 2, len), word,
				   equals ? equals + 1 : NULL, &i, argc, argv, ctx, err);
		}
		if (ret)
			return ret;
	}
	return i;
}
