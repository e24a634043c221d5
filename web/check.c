// SPDX-License-Identifier: GPL-2.0-or-later
#include "check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

int check_make_token(struct check *c)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[CHECK_TOKEN / 2];
	size_t i;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -errno;
	for (i = 0; i < sizeof(random); i++) {
		c->token[2 * i] = digits[random[i] >> 4];
		c->token[2 * i + 1] = digits[random[i] & 15];
	}
	c->token[CHECK_TOKEN] = '\0';
	return 0;
}

const char *check_path(const struct check *c, const char *path)
{
	unsigned char wrong = 0;
	size_t i;

	if (path[0] != '/' || strlen(path) < CHECK_TOKEN + 2 || path[CHECK_TOKEN + 1] != '/')
		return NULL;
	for (i = 0; i < CHECK_TOKEN; i++)
		wrong |= (unsigned char)path[1 + i] ^ (unsigned char)c->token[i];
	return wrong ? NULL : path + CHECK_TOKEN + 2;
}

bool check_host(const struct check *c, const char *host)
{
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"), i;
	const char *port;

	if (len > strlen(host))
		return false;
	port = host + len;
	if (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return false;
	for (i = 0; c->names[i]; i++)
		if (strlen(c->names[i]) == len && !strncasecmp(c->names[i], host, len))
			return true;
	return false;
}

bool check_origin(const char *origin, const char *host)
{
	/* Who is behind a proxy with TLS has https. */
	if (!strncasecmp(origin, "http://", 7))
		origin += 7;
	else if (!strncasecmp(origin, "https://", 8))
		origin += 8;
	else
		return false;
	return !strcasecmp(origin, host);
}
