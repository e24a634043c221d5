// SPDX-License-Identifier: GPL-2.0-or-later
#include "manifest.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH	24
#define NAMES_SHOWN	12

#define REF_NAME	"org.opencontainers.image.ref.name"
#define IMAGE_NAME	"io.containerd.image.name"

static struct json_object *parse(const char *text, enum json_type type, struct r3_err *err)
{
	struct json_tokener *tok = json_tokener_new_ex(MAX_DEPTH);
	struct json_object *o = NULL;
	size_t len = strlen(text);

	if (!tok) {
		err_set(err, ENOMEM, "no memory for its description");
		return NULL;
	}
	/* With its 0: a number at the end is complete. */
	if (len < MANIFEST_MAX_TEXT)
		o = json_tokener_parse_ex(tok, text, len + 1);
	json_tokener_free(tok);
	if (!o || !json_object_is_type(o, type)) {
		json_object_put(o);
		err_set(err, EINVAL, "its description is not the JSON that it has to be");
		return NULL;
	}
	return o;
}

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *value;

	if (!o || !json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

/* NULL: there is none, or one with a 0 in it. */
static const char *string(struct json_object *value)
{
	const char *text;

	if (!value || !json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static const char *member_string(struct json_object *o, const char *key)
{
	return string(member(o, key, json_type_string));
}

static int take_digest(const char *text, const char *of, char *hex, struct r3_err *err)
{
	if (!text || strncmp(text, "sha256:", 7) || !hex_digest_ok(text + 7))
		return err_set(err, EINVAL, "the digest of its %s is not one of sha256: %s", of, text ? text : "there is none");
	strcpy(hex, text + 7);
	return 0;
}

static int take_blob(struct json_object *o, const char *of, struct blob *blob, struct r3_err *err)
{
	struct json_object *size = member(o, "size", json_type_int);
	int64_t n = size ? json_object_get_int64(size) : -1;

	if (n < 0)
		return err_set(err, EINVAL, "its description does not say how large its %s is", of);
	blob->size = n;
	return take_digest(member_string(o, "digest"), of, blob->digest, err);
}

/* ---- index ---- */

static bool suits(struct json_object *o)
{
	struct json_object *platform = member(o, "platform", json_type_object);
	const char *os = member_string(platform, "os"), *arch = member_string(platform, "architecture");

	return !platform || (os && arch && !strcmp(os, "linux") && !strcmp(arch, "amd64"));
}

static bool is_index(struct json_object *o)
{
	const char *type = member_string(o, "mediaType");

	return type && (!strcmp(type, "application/vnd.oci.image.index.v1+json") ||
			!strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json"));
}

/* "12" is debian:12's, too. */
static bool named(const char *have, const char *want)
{
	const char *slash, *colon;

	if (!have)
		return false;
	if (!strcmp(have, want))
		return true;
	slash = strrchr(have, '/');
	colon = strrchr(slash ? slash : have, ':');
	return colon && !strcmp(colon + 1, want);
}

static const char *name_of(struct json_object *o)
{
	struct json_object *notes = member(o, "annotations", json_type_object);

	return member_string(notes, REF_NAME) ?: member_string(notes, IMAGE_NAME);
}

static bool has_tag(struct json_object *o, const char *tag)
{
	struct json_object *notes = member(o, "annotations", json_type_object);

	return named(member_string(notes, REF_NAME), tag) || named(member_string(notes, IMAGE_NAME), tag);
}

static void add_name(char *list, size_t size, const char *name, unsigned int *n)
{
	size_t len = strlen(list);

	if (!name || strstr(list, name))
		return;
	if (++*n <= NAMES_SHOWN)
		snprintf(list + len, size - len, "%s%.80s", len ? ", " : "", name);
	else if (*n == NAMES_SHOWN + 1)
		snprintf(list + len, size - len, ", ...");
}

static int choose(struct json_object *list, const char *tag, struct index_choice *choice, struct r3_err *err)
{
	size_t n = json_object_array_length(list), i;
	struct json_object *found = NULL, *any = NULL;
	unsigned int matches = 0, shown = 0;
	char names[600] = "";

	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		add_name(names, sizeof(names), name_of(o), &shown);
		if (tag && !has_tag(o, tag))
			continue;
		any = o;
		if (!suits(o))
			continue;
		matches++;
		/* Of several for this platform without a tag the first is no better than another. */
		if (!found)
			found = o;
	}
	if (!any && tag)
		return err_set(err, ENOENT, "there is no tag %s in it%s%s", tag, names[0] ? "; there are: " : "", names);
	if (!found)
		return err_set(err, ENOENT, "it has no image for linux/amd64");
	if (matches > 1 && !tag && shown > 1)
		return err_set(err, EINVAL, "it has several images; name one after a colon: %s", names);
	choice->index = is_index(found);
	return take_blob(found, "manifest", &choice->blob, err);
}

int manifest_index(const char *text, const char *tag, struct index_choice *choice, struct r3_err *err)
{
	struct json_object *o = parse(text, json_type_object, err), *list;
	int ret;

	if (!o)
		return err->code;
	list = member(o, "manifests", json_type_array);
	ret = list ? choose(list, tag, choice, err) : err_set(err, EINVAL, "its index has no list of manifests");
	json_object_put(o);
	return ret;
}

/* ---- manifest ---- */

static int read_manifest(struct json_object *o, struct manifest *m, struct r3_err *err)
{
	struct json_object *version = member(o, "schemaVersion", json_type_int), *config = member(o, "config", json_type_object),
			   *layers = member(o, "layers", json_type_array);
	const char *type = member_string(config, "mediaType");
	size_t i;
	int ret;

	if (!version || json_object_get_int64(version) != 2 || !config || !layers)
		return err_set(err, EINVAL, "its manifest is not one of an image (schema version 2)");
	if (!type || (strcmp(type, "application/vnd.oci.image.config.v1+json") &&
		      strcmp(type, "application/vnd.docker.container.image.v1+json")))
		return err_set(err, EINVAL, "it is not an image but %s", type ? type : "something without a type");
	if (json_object_array_length(layers) > MANIFEST_MAX_LAYERS)
		return err_set(err, EFBIG, "it has %zu layers; %d are possible", json_object_array_length(layers), MANIFEST_MAX_LAYERS);
	ret = take_blob(config, "configuration", &m->config, err);
	m->nr_layers = json_object_array_length(layers);
	for (i = 0; !ret && i < m->nr_layers; i++) {
		struct json_object *layer = json_object_array_get_idx(layers, i);
		const char *kind = member_string(layer, "mediaType");

		if (!kind || !strstr(kind, "tar") || strstr(kind, "encrypted"))
			ret = err_set(err, EINVAL, "its layer %zu is not a tar archive but %s", i + 1, kind ? kind : "something without a type");
		else
			ret = take_blob(layer, "layer", &m->layer[i], err);
	}
	return ret;
}

int manifest_read(const char *text, struct manifest *manifest, struct r3_err *err)
{
	struct json_object *o = parse(text, json_type_object, err);
	int ret;

	if (!o)
		return err->code;
	ret = read_manifest(o, manifest, err);
	json_object_put(o);
	return ret;
}

/* ---- configuration ---- */

static int take_text(struct json_object *o, const char *key, char **to, struct r3_err *err)
{
	struct json_object *value = member(o, key, json_type_string);
	const char *text = string(value);

	if (value && !text)
		return err_set(err, EINVAL, "its configuration has a %s with a zero byte in it", key);
	*to = strdup(text ? text : "");
	return *to ? 0 : err_set(err, ENOMEM, "no memory for its configuration");
}

static int take_list(struct json_object *o, const char *key, char ***to, struct r3_err *err)
{
	struct json_object *list = member(o, key, json_type_array);
	size_t n = list ? json_object_array_length(list) : 0, i;

	if (n > MANIFEST_MAX_WORDS)
		return err_set(err, EFBIG, "its configuration has too many words in %s", key);
	*to = calloc(n + 1, sizeof(**to));
	if (!*to)
		return err_set(err, ENOMEM, "no memory for its configuration");
	for (i = 0; i < n; i++) {
		const char *text = string(json_object_array_get_idx(list, i));

		if (!text)
			return err_set(err, EINVAL, "its configuration has something in %s that is not text", key);
		(*to)[i] = strdup(text);
		if (!(*to)[i])
			return err_set(err, ENOMEM, "no memory for its configuration");
	}
	return 0;
}

static int take_diff_ids(struct json_object *o, struct image_config *c, struct r3_err *err)
{
	struct json_object *list = member(member(o, "rootfs", json_type_object), "diff_ids", json_type_array);
	size_t n = list ? json_object_array_length(list) : 0, i;
	int ret = 0;

	if (n > MANIFEST_MAX_LAYERS)
		return err_set(err, EFBIG, "it has %zu layers; %d are possible", n, MANIFEST_MAX_LAYERS);
	c->diff_id = calloc(n + 1, sizeof(*c->diff_id));
	if (!c->diff_id)
		return err_set(err, ENOMEM, "no memory for its configuration");
	c->nr_layers = n;
	for (i = 0; !ret && i < n; i++)
		ret = take_digest(string(json_object_array_get_idx(list, i)), "unpacked layer", c->diff_id[i], err);
	return ret;
}

static int read_config(struct json_object *o, struct image_config *c, struct r3_err *err)
{
	struct json_object *run = member(o, "config", json_type_object);
	const char *os = member_string(o, "os"), *arch = member_string(o, "architecture");
	int ret;

	if (!os || !arch || strcmp(os, "linux") || strcmp(arch, "amd64"))
		return err_set(err, EINVAL, "it is an image for %s/%s; ring3 runs those for linux/amd64", os ? os : "?", arch ? arch : "?");
	ret = take_diff_ids(o, c, err);
	if (!ret)
		ret = take_text(run, "User", &c->user, err);
	if (!ret)
		ret = take_text(run, "WorkingDir", &c->cwd, err);
	if (!ret)
		ret = take_list(run, "Env", &c->env, err);
	if (!ret)
		ret = take_list(run, "Entrypoint", &c->entrypoint, err);
	return ret ?: take_list(run, "Cmd", &c->cmd, err);
}

int manifest_config(const char *text, struct image_config *config, struct r3_err *err)
{
	struct json_object *o = parse(text, json_type_object, err);
	int ret;

	*config = (struct image_config){ 0 };
	if (!o)
		return err->code;
	ret = read_config(o, config, err);
	json_object_put(o);
	if (ret)
		manifest_config_free(config);
	return ret;
}

static void free_list(char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void manifest_config_free(struct image_config *config)
{
	free(config->diff_id);
	free(config->user);
	free(config->cwd);
	free_list(config->env);
	free_list(config->entrypoint);
	free_list(config->cmd);
	*config = (struct image_config){ 0 };
}

/* ---- docker's archives ---- */

static bool has_name(struct json_object *image, const char *name)
{
	struct json_object *tags = member(image, "RepoTags", json_type_array);
	size_t n = tags ? json_object_array_length(tags) : 0, i;

	for (i = 0; i < n; i++)
		if (named(string(json_object_array_get_idx(tags, i)), name))
			return true;
	return false;
}

static int take_name(const char *text, char *to, struct r3_err *err)
{
	if (!text || !*text || strlen(text) >= MANIFEST_MAX_NAME)
		return err_set(err, EINVAL, "its manifest.json has a file without a name, or with one that is too long");
	strcpy(to, text);
	return 0;
}

static int take_image(struct json_object *o, struct docker_image *image, struct r3_err *err)
{
	struct json_object *layers = member(o, "Layers", json_type_array);
	size_t n = layers ? json_object_array_length(layers) : 0, i;
	int ret = take_name(member_string(o, "Config"), image->config, err);

	if (n > MANIFEST_MAX_LAYERS)
		return err_set(err, EFBIG, "it has %zu layers; %d are possible", n, MANIFEST_MAX_LAYERS);
	image->nr_layers = n;
	for (i = 0; !ret && i < n; i++)
		ret = take_name(string(json_object_array_get_idx(layers, i)), image->layer[i], err);
	return ret;
}

static int find_image(struct json_object *list, const char *name, struct docker_image *image, struct r3_err *err)
{
	size_t n = json_object_array_length(list), i, k;
	struct json_object *found = NULL;
	unsigned int shown = 0;
	char names[600] = "";

	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *tags = member(o, "RepoTags", json_type_array);

		for (k = 0; tags && k < json_object_array_length(tags) && k < NAMES_SHOWN; k++)
			add_name(names, sizeof(names), string(json_object_array_get_idx(tags, k)), &shown);
		if (!found && (!name || has_name(o, name)))
			found = o;
	}
	if (!n)
		return err_set(err, ENOENT, "it has no image");
	if (!found)
		return err_set(err, ENOENT, "there is no image %s in it%s%s", name, names[0] ? "; there are: " : "", names);
	if (!name && n > 1)
		return err_set(err, EINVAL, "it has %zu images; name one after a colon: %s", n, names);
	return take_image(found, image, err);
}

int manifest_docker(const char *text, const char *name, struct docker_image *image, struct r3_err *err)
{
	struct json_object *o = parse(text, json_type_array, err);
	int ret;

	if (!o)
		return err->code;
	ret = find_image(o, name, image, err);
	json_object_put(o);
	return ret;
}
