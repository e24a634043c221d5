// SPDX-License-Identifier: GPL-2.0-or-later
#include "labprint.h"

#include <stdio.h>
#include <string.h>

static void print_words(const struct lab_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const char *word = list->item[i];

		if (*word && !word[strcspn(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}")])
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
