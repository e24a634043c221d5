// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opts.h"

#define WORD_MAX	31
#define HELP_COLUMN	24
#define HELP_WIDTH	78
#define OPTS_MAX	64		/* of a subcommand */

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

/* What getopt_long() calls an option: its letter, or what no letter is. */
#define LONG	256

struct parser {
	struct option longs[OPTS_MAX + 2];
	char letters[2 * OPTS_MAX + 8];
	int nr;
};

static void add_option(struct parser *p, char **letter, const struct opt *o)
{
	if (p->nr > OPTS_MAX)
		return;
	p->longs[p->nr] = (struct option){ o->name, o->arg ? required_argument : no_argument, NULL, LONG + p->nr };
	p->nr++;
	if (!o->letter)
		return;
	*(*letter)++ = o->letter;
	if (o->arg)
		*(*letter)++ = ':';
}

static void prepare(struct parser *p, const struct opt *table)
{
	static const struct opt help = { "help", 'h' };
	char *letter = p->letters;

	memset(p, 0, sizeof(*p));
	/* Up to the first word that is no option; ':' tells a missing value from an unknown option. */
	*letter++ = '+';
	*letter++ = ':';
	for (; table->name; table++)
		add_option(p, &letter, table);
	add_option(p, &letter, &help);
}

static const struct opt *find(const struct opt *table, const struct parser *p, int c)
{
	int i;

	if (c >= LONG && c < LONG + p->nr - 1)
		return &table[c - LONG];
	for (i = 0; i < p->nr - 1; i++)
		if (c && table[i].letter == c)
			return &table[i];
	return NULL;
}

/* getopt_long() takes the beginning of a name for it, which ceases to work when another option begins so. */
static bool is_whole(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, "--", 2) || (!strncmp(word + 2, name, len) && (!word[2 + len] || word[2 + len] == '='));
}

static int refuse(const struct opts *opts, const struct parser *p, int c, const char *word, struct r3_err *err)
{
	const struct opt *o = find(opts->table, p, optopt);
	bool is_help = optopt == LONG + p->nr - 1;

	if (is_help && is_whole(word, "help"))
		return err_set(err, EINVAL, "option --help takes no value");
	if (!o || is_help || !is_whole(word, o->name))
		return unknown(opts, word, err);
	if (c == ':')
		return err_set(err, EINVAL, "option --%s needs a value: --%s %s", o->name, o->name, o->arg);
	return err_set(err, EINVAL, "option --%s takes no value", o->name);
}

int opts_parse(const struct opts *opts, int argc, char **argv, void *ctx, bool *dashes,
	       struct r3_err *err)
{
	struct parser p;
	const char *word = NULL;
	int c, at = 1, ret;

	prepare(&p, opts->table);
	/* 0: start anew, in glibc. */
	optind = 0;
	opterr = 0;
	for (;;) {
		const struct opt *o;

		/* Letters may share a word, which getopt_long() then stays at. */
		at = optind ? optind : 1;
		c = getopt_long(argc, argv, p.letters, p.longs, NULL);
		if (c == -1)
			break;
		word = argv[at];
		if (c == '?' || c == ':')
			return refuse(opts, &p, c, word, err);
		if (c == 'h' || c == LONG + p.nr - 1) {
			if (!is_whole(word, "help"))
				return unknown(opts, word, err);
			opts_help(opts);
			exit(0);
		}
		o = find(opts->table, &p, c);
		if (!is_whole(word, o->name))
			return unknown(opts, word, err);
		ret = opts->set(ctx, o, optarg, err);
		if (ret)
			return ret;
	}
	*dashes = optind == at + 1 && !strcmp(argv[at], "--");
	return optind;
}
