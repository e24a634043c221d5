// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/aptconf, cli/carry, cli/proxy: settings of the host that a guest has too. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "aptconf.h"
#include "carry.h"
#include "proxy.h"
#include "tap.h"

static void test_apt(void)
{
	static const struct {
		const char *what, *from, *to;
	} cases[] = {
		{ "nothing", "", "" },
		{ "one line", "Acquire::http::Proxy \"http://192.0.2.9:3128\";\n", "Acquire::http::Proxy \"http://192.0.2.9:3128\";\n" },
		{ "scopes", "Acquire { http { Proxy \"http://192.0.2.9:1/\"; Timeout \"5\"; }; Retries \"3\"; };",
		  "Acquire::http::Proxy \"http://192.0.2.9:1/\";\nAcquire::http::Timeout \"5\";\nAcquire::Retries \"3\";\n" },
		{ "both", "Acquire { http::Proxy \"DIRECT\"; };\nAcquire::Check-Date \"false\";",
		  "Acquire::http::Proxy \"DIRECT\";\nAcquire::Check-Date \"false\";\n" },
		{ "of one mirror", "Acquire::http::Proxy::a.org \"DIRECT\";", "Acquire::http::Proxy::a.org \"DIRECT\";\n" },
		{ "comments", "// Acquire::Retries \"1\";\n/* Acquire::Retries \"2\"; */ # x\nacquire::retries \"4\"; // no", "acquire::retries \"4\";\n" },
		{ "lists and what is not looked for", "DPkg::Post-Invoke { \"rm -f /x || true; }\"; };\nAPT { A \"b\"; }; Acquire::Retries \"1\";",
		  "Acquire::Retries \"1\";\n" },
		{ "scripts are this host's", "Acquire::http::Proxy-Auto-Detect \"/usr/bin/x\";", "" },
		{ "cut off", "Acquire { http { Proxy \"http://192.0.2.9", "Acquire::http::Proxy \"http://192.0.2.9\";\n" },
		{ "too many ends", "}; Acquire::Retries \"1\";", "" },
		{ "an open comment", "Acquire::Retries /* \"1\";", "" },
	};
	char deep[200] = "", text[CARRY_APT_MAX];
	size_t len, i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text[0] = 0;
		len = 0;
		aptconf_take(cases[i].from, NULL, text, &len, sizeof(text));
		if (!ok(!strcmp(text, cases[i].to), "apt: %s", cases[i].what))
			tap_note("got %s", text);
	}
	for (i = 0; i < 60; i++)
		strcat(deep, "A{");
	text[0] = 0;
	len = 0;
	aptconf_take(deep, NULL, text, &len, sizeof(text));
	ok(!len, "apt: deeper than anybody writes");
	len = 0;
	for (i = 0; i < 1000; i++)
		aptconf_take("Acquire::Retries \"1\";", NULL, text, &len, sizeof(text));
	ok(len < sizeof(text) && text[len] == 0 && text[len - 1] == '\n', "apt: more than there is room for");
}

static void test_proxy(void)
{
	static const struct {
		const char *url, *gateway, *to;
	} cases[] = {
		{ "http://proxy.example:3128", NULL, "http://proxy.example:3128" },
		{ "http://user:pass@192.0.2.9:3128/", NULL, "http://user:pass@192.0.2.9:3128/" },
		{ "http://127.0.0.1:3128", NULL, NULL },
		{ "http://user:p@ss@127.9.9.9:3128/", NULL, NULL },
		{ "localhost:3128", NULL, NULL },
		{ "http://Proxy.LocalHost", NULL, NULL },
		{ "http://[::1]:3128/", NULL, NULL },
		{ "http://0.0.0.0:1", NULL, NULL },
		{ "http://[2001:db8::9]:3128/", NULL, "http://[2001:db8::9]:3128/" },
		{ "http://u:p@127.0.0.1:3128/x", "10.0.2.2", "http://u:p@10.0.2.2:3128/x" },
		{ "http://[::1]:3128", "10.0.2.2", "http://10.0.2.2:3128" },
		{ "http://localhost.example", NULL, "http://localhost.example" },
		{ "http://[", NULL, "http://[" },
		{ "", NULL, "" },
	};
	char out[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is = proxy_for_guest("a test", cases[i].url, cases[i].gateway, out, sizeof(out));

		if (!ok(is == (cases[i].to != NULL) && (!is || !strcmp(out, cases[i].to)), "proxy %s", cases[i].url))
			tap_note("got %s", is ? out : "nothing");
	}
}

static void test_add(void)
{
	char *env[8 + CARRY_MAX_ENV] = { "A=own", "C=own", NULL };
	char *const carried[] = { "A=x", "B=x", NULL };
	int nr = 2;

	carry_add(env, &nr, carried);
	ok(nr == 3 && !strcmp(env[0], "B=x") && !strcmp(env[1], "A=own") && !strcmp(env[2], "C=own") && !env[3],
	   "what is there already stays");
}

int main(void)
{
	test_apt();
	test_proxy();
	test_add();
	return tap_done();
}
