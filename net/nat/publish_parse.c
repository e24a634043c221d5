// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "publish.h"
#include "rules.h"

#define TEXT	128

static int bad(const char *text, const char *why, struct r3_err *err)
{
	return err_set(err, -EINVAL, "--publish %.120s: %s: write [ADDRESS:]HOSTPORT:GUESTPORT[/udp], as in 8080:80 or [::1]:5353:53/udp", text, why);
}

static int parse_addr(struct publish *p, char *addr, const char *text, struct r3_err *err)
{
	size_t len = strlen(addr);

	if (addr[0] == '[') {
		if (len < 2 || addr[len - 1] != ']')
			return bad(text, "a bracket is missing", err);
		addr[len - 1] = '\0';
		addr++;
	} else if (strchr(addr, ':')) {
		return bad(text, "an IPv6 address stands in brackets", err);
	}
	if (net_addr_parse(addr, &p->addr))
		return err_set(err, -EINVAL, "--publish %.120s: \"%s\" is no address of this host: give an IPv4 address, or an IPv6 address in brackets", text, addr);
	p->any = false;
	return 0;
}

int publish_parse(struct publish *p, const char *text, struct r3_err *err)
{
	uint16_t host_high = 0, guest_high;
	char buf[TEXT], *slash, *guest, *host = NULL;

	memset(p, 0, sizeof(*p));
	p->text = text;
	p->any = true;
	if (strlen(text) >= sizeof(buf))
		return bad(text, "it is too long", err);
	strcpy(buf, text);
	slash = strchr(buf, '/');
	if (slash) {
		*slash++ = '\0';
		p->udp = !strcmp(slash, "udp");
		if (!p->udp && strcmp(slash, "tcp"))
			return err_set(err, -EINVAL, "--publish %s: \"%s\" is no protocol: tcp and udp are", text, slash);
	}
	guest = strrchr(buf, ':');
	if (guest) {
		*guest++ = '\0';
		host = strrchr(buf, ':');
		if (host && strchr(host, ']'))
			return bad(text, "the host's port is missing", err);
		if (host) {
			*host++ = '\0';
			if (parse_addr(p, buf, text, err))
				return -EINVAL;
		} else {
			host = buf;
		}
	} else {
		guest = buf;
	}
	if (rules_ports(guest, false, &p->guest, &guest_high))
		return bad(text, "the guest's port is none", err);
	if (host && *host && rules_ports(host, true, &p->host, &host_high))
		return bad(text, "the host's port is none", err);
	p->n = guest_high - p->guest + 1;
	if (p->n > PUBLISH_BOUND / 2)
		return err_set(err, -EINVAL, "--publish %s: these are more than %d ports", text, PUBLISH_BOUND / 2);
	if (p->host && host_high - p->host != guest_high - p->guest)
		return bad(text, "the two ranges have different lengths", err);
	return 0;
}
