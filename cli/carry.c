// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aptconf.h"
#include "base/util.h"
#include "carry.h"
#include "proxy.h"

#define VALUE_MAX	1024
#define APT_FILE_MAX	65536

/* ---- proxies ---- */

static void collect_env(struct carry *carry, const char *gateway)
{
	static const char *const names[] = {
		"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY",
	};
	static const char *const others[] = { "no_proxy", "NO_PROXY" };
	char proxy[VALUE_MAX + 64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value || strlen(value) > VALUE_MAX || !proxy_for_guest(names[i], value, gateway, proxy, sizeof(proxy)))
			continue;
		if (asprintf(&carry->env[carry->nr_env], "%s=%s", names[i], proxy) > 0)
			carry->nr_env++;
	}
	if (!carry->nr_env)
		return;
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		const char *value = getenv(others[i]);

		if (value && *value && strlen(value) <= VALUE_MAX && asprintf(&carry->env[carry->nr_env], "%s=%s", others[i], value) > 0)
			carry->nr_env++;
	}
	carry->env[carry->nr_env] = NULL;
}

/* ---- apt ---- */

static void collect_file(struct carry *carry, const char *path, const char *gateway)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *text = fd < 0 ? NULL : malloc(APT_FILE_MAX);
	ssize_t n = text ? read_full(fd, text, APT_FILE_MAX - 1) : -1;

	if (n <= 0)
		return;
	text[n] = 0;
	aptconf_take(text, gateway, carry->apt, &carry->apt_len, sizeof(carry->apt));
}

/* apt takes files without an ending or with .conf. */
static int is_conf(const struct dirent *de)
{
	const char *dot = strrchr(de->d_name, '.');

	return de->d_name[0] != '.' && (!dot || !strcmp(dot, ".conf"));
}

static void collect_apt(struct carry *carry, const char *gateway)
{
	struct dirent **list;
	int n = scandir("/etc/apt/apt.conf.d", &list, is_conf, alphasort), i;
	char path[400];

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/etc/apt/apt.conf.d/%s", list[i]->d_name);
		collect_file(carry, path, gateway);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	collect_file(carry, "/etc/apt/apt.conf", gateway);
}

void carry_collect(struct carry *carry, const char *gateway)
{
	*carry = (struct carry){ 0 };
	collect_env(carry, gateway);
	collect_apt(carry, gateway);
}

void carry_add(char **env, int *nr, char *const *carried)
{
	char *added[CARRY_MAX_ENV];
	int n = 0, i;

	for (; *carried && n < CARRY_MAX_ENV; carried++) {
		size_t len = strcspn(*carried, "=") + 1;

		for (i = 0; i < *nr && strncmp(env[i], *carried, len); i++)
			;
		if (i == *nr)
			added[n++] = *carried;
	}
	memmove(env + n, env, (*nr + 1) * sizeof(env[0]));
	memcpy(env, added, n * sizeof(env[0]));
	*nr += n;
}
