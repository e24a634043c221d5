// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/util.h"
#include "message.h"
#include "proxy.h"

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

bool proxy_for_guest(const char *what, const char *url, const char *gateway, char *out, size_t size)
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
