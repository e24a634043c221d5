// SPDX-License-Identifier: GPL-2.0-or-later
#include "rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN	320

static int one_port(const char **p, bool zero, uint16_t *port)
{
	unsigned int n = 0, digits = 0;

	while (isdigit((unsigned char)**p) && digits++ < 6)
		n = n * 10 + *(*p)++ - '0';
	if (!digits || n > 65535 || (!n && !zero))
		return -EINVAL;
	*port = n;
	return 0;
}

int rules_ports(const char *text, bool zero, uint16_t *low, uint16_t *high)
{
	if (one_port(&text, zero, low))
		return -EINVAL;
	*high = *low;
	if (*text == '-') {
		text++;
		if (one_port(&text, false, high) || *high < *low || !*low)
			return -EINVAL;
	}
	return *text ? -EINVAL : 0;
}

static int set_ports(struct rule *rule, const char *text, const char *token, struct r3_err *err)
{
	rule->ports = true;
	if (rules_ports(text, false, &rule->low, &rule->high))
		return err_set(err, -EINVAL, "--egress %s: \"%s\" is no port: give one from 1 to 65535, or LOW-HIGH", token, text);
	return 0;
}

static int set_net(struct rule *rule, const char *text, const char *token, struct r3_err *err)
{
	unsigned int prefix;

	if (net_addr_parse_net(text, &rule->addr, &prefix))
		return err_set(err, -EINVAL, "--egress %s: \"%s\" is no address or network: write 192.0.2.1, 192.0.2.0/24 or [2001:db8::/32]:443", token, text);
	if (!net_addr_is_net(&rule->addr, prefix))
		return err_set(err, -EINVAL, "--egress %s: the address has bits that are not in its prefix /%u: write the network's first address", token, prefix);
	rule->prefix = prefix;
	return 0;
}

/* Letters, digits, '-' and '_' in labels of 1 to 63. */
static int set_name(struct rule *rule, const char *text, const char *token, struct r3_err *err)
{
	size_t len, label = 0, i;

	rule->domain = true;
	if (!strncmp(text, "*.", 2)) {
		rule->subdomains = true;
		text += 2;
	}
	len = strlen(text);
	if (len > 1 && text[len - 1] == '.')
		len--;
	if (len >= sizeof(rule->name))
		return err_set(err, -EINVAL, "--egress %s: a name has at most 253 letters", token);
	for (i = 0; i <= len; i++) {
		unsigned char c = i < len ? text[i] : '.';

		if (c == '.') {
			if (!label || label > 63)
				return err_set(err, -EINVAL, "--egress %s: \"%s\" is no domain name: a part between dots has 1 to 63 letters", token, text);
			label = 0;
			rule->name[i] = i < len ? '.' : '\0';
			continue;
		}
		if (c == '*')
			return err_set(err, -EINVAL, "--egress %s: a * can only be the whole first part of a name, as in *.example.org", token);
		if (!isascii(c) || (!isalnum(c) && c != '-' && c != '_'))
			return err_set(err, -EINVAL, "--egress %s: \"%s\" is no domain name, address or network (names in other scripts are written as xn--...)", token, text);
		rule->name[i] = tolower(c);
		label++;
	}
	return 0;
}

static int parse_rule(struct rule *rule, const char *token, struct r3_err *err)
{
	char text[TOKEN], *p, *colon;
	int ret;

	strcpy(text, token);
	if (text[0] == '[') {
		p = strchr(text, ']');
		if (!p || (p[1] && p[1] != ':') || !memchr(text, ':', p - text))
			return err_set(err, -EINVAL, "--egress %s: an IPv6 address with a port is written [2001:db8::1]:443", token);
		*p = '\0';
		ret = set_net(rule, text + 1, token, err);
		return ret || !p[1] ? ret : set_ports(rule, p + 2, token, err);
	}
	colon = strchr(text, ':');
	if (colon && strchr(colon + 1, ':'))
		return set_net(rule, text, token, err);
	if (colon) {
		*colon = '\0';
		ret = set_ports(rule, colon + 1, token, err);
		if (ret)
			return ret;
	}
	/* No top-level domain is a number. */
	p = strrchr(text, '.');
	if (strchr(text, '/') || isdigit((unsigned char)(p ? p[1] : text[0])))
		return set_net(rule, text, token, err);
	return set_name(rule, text, token, err);
}

int rules_parse(struct rules *rules, const char *text, struct r3_err *err)
{
	char token[TOKEN];
	size_t len;
	int ret;

	rules->all = !strcmp(text, "all");
	rules->n = 0;
	if (rules->all || !strcmp(text, "none"))
		return 0;
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (len >= sizeof(token))
			return err_set(err, -EINVAL, "--egress: the rule \"%.40s...\" is too long", text);
		memcpy(token, text, len);
		token[len] = '\0';
		if (!len)
			return err_set(err, -EINVAL, "--egress: a rule is empty: give \"all\", \"none\" or rules such as *.debian.org,192.0.2.0/24:443");
		if (!strcmp(token, "all") || !strcmp(token, "none"))
			return err_set(err, -EINVAL, "--egress: \"%s\" stands alone, without other rules", token);
		if (rules->n == POLICY_RULES)
			return err_set(err, -EINVAL, "--egress: there are more than %d rules: use networks and *.domain", POLICY_RULES);
		memset(&rules->rule[rules->n], 0, sizeof(rules->rule[0]));
		ret = parse_rule(&rules->rule[rules->n], token, err);
		if (ret)
			return ret;
		rules->n++;
		if (!text[len])
			return 0;
	}
}

static bool port_ok(const struct rule *rule, bool icmp, uint16_t port)
{
	if (!rule->ports)
		return true;
	return !icmp && (!port || (port >= rule->low && port <= rule->high));
}

bool rules_addr(const struct rules *rules, const struct net_addr *addr, bool icmp, uint16_t port)
{
	unsigned int i;

	if (rules->all)
		return true;
	for (i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->rule[i];

		if (!rule->domain && net_addr_in(addr, &rule->addr, rule->prefix) && port_ok(rule, icmp, port))
			return true;
	}
	return false;
}

static bool name_matches(const struct rule *rule, const char *name)
{
	size_t want = strlen(rule->name), have = strlen(name);

	if (!rule->domain || have < want || strcmp(name + have - want, rule->name))
		return false;
	if (!rule->subdomains)
		return have == want;
	return have > want + 1 && name[have - want - 1] == '.';
}

bool rules_name_port(const struct rules *rules, const char *name, bool icmp, uint16_t port)
{
	unsigned int i;

	if (rules->all)
		return true;
	for (i = 0; i < rules->n; i++)
		if (name_matches(&rules->rule[i], name) && port_ok(&rules->rule[i], icmp, port))
			return true;
	return false;
}

bool rules_name(const struct rules *rules, const char *name)
{
	return rules_name_port(rules, name, false, 0);
}
