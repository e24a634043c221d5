// SPDX-License-Identifier: GPL-2.0-or-later
/* The egress policy: rules, names that were learnt, the host's own addresses. */
#include <stdio.h>
#include <string.h>

#include "publish.h"
#include "policy.h"
#include "tap.h"

static struct virt_net net;
static struct policy *p;

static void use(const char *egress, bool host)
{
	struct r3_err err = { .msg = "" };

	policy_free(p);
	p = NULL;
	if (policy_new(&p, egress, host, &net, &err))
		tap_bail("%s: %s", egress, err.msg);
}

static enum policy_verdict check(enum policy_proto proto, const char *addr, unsigned int port)
{
	struct net_addr a;

	if (net_addr_parse(addr, &a))
		tap_bail("%s", addr);
	return policy_check(p, proto, &a, port, 1000, NULL);
}

static void learn(const char *name, const char *addr, uint64_t until)
{
	struct net_addr a;

	net_addr_parse(addr, &a);
	policy_learn(p, name, &a, 1000, until);
}

static void bad(const char *egress, const char *word)
{
	struct policy *none = NULL;
	struct r3_err err = { .msg = "" };
	int ret = policy_new(&none, egress, false, &net, &err);

	ok(ret == -22 && strstr(err.msg, word) && !strchr(err.msg, '\n') && !none, "refused: \"%.60s\": %.120s", egress, err.msg);
}

static void test_bad(void)
{
	char name[300], many[8192] = "a.test";
	int i;

	bad("", "empty");
	bad("a.test,", "empty");
	bad(",a.test", "empty");
	bad("a.test,,b.test", "empty");
	bad("all,a.test", "alone");
	bad("a.test,none", "alone");
	bad("a.test:0", "port");
	bad("a.test:65536", "port");
	bad("a.test:http", "port");
	bad("a.test:90-80", "port");
	bad("a.test:80-", "port");
	bad("a.test:-80", "port");
	bad("a.test: 80", "port");
	bad("a.test:080000", "port");
	bad("*", "*");
	bad("*.", "domain");
	bad("a.*.test", "*");
	bad("*a.test", "*");
	bad("a..test", "domain");
	bad(".test", "domain");
	bad("a b.test", "domain");
	bad("b\xc3\xbc" "cher.test", "xn--");
	bad("http://a.test", "port");
	bad("192.0.2", "no address");
	bad("192.0.2.256", "no address");
	bad("192.0.2.1/33", "no address");
	bad("192.0.2.1/24", "prefix");
	bad("192.0.2.0/", "no address");
	bad("192.0.2.0/-1", "no address");
	bad("2001:db8::/129", "no address");
	bad("2001:db8::1/32", "prefix");
	bad("[2001:db8::1]80", "[2001:db8::1]:443");
	bad("[2001:db8::1", "[2001:db8::1]:443");
	bad("[192.0.2.1]:80", "IPv6");
	bad("[2001:db8::1]:", "port");
	bad("1.2.3.4.5", "no address");
	memset(name, 'a', 64);
	strcpy(name + 64, ".test");
	bad(name, "63");
	memset(name, 'a', 299);
	name[299] = '\0';
	for (i = 49; i < 299; i += 50)
		name[i] = '.';
	bad(name, "253");
	for (i = 0; i < 260; i++)
		strcat(many, ",a.test");
	bad(many, "more than 256");
	memset(many, 'x', 1000);
	many[1000] = '\0';
	bad(many, "too long");
}

static void test_rules(void)
{
	use("none", false);
	is(check(POLICY_TCP, "192.0.2.1", 80), POLICY_RULES_DENY, "none: nothing is allowed");
	ok(!policy_name(p, "a.test"), "none: no name is");
	use(NULL, false);
	is(check(POLICY_ICMP, "192.0.2.1", 0), POLICY_ALLOW, "all is the default");
	ok(policy_name(p, "a.test"), "all: every name is allowed");

	use("*.debian.org,example.org:443,192.0.2.0/24:80-90,[2001:db8::/32]:443,198.51.100.7,2001:db8:2::/48", false);
	ok(policy_name(p, "deb.debian.org") && policy_name(p, "a.b.debian.org"), "* covers subdomains of any depth");
	ok(!policy_name(p, "debian.org") && !policy_name(p, "xdebian.org") && !policy_name(p, ".debian.org"), "and nothing else");
	ok(policy_name(p, "example.org") && !policy_name(p, "www.example.org"), "a name covers itself");
	is(check(POLICY_TCP, "192.0.2.255", 80), POLICY_ALLOW, "network and port");
	is(check(POLICY_UDP, "192.0.2.255", 90), POLICY_ALLOW, "a range has its last port");
	is(check(POLICY_TCP, "192.0.2.1", 91), POLICY_RULES_DENY, "and ends there");
	is(check(POLICY_TCP, "192.0.3.1", 80), POLICY_RULES_DENY, "another network");
	is(check(POLICY_ICMP, "192.0.2.1", 0), POLICY_RULES_DENY, "a rule with ports allows no ping");
	is(check(POLICY_TCP, "192.0.2.1", 0), POLICY_ALLOW, "but has some port");
	is(check(POLICY_ICMP, "198.51.100.7", 0), POLICY_ALLOW, "one without does");
	is(check(POLICY_TCP, "198.51.100.8", 1), POLICY_RULES_DENY, "one address is one");
	is(check(POLICY_TCP, "2001:db8:ffff::1", 443), POLICY_ALLOW, "IPv6 with a port");
	is(check(POLICY_TCP, "2001:db8:2::1", 444), POLICY_ALLOW, "IPv6 without");
	is(check(POLICY_TCP, "2001:db8:3::1", 444), POLICY_RULES_DENY, "another IPv6 network");
}

static void test_learnt(void)
{
	char name[64], addr[64];
	const char *found;
	struct net_addr a;
	int i, kept = 0;

	use("*.debian.org,example.org:443", false);
	is(check(POLICY_TCP, "203.0.113.1", 80), POLICY_RULES_DENY, "an address that no name gave");
	learn("deb.debian.org", "203.0.113.1", 1100);
	is(check(POLICY_TCP, "203.0.113.1", 80), POLICY_ALLOW, "that one did");
	learn("example.org", "203.0.113.2", 1100);
	is(check(POLICY_TCP, "203.0.113.2", 443), POLICY_ALLOW, "at the rule's port");
	is(check(POLICY_TCP, "203.0.113.2", 80), POLICY_RULES_DENY, "and at no other");
	learn("deb.debian.org", "203.0.113.2", 1100);
	is(check(POLICY_TCP, "203.0.113.2", 80), POLICY_ALLOW, "unless another name gave it too");
	learn("other.test", "203.0.113.3", 1100);
	is(check(POLICY_TCP, "203.0.113.3", 80), POLICY_RULES_DENY, "a name that is not allowed allows nothing");
	net_addr_parse("203.0.113.3", &a);
	policy_check(p, POLICY_TCP, &a, 80, 1000, &found);
	ok(found && !strcmp(found, "other.test"), "but is known for the log");
	net_addr_parse("203.0.113.1", &a);
	is(policy_check(p, POLICY_TCP, &a, 80, 1099, NULL), POLICY_ALLOW, "until its time");
	is(policy_check(p, POLICY_TCP, &a, 80, 1100, NULL), POLICY_RULES_DENY, "not after it");
	learn("deb.debian.org", "203.0.113.1", 1200);
	is(policy_check(p, POLICY_TCP, &a, 80, 1150, NULL), POLICY_ALLOW, "which another answer prolongs");
	for (i = 0; i < 3 * POLICY_LEARNT; i++) {
		snprintf(name, sizeof(name), "n%d.debian.org", i);
		snprintf(addr, sizeof(addr), "198.%d.%d.%d", 20 + i / 65536, i / 256 % 256, i % 256);
		learn(name, addr, 2000 + i);
	}
	for (i = 0; i < 3 * POLICY_LEARNT; i++) {
		snprintf(addr, sizeof(addr), "198.%d.%d.%d", 20 + i / 65536, i / 256 % 256, i % 256);
		kept += check(POLICY_TCP, addr, 80) == POLICY_ALLOW;
	}
	is(kept, POLICY_LEARNT, "the table is bounded");
	snprintf(addr, sizeof(addr), "198.20.%d.%d", (i - 1) / 256, (i - 1) % 256);
	is(check(POLICY_TCP, addr, 80), POLICY_ALLOW, "and keeps what lasts longest");
}

static bool local(void *arg, const struct net_addr *a)
{
	const char *text = arg;
	struct net_addr own;

	net_addr_parse(text, &own);
	return net_addr_same(&own, a);
}

static void test_host(void)
{
	static const char *const never[] = { "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "224.0.0.1",
		"255.255.255.255", "240.0.0.1", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1",
		"fe80::1", "febf::1", "fec0::1", "ff02::1", "64:ff9b::127.0.0.1", "64:ff9b:1::127.0.0.1", "2002:7f00:1::1",
		"64:ff9b::169.254.169.254", "64:ff9b::10.0.2.2", "2001:0:1:2:3:4:80ff:fffe", "2001:db8::5efe:127.0.0.1",
		"2001:db8::200:5efe:192.168.1.10", "192.168.1.10", "2002:c0a8:10a::5", "64:ff9b::192.168.1.10", "10.0.2.2", "10.0.2.3", "10.0.2.99",
		"fd72:696e:6733::2", "fd72:696e:6733::3", "fd72:696e:6733::99", "0.0.0.0" };
	unsigned int i;

	use("all", false);
	policy_set_local(p, local, (void *)"192.168.1.10");
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		ok(check(POLICY_TCP, never[i], 80) != POLICY_ALLOW && check(POLICY_UDP, never[i], 53) != POLICY_ALLOW &&
		   check(POLICY_ICMP, never[i], 0) != POLICY_ALLOW, "never reached: %s (%s)", never[i], policy_word(check(POLICY_TCP, never[i], 80)));
	is(check(POLICY_TCP, "192.168.1.11", 80), POLICY_ALLOW, "a neighbour of the host is reached");
	is(check(POLICY_TCP, "64:ff9b::8.8.8.8", 80), POLICY_ALLOW, "and others by NAT64");
	is(check(POLICY_TCP, "2002:808:808::1", 80), POLICY_ALLOW, "and by 6to4");
	is(check(POLICY_TCP, "2606:4700::1", 80), POLICY_ALLOW, "and IPv6");

	use("all", true);
	policy_set_local(p, local, (void *)"192.168.1.10");
	is(check(POLICY_TCP, "10.0.2.2", 80), POLICY_ALLOW, "--host: the gateway is the host");
	is(check(POLICY_TCP, "fd72:696e:6733::2", 80), POLICY_ALLOW, "also by IPv6");
	is(check(POLICY_TCP, "192.168.1.10", 80), POLICY_ALLOW, "its own address is reached");
	is(check(POLICY_TCP, "0.0.0.0", 80), POLICY_HOST, "0.0.0.0 is not");
	is(check(POLICY_TCP, "::ffff:127.0.0.1", 80), POLICY_EMBEDDED, "nor IPv4 in IPv6");
	use("10.0.2.2:80", true);
	is(check(POLICY_TCP, "127.0.0.1", 80), POLICY_ALLOW, "a rule for the gateway is one for the loopback");
	is(check(POLICY_TCP, "127.0.0.1", 81), POLICY_RULES_DENY, "at its port");
	use("127.0.0.1:80", true);
	is(check(POLICY_TCP, "10.0.2.2", 80), POLICY_ALLOW, "and the other way round");
	use("127.0.0.0/8", false);
	is(check(POLICY_TCP, "127.0.0.1", 80), POLICY_HOST, "no rule replaces --host");
}

static void test_addr(void)
{
	static const char *const bad_addr[] = { "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.256", ":", ":::", "::g",
		"1::2::3", "[::1]", "::1%lo", "0x7f.1", "127.1" };
	struct virt_net n;
	struct net_addr a;
	unsigned int i;

	for (i = 0; i < sizeof(bad_addr) / sizeof(bad_addr[0]); i++)
		ok(net_addr_parse(bad_addr[i], &a), "no address: \"%s\"", bad_addr[i]);
	ok(virt_net_set(&n, "10.0.2.0/28", "none") && virt_net_set(&n, "10.0.2.1/24", "none") && virt_net_set(&n, "10.0.2.0/24", "fd00::/48") &&
	   virt_net_set(&n, "10.0.2.0/24", "fe80::/64") && virt_net_set(&n, "127.0.0.0/8", "none") && virt_net_set(&n, "none", "none") &&
	   virt_net_set(&n, "", "none") && virt_net_set(&n, "fd00::/64", "10.0.2.0/24"), "networks that are none for a guest");
	ok(!virt_net_set(&n, "172.16.0.0/16", "2001:db8:1:2::/64") && n.guest4.b[3] == 15 && n.guest6.b[15] == 0x15, "and two that are");
}

int main(void)
{
	if (virt_net_set(&net, "10.0.2.0/24", "fd72:696e:6733::/64"))
		tap_bail("the network");
	test_bad();
	test_rules();
	test_learnt();
	test_host();
	test_addr();
	policy_free(p);
	return tap_done();
}
