// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Without libFuzzer: runs a target over files and directories of inputs, as
 * TAP. An input that crashes was named just before.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned int inputs, missing;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) ||
	    !(data = malloc(size + 1)) || fread(data, 1, size, f) != (size_t)size) {
		printf("# %s: %s\n", path, strerror(errno));
		missing++;
	} else {
		uint8_t *exact = malloc(size);	/* for what reads beyond its end */

		memcpy(exact, data, size);
		fprintf(stderr, "%s\n", path);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
		inputs++;
	}
	free(data);
	if (f)
		fclose(f);
}

static void run_path(const char *path)
{
	struct dirent **list;
	struct stat st;
	int n, i;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	n = scandir(path, &list, NULL, alphasort);
	for (i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			run_path(name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%sok 1 - %u inputs\n1..1\n", inputs && !missing ? "" : "not ", inputs);
	return !inputs || missing;
}
