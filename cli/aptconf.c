// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * apt.conf(5), as far as it takes to find a handful of settings: names in scopes,
 * values in quotes. apt-config would do it, in as much time as a guest has for its
 * whole start.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aptconf.h"
#include "base/util.h"
#include "proxy.h"

#define NAME_SIZE	256
#define DEPTH		16

/* How mirrors are reached, and how old their lists may be. */
static const char *const wanted[] = {
	"Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::http::Timeout", "Acquire::https::Timeout",
	"Acquire::Retries", "Acquire::Check-Valid-Until", "Acquire::Check-Date",
};

/* With what it is a proxy for, which Acquire::http::Proxy::HOST says. */
static bool is_wanted(const char *name)
{
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		n = strlen(wanted[i]);
		if (!strncasecmp(name, wanted[i], n) && (!name[n] || (i < 2 && !strncmp(name + n, "::", 2))))
			return true;
	}
	return false;
}

struct out {
	char *text;
	size_t *len, size;
	const char *gateway;
};

static void take(const struct out *out, const char *name, const char *value)
{
	char proxy[NAME_SIZE + 64];
	size_t room = out->size - *out->len;
	int n;

	if (!is_wanted(name))
		return;
	if (strcasestr(name, "::Proxy") && *value && strcasecmp(value, "DIRECT")) {
		if (!proxy_for_guest("apt", value, out->gateway, proxy, sizeof(proxy)))
			return;
		value = proxy;
	}
	n = snprintf(out->text + *out->len, room, "%s \"%s\";\n", name, value);
	if (n > 0 && (size_t)n < room)
		*out->len += n;
	else
		out->text[*out->len] = 0;
}

static const char *skip(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n");
		if (!strncmp(p, "//", 2) || *p == '#') {
			p += strcspn(p, "\n");
		} else if (!strncmp(p, "/*", 2)) {
			p = strstr(p, "*/");
			if (!p)
				return "";
			p += 2;
		} else {
			return p;
		}
	}
}

/* A word up to what ends it; too long a one is cut, and then is nothing that is looked for. */
static const char *word(const char *p, const char *end, char *out)
{
	size_t n = strcspn(p, end), len = min_t(size_t, n, NAME_SIZE - 1);

	memcpy(out, p, len);
	out[len] = 0;
	return p + n;
}

void aptconf_take(const char *text, const char *gateway, char *to, size_t *len, size_t size)
{
	const struct out out = { .text = to, .len = len, .size = size, .gateway = gateway };
	char scope[NAME_SIZE] = "", name[NAME_SIZE] = "", value[NAME_SIZE], full[2 * NAME_SIZE + 2];
	size_t before[DEPTH];
	int depth = 0;
	const char *p;

	for (p = skip(text); *p; p = skip(p)) {
		snprintf(full, sizeof(full), "%s%s%s", scope, scope[0] && name[0] ? "::" : "", name);
		if (*p == '"') {
			p = word(p + 1, "\"\n", value);
			p += *p == '"';
			take(&out, full, value);
		} else if (*p == '{') {
			if (depth == DEPTH || strlen(full) >= sizeof(scope))
				return;
			before[depth++] = strlen(scope);
			strcpy(scope, full);
			name[0] = 0;
			p++;
		} else if (*p == '}') {
			if (!depth)
				return;
			scope[before[--depth]] = 0;
			name[0] = 0;
			p++;
		} else if (*p == ';') {
			name[0] = 0;
			p++;
		} else {
			p = word(p, " \t\r\n\"{};", name);
		}
	}
}
