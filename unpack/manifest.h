/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptions of images: index, manifest and configuration of the OCI image
 * specification, and manifest.json of docker's archives. Text in, checked values
 * out; no files here.
 */
#ifndef R3_UNPACK_MANIFEST_H
#define R3_UNPACK_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "source.h"

#define MANIFEST_MAX_TEXT	(4u << 20)	/* of one description */
#define MANIFEST_MAX_LAYERS	512
#define MANIFEST_MAX_WORDS	4096		/* of a configuration's lists */
#define MANIFEST_MAX_NESTED	4		/* indexes in indexes */
#define MANIFEST_MAX_NAME	512

struct blob {
	char digest[HEX_DIGEST];	/* of sha256 */
	uint64_t size;
};

struct index_choice {
	struct blob blob;
	bool index;			/* another index; else a manifest */
};

struct manifest {
	struct blob config;
	unsigned int nr_layers;
	struct blob layer[MANIFEST_MAX_LAYERS];
};

struct image_config {
	unsigned int nr_layers;
	char (*diff_id)[HEX_DIGEST];
	char *user, *cwd;
	char **env, **entrypoint, **cmd;	/* end with NULL */
};

/* One image of docker's manifest.json: names of files in the archive. */
struct docker_image {
	char config[MANIFEST_MAX_NAME];
	unsigned int nr_layers;
	char layer[MANIFEST_MAX_LAYERS][MANIFEST_MAX_NAME];
};

/* The one for linux/amd64; @tag: by which name, NULL: there is only one. */
int manifest_index(const char *text, const char *tag, struct index_choice *choice, struct r3_err *err);
int manifest_read(const char *text, struct manifest *manifest, struct r3_err *err);
int manifest_config(const char *text, struct image_config *config, struct r3_err *err);
void manifest_config_free(struct image_config *config);
/* @name: as REPOSITORY:TAG or TAG, NULL: there is only one. */
int manifest_docker(const char *text, const char *name, struct docker_image *image, struct r3_err *err);

#endif
