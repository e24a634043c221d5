// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "carry.h"
#include "message.h"

#define VALUE_MAX	1024
#define APT_FILE_MAX	65536

/* ---- proxies ---- */

/* Where the host's name is in a URL: after scheme and user, before port and path. */
static void find_host(const char *url, const char **host, size_t *len)
{
	const char *p = strstr(url, "://"), *at;

	p = p ? p + 3 : url;
	at = memrchr(p, '@', strcspn(p, "/"));
	if (at)
		p = at + 1;
	*host = p;
	*len = *p == '[' ? strcspn(p, "]") + (strchr(p, ']') != NULL) : strcspn(p, ":/");
}

static bool is_own_address(int family, const uint8_t *byte)
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list))
		return false;
	for (i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != family)
			continue;
		if (family == AF_INET)
			found |= !memcmp(&((struct sockaddr_in *)i->ifa_addr)->sin_addr, byte, 4);
		else
			found |= !memcmp(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, byte, 16);
	}
	freeifaddrs(list);
	return found;
}

static bool is_loopback(const char *host, size_t len)
{
	char name[256];
	uint8_t b[16];

	if (len >= 2 && host[0] == '[') {
		host++;
		len -= 2;
	}
	snprintf(name, sizeof(name), "%.*s", (int)min_t(size_t, len, sizeof(name) - 1), host);
	len = strlen(name);
	if (!strcasecmp(name, "localhost") || (len > 10 && !strcasecmp(name + len - 10, ".localhost")))
		return true;
	if (inet_pton(AF_INET, name, b) == 1)
		return b[0] == 127 || !(b[0] | b[1] | b[2] | b[3]);
	return inet_pton(AF_INET6, name, b) == 1 && IN6_IS_ADDR_LOOPBACK((struct in6_addr *)b);
}

static bool is_own(const char *host, size_t len)
{
	char name[INET6_ADDRSTRLEN + 1];
	uint8_t b[16];

	if (len >= 2 && host[0] == '[') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = 0;
	if (inet_pton(AF_INET, name, b) == 1)
		return is_own_address(AF_INET, b);
	return inet_pton(AF_INET6, name, b) == 1 && is_own_address(AF_INET6, b);
}

bool carry_proxy(const char *what, const char *url, const char *gateway, char *out, size_t size)
{
	static bool said;
	const char *host;
	size_t len;
	bool loopback;

	find_host(url, &host, &len);
	loopback = is_loopback(host, len);
	if (loopback && gateway) {
		snprintf(out, size, "%.*s%s%s", (int)(host - url), url, gateway, host + len);
		return true;
	}
	if (!loopback && (gateway || !is_own(host, len))) {
		snprintf(out, size, "%s", url);
		return true;
	}
	/* All of a host's settings name the same one, as a rule. Its user and password are nobody's business. */
	if (!said)
		message("the proxy %.*s of %s is this host itself, which the guest does not reach: it is not passed on; --net nat,host lets the guest reach this host",
			(int)len, host, what);
	said = true;
	return false;
}

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

		if (!value || !*value || strlen(value) > VALUE_MAX || !carry_proxy(names[i], value, gateway, proxy, sizeof(proxy)))
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
	carry_apt_text(carry, text, gateway);
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
