// SPDX-License-Identifier: GPL-2.0-or-later
#include "xterm.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define MODULES		"/usr/share/nodejs/xterm/lib"
#define FIT		"/usr/share/javascript/xterm/addons/fit/fit.js"
#define FILE_MAX	(1 << 20)
#define MAX_FILES	400
#define MAX_DEPTH	4

static const char head[] =
	"\"use strict\";\n(() => {\n"
	"const modules = new Map(), made = new Map();\n"
	"function load(path) {\n"
	"\tif (!made.has(path)) {\n"
	"\t\tconst module = { exports: {} }, folder = path.split(\"/\").slice(0, -1);\n"
	"\t\tmade.set(path, module);\n"
	"\t\tmodules.get(path)((name) => {\n"
	"\t\t\tconst to = folder.slice();\n"
	"\t\t\tfor (const word of name.split(\"/\"))\n"
	"\t\t\t\tword === \"..\" ? to.pop() : word === \".\" || to.push(word);\n"
	"\t\t\treturn load(to.join(\"/\"));\n"
	"\t\t}, module, module.exports);\n"
	"\t}\n"
	"\treturn made.get(path).exports;\n"
	"}\n";
static const char tail[] =
	"window.Terminal = load(\"public/Terminal\").Terminal;\n"
	"window.fitTerminal = modules.has(\"fit\") ? load(\"fit\").fit : () => {};\n"
	"})();\n";

static bool add_file(FILE *out, int dir, const char *file, const char *module)
{
	cleanup_close int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	cleanup_free char *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return false;
	data = malloc(st.st_size + 1);
	if (!data || read_full(fd, data, st.st_size) != st.st_size)
		return false;
	fprintf(out, "modules.set(\"%s\", (require, module, exports) => {\n", module);
	fwrite(data, 1, st.st_size, out);
	fprintf(out, "\n});\n");
	return true;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

/* What is in a folder and below: NAME.js is the module PREFIX NAME. */
static void add_folder(FILE *out, int fd, const char *prefix, int depth, int *left)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;
	char path[300];
	int sub;

	if (!d) {
		close(fd);
		return;
	}
	while ((de = readdir(d)) && *left > 0) {
		/* Nothing that a JavaScript string would not have as it is. */
		if (strspn(de->d_name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != strlen(de->d_name) || de->d_name[0] == '.' ||
		    (size_t)snprintf(path, sizeof(path), "%s%s", prefix, de->d_name) >= sizeof(path) - 1)
			continue;
		if (ends_with(path, ".js")) {
			if (ends_with(path, ".test.js"))
				continue;
			path[strlen(path) - 3] = '\0';
			*left -= add_file(out, dirfd(d), de->d_name, path);
			continue;
		}
		sub = depth < MAX_DEPTH ? openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		if (sub >= 0) {
			strcat(path, "/");
			add_folder(out, sub, path, depth + 1, left);
		}
	}
	closedir(d);
}

char *xterm_script(size_t *len)
{
	int fd = open(MODULES, O_RDONLY | O_DIRECTORY | O_CLOEXEC), left = MAX_FILES;
	char *text = NULL;
	FILE *out;

	if (fd < 0)
		return NULL;
	if (faccessat(fd, "public/Terminal.js", R_OK, 0) || !(out = open_memstream(&text, len))) {
		close(fd);
		return NULL;
	}
	fputs(head, out);
	add_folder(out, fd, "", 0, &left);
	add_file(out, AT_FDCWD, FIT, "fit");
	fputs(tail, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
