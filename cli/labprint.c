// SPDX-License-Identifier: GPL-2.0-or-later
#include "labprint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "text.h"

/* Has it characters that a terminal obeys, or does not show? A file can have them as "\e[8m". */
static bool is_unseen(const char *word)
{
	size_t len = strlen(word);
	cleanup_free char *copy = strdup(word);

	return !copy || text_clean(copy, len) != len || memcmp(copy, word, len);
}

/* As bash and zsh read it. */
static void print_escaped(const char *word)
{
	printf(" $'");
	for (; *word; word++) {
		unsigned char c = *word;

		if (c < 0x20 || c >= 0x7f || c == '\'' || c == '\\')
			printf("\\%03o", c);
		else
			putchar(c);
	}
	printf("'");
}

static void print_words(const struct lab_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const char *word = list->item[i];

		if (is_unseen(word))
			print_escaped(word);
		else if (*word && !word[strcspn(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}")])
			printf(" %s", word);
		else {
			printf(" '");
			for (; *word; word++)
				printf(*word == '\'' ? "'\\''" : "%c", *word);
			printf("'");
		}
	}
	printf("\n");
}

int labprint(const struct labplan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->lab->nr_networks; i++) {
		const struct labplan_network *pn = &plan->network[i];

		printf("ring3 net add");
		if (pn->uplink)
			printf(" --uplink %s", pn->uplink);
		if (pn->net->mtu)
			printf(" --mtu %u", pn->net->mtu);
		printf(" %s\n", pn->name);
	}
	for (i = 0; i < plan->lab->nr_machines; i++) {
		printf("ring3 run --detach");
		print_words(&plan->machine[i].run);
	}
	return fflush(stdout);
}
