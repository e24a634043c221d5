// SPDX-License-Identifier: GPL-2.0-or-later
#include "files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "xterm.h"

#define HOST_MAX	(4 << 20)

/* By embed.sh. */
#define EMBEDDED(name)	extern const char page_##name[], page_##name##_end[]
EMBEDDED(index_html);
EMBEDDED(style_css);
EMBEDDED(world_js);
EMBEDDED(picture_js);
EMBEDDED(panel_js);
EMBEDDED(terms_js);
EMBEDDED(page_js);
EMBEDDED(icon_svg);

#define OWN(name, symbol, type)	{ name, type, page_##symbol, page_##symbol##_end }

static const struct {
	const char *name, *type, *start, *end;
} own[] = {
	OWN("", index_html, "text/html; charset=utf-8"),
	OWN("style.css", style_css, "text/css; charset=utf-8"),
	OWN("world.js", world_js, "text/javascript; charset=utf-8"),
	OWN("picture.js", picture_js, "text/javascript; charset=utf-8"),
	OWN("panel.js", panel_js, "text/javascript; charset=utf-8"),
	OWN("terms.js", terms_js, "text/javascript; charset=utf-8"),
	OWN("page.js", page_js, "text/javascript; charset=utf-8"),
	OWN("icon.svg", icon_svg, "image/svg+xml"),
};

#define XTERM_CSS	"/usr/share/javascript/xterm/xterm.css"

static struct file files[ARRAY_SIZE(own) + 2];
static size_t nr;

static void add(const char *name, const char *type, const char *data, size_t len)
{
	files[nr++] = (struct file){ .name = name, .type = type, .data = data, .len = len };
}

static void add_host(const char *name, const char *type, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > HOST_MAX)
		return;
	data = malloc(st.st_size + 1);
	if (data && read_full(fd, data, st.st_size) == st.st_size)
		add(name, type, data, st.st_size);
	else
		free(data);
}

void files_load(void)
{
	size_t i, len;
	char *script = xterm_script(&len);

	for (i = 0; i < ARRAY_SIZE(own); i++)
		add(own[i].name, own[i].type, own[i].start, own[i].end - own[i].start);
	if (!script)
		return;
	add("xterm.js", "text/javascript; charset=utf-8", script, len);
	add_host("xterm.css", "text/css; charset=utf-8", XTERM_CSS);
}

const struct file *files_find(const char *name)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	return NULL;
}
