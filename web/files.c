// SPDX-License-Identifier: GPL-2.0-or-later
#include "files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define HOST_MAX	(4 << 20)

/* By embed.sh. */
extern const char page_index_html[], page_index_html_end[], page_style_css[], page_style_css_end[], page_page_js[], page_page_js_end[];

static const struct {
	const char *name, *type, *start, *end;
} own[] = {
	{ "", "text/html; charset=utf-8", page_index_html, page_index_html_end },
	{ "style.css", "text/css; charset=utf-8", page_style_css, page_style_css_end },
	{ "page.js", "text/javascript; charset=utf-8", page_page_js, page_page_js_end },
};

/* Of Debian's package libjs-xterm. */
static const struct {
	const char *name, *type, *path;
} host[] = {
	{ "xterm.js", "text/javascript; charset=utf-8", "/usr/share/javascript/xterm/xterm.js" },
	{ "xterm.css", "text/css; charset=utf-8", "/usr/share/javascript/xterm/xterm.css" },
	{ "fit.js", "text/javascript; charset=utf-8", "/usr/share/javascript/xterm/addons/fit/fit.js" },
};

static struct file files[ARRAY_SIZE(own) + ARRAY_SIZE(host)];
static size_t nr;

static void load(size_t i)
{
	cleanup_close int fd = open(host[i].path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > HOST_MAX)
		return;
	data = malloc(st.st_size + 1);
	if (!data || read_full(fd, data, st.st_size) != st.st_size) {
		free(data);
		return;
	}
	files[nr++] = (struct file){ .name = host[i].name, .type = host[i].type, .data = data, .len = st.st_size };
}

void files_load(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		files[nr++] = (struct file){ .name = own[i].name, .type = own[i].type, .data = own[i].start,
					     .len = own[i].end - own[i].start };
	for (i = 0; i < ARRAY_SIZE(host); i++)
		load(i);
}

const struct file *files_find(const char *name)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	return NULL;
}
