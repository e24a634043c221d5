// SPDX-License-Identifier: GPL-2.0-or-later
#include "define.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "kept.h"

#define VERSION		1
#define MAX_WORDS	(1 << 20)

/* What options have their defaults from. */
static const char *const variables[] = { "RING3_KERNEL", "RING3_INITRD", "RING3_MODULES", "RING3_ROOT" };

struct json_object *define_make(int argc, char **argv, bool created)
{
	struct json_object *o = json_object_new_object(), *words = json_object_new_array(), *env = json_object_new_object();
	cleanup_free char *cwd = getcwd(NULL, 0);
	size_t i;
	int n;

	for (n = 1; n < argc; n++)
		json_object_array_add(words, json_object_new_string(argv[n]));
	for (i = 0; i < ARRAY_SIZE(variables); i++)
		if (getenv(variables[i]))
			json_object_object_add(env, variables[i], json_object_new_string(getenv(variables[i])));
	json_object_object_add(o, "version", json_object_new_int(VERSION));
	json_object_object_add(o, "created", json_object_new_boolean(created));
	json_object_object_add(o, "directory", json_object_new_string(cwd ? cwd : "/"));
	json_object_object_add(o, "environment", env);
	json_object_object_add(o, "run", words);
	return o;
}

static int take_words(struct definition *def, struct json_object *words)
{
	size_t n = json_object_array_length(words), i;

	if (n > MAX_WORDS)
		return -EINVAL;
	def->argv = calloc(n + 2, sizeof(*def->argv));
	if (!def->argv)
		return -ENOMEM;
	def->argv[0] = "start";
	for (i = 0; i < n; i++) {
		struct json_object *word = json_object_array_get_idx(words, i);

		if (!json_object_is_type(word, json_type_string))
			return -EINVAL;
		def->argv[i + 1] = (char *)json_object_get_string(word);
	}
	def->argc = n + 1;
	return 0;
}

int define_load(struct definition *def, int dir, struct r3_err *err)
{
	struct json_object *version, *words, *cwd, *created;

	*def = (struct definition){ .json = kept_get(dir, KEPT_DEFINITION) };
	if (!def->json)
		return err_set(err, ENOENT, "the machine has no definition");
	if (!json_object_object_get_ex(def->json, "version", &version) || json_object_get_int(version) != VERSION ||
	    !json_object_object_get_ex(def->json, "run", &words) || !json_object_is_type(words, json_type_array) ||
	    !json_object_object_get_ex(def->json, "directory", &cwd) || !json_object_is_type(cwd, json_type_string) ||
	    take_words(def, words)) {
		define_free(def);
		return err_set(err, EINVAL, "the machine's definition makes no sense: remove the machine and create it anew");
	}
	def->cwd = json_object_get_string(cwd);
	def->created = json_object_object_get_ex(def->json, "created", &created) && json_object_get_boolean(created);
	return 0;
}

void define_free(struct definition *def)
{
	free(def->argv);
	json_object_put(def->json);
	*def = (struct definition){ 0 };
}

int define_enter(const struct definition *def, struct r3_err *err)
{
	struct json_object *env, *value;
	size_t i;

	if (chdir(def->cwd) < 0)
		return err_set(err, errno, "the directory %s, in which the machine was defined, cannot be entered: %s", def->cwd, strerror(errno));
	if (!json_object_object_get_ex(def->json, "environment", &env) || !json_object_is_type(env, json_type_object))
		return 0;
	for (i = 0; i < ARRAY_SIZE(variables); i++) {
		if (json_object_object_get_ex(env, variables[i], &value))
			setenv(variables[i], json_object_get_string(value), true);
		else
			unsetenv(variables[i]);
	}
	return 0;
}
