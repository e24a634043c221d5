// SPDX-License-Identifier: GPL-2.0-or-later
/* What a host must, should, and may offer. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "cli.h"
#include "installed.h"
#include "jail/jail.h"
#include "message.h"
#include "netnat.h"
#include "opts.h"
#include "term.h"
#include "vm/host.h"

#define MAP_COUNT_ENOUGH	65530
#define PROCESSES_ENOUGH	1024

static int failures;

static const struct opt table[] = {
	{ NULL }
};

static const struct opts doctor_opts = {
	.usage = "doctor",
	.about = "Checks what this host offers to guests: \"ok\", \"note\" for what costs speed or a\n"
		 "second wall only, \"BAD\" for what keeps guests from running. Ends with 1 if\n"
		 "anything is bad.",
	.table = table,
};

static void __attribute__((format(printf, 2, 3))) say(const char *how, const char *fmt, ...)
{
	va_list ap;

	if (!strcmp(how, "BAD"))
		failures++;
	printf("%-5s ", how);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return true;
}

static void check_kernel(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;

	uname(&uts);
	sscanf(uts.release, "%u.%u", &major, &minor);
	if (major > 5 || (major == 5 && minor >= 15))
		say("ok", "kernel %s", uts.release);
	else
		say("BAD", "kernel %s: ring3 needs 5.15 or newer", uts.release);
}

static void check_cpu(void)
{
	struct r3_err err;
	char text[64];

	if (!host_fsgsbase(getauxval(AT_HWCAP2), &err))
		say("ok", "FSGSBASE: thread pointers are switched without a system call");
	else
		say("BAD", "%s", err.msg);
	if (!read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", text, sizeof(text)))
		say("note", "the host's clock source cannot be read");
	else if (!strcmp(text, "tsc") || !strcmp(text, "kvm-clock"))
		say("ok", "clock source %s", text);
	else
		say("note", "clock source %s: reading the time in guests may be slow", text);
	say("ok", "%ld CPUs", sysconf(_SC_NPROCESSORS_ONLN));
}

static void check_memory(void)
{
	char text[64];
	int fd = syscall(SYS_memfd_create, "ring3-doctor", MFD_CLOEXEC);
	long maps;

	if (fd < 0) {
		say("BAD", "memfd_create: %s; guest memory needs it", strerror(errno));
	} else {
		say("ok", "memfd");
		close(fd);
	}
	if (read_file("/proc/sys/vm/max_map_count", text, sizeof(text))) {
		maps = atol(text);
		say(maps >= MAP_COUNT_ENOUGH ? "ok" : "note", "vm.max_map_count %ld%s", maps,
		    maps >= MAP_COUNT_ENOUGH ? "" : ": guests with many small mappings are slower (sysctl vm.max_map_count=65530)");
	}
	if (read_file("/proc/sys/vm/overcommit_memory", text, sizeof(text)))
		say(atoi(text) == 2 ? "note" : "ok", "vm.overcommit_memory %s%s", text,
		    atoi(text) == 2 ? ": guests must fit what the host may still promise" : "");
}

static void check_network(void)
{
	struct r3_err err;
	char path[4096];

	if (backend_find(NETNAT_PROGRAM, "guests have no network", path, sizeof(path), &err))
		say("note", "%s", err.msg);
	else
		say("ok", "%s: guests have a network", NETNAT_PROGRAM);
	say(access("/dev/net/tun", R_OK | W_OK) ? "note" : "ok", "/dev/net/tun%s",
	    access("/dev/net/tun", R_OK | W_OK) ? " cannot be opened: no tap devices for guests" : "");
}

static void check_images(void)
{
	static const struct {
		const char *name, *package;
	} programs[] = { { "qemu-img", "qemu-utils" }, { "qemu-storage-daemon", "qemu-system-common" } };
	char path[4096];
	struct r3_err err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		if (!backend_find_host(programs[i].name, programs[i].package, path, sizeof(path), &err))
			continue;
		say("note", "disks: only raw images can be used: %s", err.msg);
		return;
	}
	say("ok", "qemu-storage-daemon: disks may have other formats than raw");
}

static void check_limits(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NPROC, &lim))
		return;
	if (lim.rlim_cur == RLIM_INFINITY)
		say("ok", "no limit of processes");
	else
		say(lim.rlim_cur >= PROCESSES_ENOUGH ? "ok" : "note", "%lu processes allowed (ulimit -u)%s",
		    (unsigned long)lim.rlim_cur,
		    lim.rlim_cur >= PROCESSES_ENOUGH ? "" : ": each process of a guest is one of the host's");
	if (!getrlimit(RLIMIT_NOFILE, &lim))
		say("ok", "%lu open files allowed", (unsigned long)lim.rlim_cur);
}

static void check_walls(void)
{
	struct jail_report report;
	char text[512];
	int i, ret;

	ret = jail_probe(&report);
	if (ret) {
		say("BAD", "the jail of guests cannot be tried: %s", strerror(-ret));
		return;
	}
	for (i = 0; i < JAIL_NR_WALLS; i++) {
		const char *name = jail_wall_name(i), *use = jail_wall_use(i);

		if (!report.wall[i])
			say("ok", "jail: %s: %s", name, use);
		else
			say(i == JAIL_SECCOMP || i == JAIL_NO_NEW_PRIVS ? "BAD" : "note",
			    "jail: no %s (%s): %s is not enforced by it", name,
			    strerror(-report.wall[i]), use);
	}
	if (jail_missing(&report, false, text, sizeof(text)))
		say("note", "%s", text);
}

static void check_files(void)
{
	static const struct {
		const char *name, *file, *what;
	} files[] = {
		{ "RING3_KERNEL", "vmlinux", "guest kernel" }, { "RING3_INITRD", "initramfs.cpio", "initramfs" },
		{ "RING3_MODULES", "modules.img", "modules" }, { "RING3_ROOT", NULL, "root" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path = getenv(files[i].name), *own = path && *path ? path : files[i].file ? installed_file(files[i].file) : "/";

		if (!own)
			say("note", "%s: none is installed, and %s is not set: \"ring3 run\" needs the option", files[i].what, files[i].name);
		else if (access(own, R_OK))
			say("BAD", "%s %s: %s", files[i].what, own, strerror(errno));
		else
			say("ok", "%s %s", files[i].what, own);
	}
	if (!access("/dev/kvm", R_OK | W_OK))
		say("ok", "/dev/kvm can be opened (not needed)");
	else
		say("ok", "/dev/kvm cannot be opened (not needed)");
}

int doctor_main(int argc, char **argv)
{
	struct r3_err err;
	bool dashes;
	int at;

	at = opts_parse(&doctor_opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at < argc)
		at = err_set(&err, EINVAL, "unexpected word %s; \"ring3 doctor\" takes none", argv[at]);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	check_kernel();
	check_cpu();
	check_memory();
	check_limits();
	check_network();
	check_images();
	check_walls();
	check_files();
	return failures ? CLI_FAILED : CLI_OK;
}
