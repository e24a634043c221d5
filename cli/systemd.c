// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 systemd`: a unit of the user's systemd, by which a machine starts with the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "define.h"
#include "kept.h"
#include "message.h"
#include "opts.h"

struct systemd {
	bool install;
};

static const struct opt table[] = {
	{ "install", 0, NULL, "Write it to $XDG_CONFIG_HOME/systemd/user instead of stdout." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	((struct systemd *)ctx)->install = true;
	return 0;
}

static const struct opts systemd_opts = {
	.usage = "systemd [OPTIONS] NAME",
	.about = "Prints a unit for systemd's user instance that starts the machine NAME, which was\n"
		 "created, with the host, and stops it in order.",
	.table = table,
	.more = "Then: systemctl --user enable --now ring3-NAME; and, so that it starts before\n"
		"anybody logs in: loginctl enable-linger.",
	.set = set_option,
};

/* In a unit % and \ begin something, and " ends it. $ is nothing there but in a command's arguments, which have none. */
static void put_quoted(FILE *f, const char *text)
{
	putc('"', f);
	for (; *text; text++) {
		if (*text == '%')
			putc(*text, f);
		else if (*text == '\\' || *text == '"')
			putc('\\', f);
		putc(*text, f);
	}
	putc('"', f);
}

/* Where what it needs is found, if not where systemd's processes look. */
static void put_variable(FILE *f, const char *variable)
{
	const char *value = getenv(variable);
	char text[4200];

	if (!value || !*value || strchr(value, '\n'))
		return;
	snprintf(text, sizeof(text), "%s=%s", variable, value);
	fputs("Environment=", f);
	put_quoted(f, text);
	putc('\n', f);
}

static int write_unit(FILE *f, const char *name, struct r3_err *err)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return err_set(err, errno, "this program's path is unknown: %s", strerror(errno));
	self[n] = 0;
	fprintf(f, "[Unit]\nDescription=ring3 machine %s\n\n[Service]\nType=forking\n", name);
	put_variable(f, "XDG_DATA_HOME");
	fputs("ExecStart=", f);
	put_quoted(f, self);
	fprintf(f, " start %s\nExecStop=", name);
	put_quoted(f, self);
	fprintf(f, " stop %s\nTimeoutStartSec=120\nTimeoutStopSec=120\nKillMode=mixed\n\n[Install]\nWantedBy=default.target\n", name);
	return ferror(f) || fflush(f) ? err_set(err, EIO, "the unit cannot be written") : 0;
}

static int install(const char *name, struct r3_err *err)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *sub = "";
	char path[4096], temp[4100], *p;
	FILE *f;
	int ret;

	if (!base || *base != '/') {
		base = getenv("HOME");
		sub = "/.config";
	}
	if (!base || *base != '/')
		return err_set(err, EINVAL, "there is no place for the unit: set XDG_CONFIG_HOME to the absolute path of a directory");
	if ((size_t)snprintf(path, sizeof(path), "%s%s/systemd/user/ring3-%s.service", base, sub, name) >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "the path of the unit is too long: set XDG_CONFIG_HOME to a shorter one");
	for (p = path + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(path, 0755);
	}
	snprintf(temp, sizeof(temp), "%s.new", path);
	f = fopen(temp, "we");
	if (!f)
		return err_set(err, errno, "the unit %s cannot be written: %s", path, strerror(errno));
	ret = write_unit(f, name, err);
	if (fclose(f) && !ret)
		ret = err_set(err, errno, "the unit %s cannot be written: %s", path, strerror(errno));
	if (!ret && rename(temp, path) < 0)
		ret = err_set(err, errno, "the unit %s cannot be written: %s", path, strerror(errno));
	if (ret)
		unlink(temp);
	else
		puts(path);
	return ret;
}

int systemd_main(int argc, char **argv)
{
	struct systemd s = { 0 };
	struct definition def;
	struct r3_err err;
	bool dashes;
	int at, dir, ret;

	at = opts_parse(&systemd_opts, argc, argv, &s, &dashes, &err);
	if (at >= 0 && at + 1 != argc)
		at = err_set(&err, EINVAL, "which machine? \"ring3 ps -a\" lists them: ring3 %s", systemd_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	dir = kept_find(argv[at], &err);
	ret = dir < 0 ? dir : define_load(&def, dir, &err);
	if (dir >= 0)
		close(dir);
	if (!ret) {
		if (!def.created)
			ret = err_set(&err, EINVAL, "%s was not created: what \"ring3 run\" started ends with it; see \"ring3 create --help\"", argv[at]);
		define_free(&def);
	}
	if (!ret)
		ret = s.install ? install(argv[at], &err) : write_unit(stdout, argv[at], &err);
	if (ret) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}
