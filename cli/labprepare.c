// SPDX-License-Identifier: GPL-2.0-or-later
/* Scripts that make a guest what its machine is to be, before anything of the lab's runs in it. */
#include "labprepare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct maker {
	struct lab *lab;
	const struct lab_machine *m;
	char *prepare, *hosts;
	struct r3_err *err;
};

static int script(struct maker *k, const char *text)
{
	k->prepare = lab_textf(k->lab, k->err, "%s%s\n", k->prepare ? k->prepare : "", text);
	return k->prepare ? 0 : k->err->code;
}

/* As a shell's word. */
static char *quote(struct maker *k, const char *text)
{
	char *out = lab_alloc(k->lab, strlen(text) * 4 + 3, k->err), *p = out;

	if (!out)
		return NULL;
	*p++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			p = stpcpy(p, "'\\''");
		else
			*p++ = *text;
	}
	*p++ = '\'';
	return out;
}

static int prepare_sysctl(struct maker *k, const char *pair)
{
	char *name = lab_text(k->lab, pair, k->err), *value, *path, *p;

	if (!name)
		return k->err->code;
	value = strchr(name, '=');
	if (!value || strstr(name, "..") || strpbrk(pair, "\n"))
		return lab_error(k->lab, k->m->at, k->err, "%s: sysctl %.100s: give NAME=VALUE", k->m->name, pair);
	*value++ = 0;
	for (p = name; *p; p++) {
		if (*p == '.')
			*p = '/';
		else if (*p == '/')
			return lab_error(k->lab, k->m->at, k->err, "%s: sysctl %.100s: give NAME=VALUE, a name with dots", k->m->name, pair);
		else if (*p == ' ')
			*p = 0;
	}
	path = lab_textf(k->lab, k->err, "/proc/sys/%s", name);
	path = path ? quote(k, path) : NULL;
	value = path ? quote(k, value + strspn(value, " ")) : NULL;
	p = value ? lab_textf(k->lab, k->err, "printf '%%s\\n' %s > %s || exit", value, path) : NULL;
	return p ? script(k, p) : k->err->code;
}

/* The lines of /etc/hosts that are not ours, and those that are follow. */
#define HOSTS_MARK	" # ring3 up"
static const char others_hosts[] =
	"{ while IFS= read -r l; do case $l in *'" HOSTS_MARK "') ;; *) printf '%s\n' \"$l\" ;; esac; done < /etc/hosts; printf %s ";

/* Machines know each other by name. */
static int prepare_hosts(struct maker *k)
{
	cleanup_free char *lines = NULL;
	unsigned int i, j, x;
	size_t size = 0;
	char *text;
	FILE *f = open_memstream(&lines, &size);

	if (!f)
		return err_set(k->err, ENOMEM, "no memory for the lab");
	for (i = 0; i < k->lab->nr_machines; i++) {
		const struct lab_machine *m = &k->lab->machine[i];
		const char *address = NULL;
		bool common = false;

		/* One in a network that this machine is in, if there is one. */
		for (j = 0; m != k->m && j < m->nr_cards && !common; j++) {
			if (!m->card[j].ip.nr)
				continue;
			for (x = 0; x < k->m->nr_cards; x++)
				common |= k->m->card[x].network == m->card[j].network;
			if (!address || common)
				address = m->card[j].ip.item[0];
		}
		if (address)
			fprintf(f, "%.*s %s" HOSTS_MARK "\n", (int)strcspn(address, "/"), address, m->name);
	}
	if (fclose(f))
		return err_set(k->err, ENOMEM, "no memory for the lab");
	text = quote(k, lines);
	k->hosts = text ? lab_textf(k->lab, k->err, "%s%s; } > /run/.ring3-hosts && cat /run/.ring3-hosts 2> /dev/null > /etc/hosts; :\n",
					others_hosts, text) : NULL;
	return k->hosts ? 0 : k->err->code;
}

/*
 * Startup files of labs for containers say systemctl start frr, where no systemd is PID 1
 * there either: their images have a program of that name that does what is done here.
 */
static const char systemctl[] =
	"[ -d /run/systemd/system ] || [ -e /usr/local/bin/systemctl ] || {\n"
	"mkdir -p /usr/local/bin && cat > /usr/local/bin/systemctl <<'END' && chmod +x /usr/local/bin/systemctl\n"
	"#!/bin/sh\n"
	"# Of ring3 up: services by their scripts in /etc/init.d, as PID 1 is no systemd.\n"
	"word= status=0\n"
	"for a; do\n"
	"\tcase $a in\n"
	"\t-*) continue ;;\n"
	"\tesac\n"
	"\tif [ -z \"$word\" ]; then word=$a; continue; fi\n"
	"\tname=${a%.service}\n"
	"\tcase $word in\n"
	"\tstart|stop|restart|reload|status|force-reload)\n"
	"\t\tif [ -x \"/etc/init.d/$name\" ]; then \"/etc/init.d/$name\" \"$word\" || status=$?\n"
	"\t\telse echo \"systemctl: there is no /etc/init.d/$name\" >&2; status=5; fi ;;\n"
	"\tenable|disable|mask|unmask|daemon-reload|reset-failed) ;;\n"
	"\t*) echo \"systemctl: $word needs systemd, which does not run here\" >&2; status=1 ;;\n"
	"\tesac\n"
	"done\n"
	"exit $status\n"
	"END\n"
	"}";

int labprepare(struct lab *lab, const struct lab_machine *m, char **prepare, char **hosts, struct r3_err *err)
{
	struct maker maker = { .lab = lab, .m = m, .err = err }, *k = &maker;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < m->nr_copies; i++) {
		char *dir = lab_text(k->lab, m->copy[i].to, k->err), *slash = dir ? strrchr(dir, '/') : NULL;

		if (!slash || slash == dir)
			continue;
		*slash = 0;
		dir = quote(k, dir);
		dir = dir ? lab_textf(k->lab, k->err, "mkdir -p %s || exit", dir) : NULL;
		ret = dir ? script(k, dir) : k->err->code;
	}
	for (i = 0; !ret && i < m->sysctl.nr; i++)
		ret = prepare_sysctl(k, m->sysctl.item[i]);
	if (!ret && m->no_ipv6)
		ret = prepare_sysctl(k, "net.ipv6.conf.all.disable_ipv6=1");
	if (!ret && k->lab->names_known)
		ret = prepare_hosts(k);
	if (!ret && m->systemctl)
		ret = script(k, systemctl);
	*prepare = k->prepare;
	*hosts = k->hosts;
	return ret;
}
