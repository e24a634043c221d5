// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-unpack: makes a file system image of an archive or an image, in a process
 * of its own, as archives come from strangers. `ring3 run` starts it (cli/roots.c),
 * with a control socket and the archive as its descriptors 3 and 4; docs/roots.md.
 * After its start it opens nothing: what else it needs it asks for.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"
#include "image.h"
#include "../backend/walls.h"
#include "jail/jail.h"
#include "parent.h"

#define CONTROL_FD	3
#define ARCHIVE_FD	4
#define MEMORY_MAX	(4ULL << 30)	/* address space: two million entries */
#define CPU_SECONDS	3600

static int enter_jail(const char *mode_name, struct r3_err *err)
{
	enum jail_mode mode;
	struct jail jail;
	int ret = jail_mode_parse(mode_name, &mode, err);

	if (!ret)
		ret = jail_process(&jail, mode, err);
	if (ret)
		return ret;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	wall_limit(RLIMIT_AS, MEMORY_MAX);
#endif
	wall_limit(RLIMIT_CPU, CPU_SECONDS);
	ret = mode == JAIL_OFF ? 0 : jail_filter("unpack", jail.value);
	return ret ? err_set(err, ret, "the host refuses system call filters (%s), without which there is no jail: allow seccomp", strerror(-ret)) : 0;
}

static int unpack(int argc, char **argv, struct r3_err *err)
{
	const char *name = argc == 4 ? argv[3] : NULL;

	if (!strcmp(argv[2], "tar"))
		return image_tar(ARCHIVE_FD, err);
	if (!strcmp(argv[2], "oci"))
		return image_oci(ARCHIVE_FD, name, err);
	if (!strcmp(argv[2], "docker-archive"))
		return image_docker(ARCHIVE_FD, name, err);
	return err_set(err, EINVAL, "usage: ring3-unpack on|require|off tar|oci|docker-archive [NAME]");
}

int main(int argc, char **argv)
{
	struct r3_err err = { 0 };
	int ret;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "ring3-unpack is started by \"ring3 run --root\"\n");
		return 2;
	}
	parent_open(CONTROL_FD);
	/* Names in archives are bytes, most of them UTF-8. */
	setlocale(LC_CTYPE, "C.UTF-8");
	ret = enter_jail(argv[1], &err) ?: unpack(argc, argv, &err);
	if (ret)
		parent_error(err.msg);
	else
		parent_done();
	_exit(ret ? 1 : 0);
}
