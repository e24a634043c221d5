// SPDX-License-Identifier: GPL-2.0-or-later
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "user.h"

#define USERS_MAX	(4u << 20)	/* of /etc/passwd */

/* Empty if there is no such file. */
static char *read_text(struct tree *tree, struct ext4 *fs, const char *path)
{
	struct node *node = tree_find(tree, path);
	ssize_t n = 0;
	char *text = calloc(1, node && S_ISREG(node->mode) && node->size < USERS_MAX ? node->size + 1 : 1);

	if (text && node && S_ISREG(node->mode) && node->size < USERS_MAX)
		n = ext4_read(fs, node, text, node->size);
	if (text && n < 0)
		text[0] = 0;
	return text;
}

static int put_list(FILE *f, const char *key, char **list)
{
	for (; list && *list; list++)
		if (fprintf(f, "%s=%s%c", key, *list, 0) < 0)
			return -EIO;
	return 0;
}

static int put_user(FILE *f, const struct image_config *config, struct tree *tree, struct ext4 *fs)
{
	cleanup_free char *passwd = read_text(tree, fs, "/etc/passwd"), *group = read_text(tree, fs, "/etc/group");
	uint32_t uid, gid;
	struct r3_err err;

	if (!passwd || !group)
		return -ENOMEM;
	if (user_resolve(config->user, passwd, group, &uid, &gid, &err))
		return fprintf(f, "nouser=%s%c", err.msg, 0);
	return fprintf(f, "user=%u:%u%c", uid, gid, 0);
}

static int put_all(FILE *f, const struct image_config *config, struct tree *tree, struct ext4 *fs)
{
	int ret = config->user[0] ? put_user(f, config, tree, fs) : 0;

	if (ret >= 0 && config->cwd[0])
		ret = fprintf(f, "cwd=%s%c", config->cwd, 0);
	if (ret >= 0)
		ret = put_list(f, "env", config->env);
	if (ret >= 0)
		ret = put_list(f, "entrypoint", config->entrypoint);
	return ret < 0 ? ret : put_list(f, "cmd", config->cmd);
}

int settings_write(int fd, const struct image_config *config, struct tree *tree, struct ext4 *fs, struct r3_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	FILE *f;
	int ret;

	if (config->cwd[0] && config->cwd[0] != '/')
		return err_set(err, EINVAL, "its working directory is not an absolute path: %s", config->cwd);
	ret = config->cwd[0] ? tree_make_dir(tree, config->cwd, err) : 0;
	if (ret)
		return ret == -EINVAL || !err->msg[0] ? err_set(err, ret, "its working directory %s cannot be made", config->cwd) : ret;
	f = open_memstream(&text, &len);
	if (!f)
		return err_set(err, ENOMEM, "no memory for its settings");
	ret = put_all(f, config, tree, fs);
	if (fclose(f) || ret < 0)
		return err_set(err, ENOMEM, "no memory for its settings");
	if (len > SETTINGS_MAX)
		return err_set(err, E2BIG, "its settings are %zu bytes long; %u are possible", len, SETTINGS_MAX);
	ret = ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) ? -errno : write_full(fd, text, len);
	return ret ? err_set(err, ret, "its settings cannot be written: %s", strerror(-ret)) : 0;
}
