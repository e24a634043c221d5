// SPDX-License-Identifier: GPL-2.0-or-later
#include "decode.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "ksym.h"
#include "message.h"

#define MAX_PLACES	64
#define NAME_MAX_LEN	80

struct place {
	char text[NAME_MAX_LEN + 24];	/* FUNCTION+0xOFFSET */
	char address[24];
};

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* The text is the guest's: what it names is looked up, and nothing else is done with it. */
static int find_places(const struct ksym *k, const char *text, struct place *place)
{
	const char *plus, *name, *line;
	int n = 0;

	for (plus = strstr(text, "+0x"); plus && n < MAX_PLACES; plus = strstr(plus + 1, "+0x")) {
		char word[NAME_MAX_LEN], *end;
		uint64_t offset, addr;

		for (name = plus; name > text && is_name(name[-1]) && plus - name < NAME_MAX_LEN - 1; name--)
			;
		offset = strtoull(plus + 3, &end, 16);
		if (name == plus || strncmp(end, "/0x", 3) || offset > 1 << 20)
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)(plus - name), name);
		addr = ksym_find(k, word);
		if (!addr)
			continue;
		for (line = name; line > text && line[-1] != '\n'; line--)
			;
		snprintf(place[n].text, sizeof(place[n].text), "%s+0x%" PRIx64, word, offset);
		/* All but the first are where calls return to. */
		if (!memmem(line, name - line, "RIP:", 4) && offset)
			offset--;
		snprintf(place[n++].address, sizeof(place[0].address), "0x%" PRIx64, addr + offset);
	}
	return n;
}

/* addr2line's answers: a line for each address. */
static FILE *ask(const char *file, const struct place *place, int n, pid_t *pid)
{
	char *argv[MAX_PLACES + 4] = { "addr2line", "-e", (char *)file };
	int p[2], i;

	for (i = 0; i < n; i++)
		argv[3 + i] = (char *)place[i].address;
	if (pipe2(p, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (!*pid) {
		dup2(p[1], 1);
		close(2);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(p[1]);
	if (*pid > 0)
		return fdopen(p[0], "r");
	close(p[0]);
	return NULL;
}

static const char *short_path(const char *path)
{
	/* As the kernel's own, without where it was built: addr2line leaves "/./" or "src/" there. */
	const char *src = strstr(path, "/src/");

	return src ? src + 5 : path;
}

void decode_show(const char *kernel, const char *text)
{
	cleanup_free char *file = ksym_beside(kernel);
	struct place *place = calloc(MAX_PLACES, sizeof(*place));
	char line[1024];
	struct r3_err err;
	struct ksym k;
	bool head = false;
	FILE *f = NULL;
	pid_t pid = 0;
	int n = 0, i;

	if (!file || !place || ksym_open(&k, file, &err)) {
		free(place);
		return;
	}
	if (k.dwarf)
		n = find_places(&k, text, place);
	if (n)
		f = ask(file, place, n, &pid);
	for (i = 0; f && i < n && fgets(line, sizeof(line), f); i++) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '?')
			continue;
		if (!head)
			message("the same with files and lines:");
		head = true;
		message("  %s  %s", place[i].text, short_path(line));
	}
	if (f)
		fclose(f);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	ksym_close(&k);
	free(place);
}
