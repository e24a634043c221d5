// SPDX-License-Identifier: GPL-2.0-or-later
#include "labload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "labkathara.h"
#include "labyaml.h"

#define MAX_VARS	256
#define CONF		"lab.conf"

static const char *const names[] = {
	"ring3.yaml", "ring3.yml", "lab.yaml", "lab.yml", CONF, "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml",
};

/* ---- which file ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static char *find_in(const char *dir, struct r3_err *err)
{
	char *path = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (asprintf(&path, "%s/%s", dir, names[i]) < 0)
			break;
		if (!access(path, F_OK))
			return path;
		free(path);
		path = NULL;
	}
	err_set(err, ENOENT, "there is no lab in %s: name a file, or a folder with lab.conf, ring3.yaml or compose.yaml",
		strcmp(dir, ".") ? dir : "this folder");
	return NULL;
}

char *labload_find(const char *path, struct r3_err *err)
{
	cleanup_free char *file = NULL;
	struct stat st;
	char *real;

	if (path && stat(path, &st) < 0) {
		err_set(err, errno, "cannot open the lab %s: %s", path, strerror(errno));
		return NULL;
	}
	file = !path || S_ISDIR(st.st_mode) ? find_in(path ? path : ".", err) : strdup(path);
	if (!file)
		return NULL;
	real = realpath(file, NULL);
	if (!real)
		err_set(err, errno, "cannot open the lab %s: %s", file, strerror(errno));
	return real;
}

/* ---- variables ---- */

struct vars {
	char *text;			/* of .env, cut in lines */
	char *name[MAX_VARS], *value[MAX_VARS];
	unsigned int nr;
};

static const char *get_var(void *ctx, const char *name)
{
	const struct vars *vars = ctx;
	const char *value = getenv(name);
	unsigned int i;

	for (i = vars->nr; !value && i > 0; i--)
		if (!strcmp(vars->name[i - 1], name))
			value = vars->value[i - 1];
	return value;
}

/* NAME=VALUE lines of the file .env beside the lab's. */
static int read_vars(struct vars *vars, const char *dir, struct r3_err *err)
{
	cleanup_free char *path = NULL;
	char *rest, *line, *equals;
	unsigned int number = 0;
	size_t len;

	if (asprintf(&path, "%s/.env", dir) < 0) {
		path = NULL;
		return err_set(err, ENOMEM, "no memory for the lab");
	}
	if (access(path, F_OK))
		return 0;
	vars->text = labkathara_read(path, &len, err);
	if (!vars->text)
		return err->code;
	rest = vars->text;
	while ((line = strsep(&rest, "\n"))) {
		number++;
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = 0;
		if (!*line || *line == '#')
			continue;
		equals = strchr(line, '=');
		if (!equals || equals == line)
			return err_set(err, EINVAL, "%s:%u: write NAME=VALUE", path, number);
		if (vars->nr == MAX_VARS)
			return err_set(err, E2BIG, "%s has more than %d variables", path, MAX_VARS);
		*equals++ = 0;
		len = strlen(equals);
		if (len >= 2 && (*equals == '"' || *equals == '\'') && equals[len - 1] == *equals) {
			equals[len - 1] = 0;
			equals++;
		}
		vars->name[vars->nr] = line;
		vars->value[vars->nr++] = equals;
	}
	return 0;
}

/* ---- the lab ---- */

/* A file's own name, if it has one that tells something. */
static const char *own_name(const struct lab *lab, char *text, size_t size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(lab->file, names[i]))
			return NULL;
	snprintf(text, size, "%.*s", (int)strcspn(lab->file, "."), lab->file);
	return *text ? text : NULL;
}

/* The file's name, or that of its folder, without what all of Kathara's labs are called. */
static int choose_name(struct lab *lab, const char *name, struct r3_err *err)
{
	static const char *const prefixes[] = { "kathara-lab_", "kathara-lab-", "netkit-lab_" };
	const char *base = strrchr(lab->dir, '/');
	char text[LAB_NAME_MAX + 1], own[256];
	size_t i;

	if (name) {
		lab->name = lab_text(lab, name, err);
		return lab->name ? 0 : err->code;
	}
	/* A name in the file is a name in full. */
	if (lab->name)
		return 0;
	base = own_name(lab, own, sizeof(own)) ?: (base ? base + 1 : lab->dir);
	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(base, prefixes[i], strlen(prefixes[i])))
			base += strlen(prefixes[i]);
	lab_name_from(text, sizeof(text), base);
	lab->name = lab_text(lab, text, err);
	return lab->name ? 0 : err->code;
}

static int read_yaml(struct lab *lab, const char *text, size_t len, struct r3_err *err)
{
	struct vars vars = { 0 };
	int ret = read_vars(&vars, lab->dir, err);

	if (!ret)
		ret = labyaml_read(lab, text, len, get_var, &vars, err);
	free(vars.text);
	return ret;
}

static int read_conf(struct lab *lab, const char *text, size_t len, struct r3_err *err)
{
	int ret;

	if (strlen(text) != len)
		return err_set(err, EINVAL, "%s has a zero byte; it should be text", lab->file);
	ret = labkathara_conf(lab, text, err);
	return ret ? ret : labkathara_folder(lab, err);
}

struct lab *labload(const char *file, const char *name, struct r3_err *err)
{
	cleanup_free char *dir = strdup(file), *text = NULL;
	const char *base = strrchr(file, '/');
	struct lab *lab;
	size_t len;
	int ret;

	if (!dir || !base) {
		err_set(err, ENOMEM, "no memory for the lab");
		return NULL;
	}
	dir[base == file ? 1 : base - file] = 0;
	text = labkathara_read(file, &len, err);
	if (!text)
		return NULL;
	lab = lab_new(base + 1, dir, err);
	if (!lab)
		return NULL;
	ret = ends_with(file, "/" CONF) ? read_conf(lab, text, len, err) : read_yaml(lab, text, len, err);
	if (!ret)
		ret = choose_name(lab, name, err);
	if (!ret)
		ret = lab_check(lab, err);
	if (ret) {
		lab_free(lab);
		return NULL;
	}
	return lab;
}
