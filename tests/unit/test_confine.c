// SPDX-License-Identifier: GPL-2.0-or-later
/* The walls around a program of the host's, from inside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "confine.h"
#include "tap.h"

static char dir[64], may_read[80], may_write[80], other[80];

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* In the child: a bit for each thing that is as it should be. */
static int look(bool landlock)
{
	char made[96];
	struct rlimit core;
	int good = 0;

	snprintf(made, sizeof(made), "%s/made", dir);
	good |= (opens(may_read, O_RDONLY) && opens(may_write, O_RDWR)) << 0;
	good |= (!landlock || (!opens(may_read, O_RDWR) && !opens(other, O_RDONLY) && !opens("/etc/passwd", O_RDONLY))) << 1;
	good |= (!landlock || (!opens(made, O_CREAT | O_RDWR) && unlink(may_write) && mkdir(made, 0700))) << 2;
	good |= (!landlock || (!opens("/proc/1/status", O_RDONLY) && !opens("/dev/mem", O_RDONLY) && !opens("/dev/tty", O_RDONLY))) << 3;
	good |= (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) << 4;
	good |= (!getrlimit(RLIMIT_CORE, &core) && !core.rlim_max) << 5;
	good |= (opens("/usr", O_RDONLY | O_DIRECTORY) && opens("/dev/null", O_RDWR)) << 6;
	good |= (prctl(PR_CAPBSET_READ, 21 /* CAP_SYS_ADMIN */, 0, 0, 0) == 0 || getuid()) << 7;
	return good;
}

static bool make(char *path, size_t size, const char *name)
{
	int fd;

	snprintf(path, size, "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(void)
{
	static const char *const what[] = {
		"its files can be opened", "no other file can, nor those that it only reads be written", "nothing is made or removed",
		"neither /proc nor devices are open", "no new privileges", "no core dumps", "programs, libraries and /dev/null can be read",
		"root has few rights",
	};
	bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
	struct confine walls;
	struct r3_err err;
	int status = 0, i;
	pid_t pid;

	snprintf(dir, sizeof(dir), "/tmp/ring3-confine-XXXXXX");
	if (!mkdtemp(dir) || !make(may_read, sizeof(may_read), "read") || !make(may_write, sizeof(may_write), "write") ||
	    !make(other, sizeof(other), "other"))
		tap_bail("no files in %s: %s", dir, strerror(errno));
	confine_init(&walls);
	ok(!confine_allow(&walls, may_read, false, &err) && !confine_allow(&walls, may_write, true, &err), "files are named");
	ok(confine_allow(&walls, "/nowhere/file", false, &err) == -ENOENT && strstr(err.msg, "/nowhere/file"), "one that is missing is said");
	pid = fork();
	if (!pid) {
		confine_apply(&walls, "/bin/true");
		_exit(look(landlock));
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status), "the child ends by itself");
	for (i = 0; i < 8; i++) {
		if (!landlock && i >= 1 && i <= 3)
			tap_skip("host: no Landlock", what[i]);
		else
			ok(WEXITSTATUS(status) >> i & 1, "%s", what[i]);
	}
	confine_free(&walls);
	unlink(may_read);
	unlink(may_write);
	unlink(other);
	rmdir(dir);
	return tap_done();
}
