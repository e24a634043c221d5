// SPDX-License-Identifier: GPL-2.0-or-later
/* jail/: the walls behind the lists of system calls, each without the others. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "tap.h"

static struct sockaddr_in addr = { .sin_family = AF_INET };

/* What a child found: -errno of each attempt, 0 where it got through. */
struct found {
	struct jail_report report;
	int file, make, tcp, parent, own, caps, core;
};

static int attempt(int ret)
{
	return ret < 0 ? -errno : 0;
}

static int connects(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return attempt(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
}

static int has_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	return data[0].permitted || data[1].permitted || data[0].effective || data[1].effective;
}

static void look(struct found *f)
{
	struct rlimit core;

	f->file = attempt(open("/etc/passwd", O_RDONLY));
	f->make = attempt(open("/tmp/ring3-jail-test", O_WRONLY | O_CREAT | O_EXCL, 0600));
	f->tcp = connects();
	f->parent = attempt(kill(getppid(), 0));
	f->own = attempt(kill(getpid(), 0));
	f->caps = has_capabilities();
	getrlimit(RLIMIT_CORE, &core);
	f->core = core.rlim_cur;
}

static void with_landlock(struct found *f)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	jail_landlock(&f->report);
}

static void with_namespaces(struct found *f)
{
	jail_namespaces(&f->report);
}

static void with_all(struct found *f)
{
	struct jail jail;
	struct r3_err err;

	jail_process(&jail, JAIL_ON, &err);
	f->report = jail.report;
}

static void with_none(struct found *f)
{
}

static struct found in_child(void (*walls)(struct found *f))
{
	struct found f = { .file = 1 };
	int p[2];

	if (pipe(p))
		tap_bail("pipe");
	if (!fork()) {
		memset(&f, 0, sizeof(f));
		walls(&f);
		look(&f);
		_exit(write(p[1], &f, sizeof(f)) < 0);
	}
	close(p[1]);
	if (read(p[0], &f, sizeof(f)) != sizeof(f))
		tap_bail("a child died");
	close(p[0]);
	wait(NULL);
	unlink("/tmp/ring3-jail-test");
	return f;
}

/* ok if the wall stands, else a skip that says what the host says. */
static void wall(const struct found *f, enum jail_wall w, bool good, const char *what)
{
	if (f->report.wall[w])
		tap_skip(strerror(-f->report.wall[w]), what);
	else
		ok(good, "%s", what);
}

static void test_filters(void)
{
	uint64_t value[JAIL_NR_VALUES] = { 0 };
	static const char *const kinds[] = { "vcpu", "console", "rng", "blk", "control", "a new device" };
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int status = 0;

		if (!fork()) {
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (jail_filter(kinds[i], value))
				_exit(1);
			/* SIGILL is well, SIGTRAP is not: not all may exit. */
			if (open("/etc/passwd", O_RDONLY) >= 0 || errno != ENOSYS || syscall(SYS_getppid) != -1)
				__asm__("int3");
			__builtin_trap();
		}
		wait(&status);
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "the list of %s", kinds[i]);
	}
}

static void test_sentences(void)
{
	struct jail_report r = { { 0 } };
	char text[512] = "";

	ok(!jail_missing(&r, true, text, sizeof(text)), "all walls stand");
	r.wall[JAIL_LANDLOCK_FILES] = -EPERM;
	ok(!jail_missing(&r, false, text, sizeof(text)), "an empty root for Landlock");
	ok(jail_missing(&r, true, text, sizeof(text)) && strstr(text, "Landlock for files"), "which is still missed");
	r.wall[JAIL_ROOT] = -EPERM;
	ok(jail_missing(&r, false, text, sizeof(text)) && strstr(text, "files") && !strstr(text, "network"),
	       "neither: files are named");
}

int main(void)
{
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct found f;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		tap_bail("no TCP on the loopback");

	f = in_child(with_none);
	ok(!f.file && !f.make && !f.tcp && !f.parent, "without walls all of it is possible");

	f = in_child(with_landlock);
	wall(&f, JAIL_LANDLOCK_FILES, f.file == -EACCES, "Landlock: no file is opened");
	wall(&f, JAIL_LANDLOCK_FILES, f.make == -EACCES, "Landlock: none is made");
	wall(&f, JAIL_LANDLOCK_NET, f.tcp == -EACCES, "Landlock: no TCP");
	wall(&f, JAIL_LANDLOCK_SCOPE, f.parent == -EPERM && !f.own, "Landlock: no signal to others");

	f = in_child(with_namespaces);
	wall(&f, JAIL_ROOT, f.file == -ENOENT, "an empty root: no file is there");
	wall(&f, JAIL_ROOT, f.make < 0, "an empty root: none can be made");
	wall(&f, JAIL_NET_NS, f.tcp < 0, "a network namespace: nobody to connect to");

	f = in_child(with_all);
	wall(&f, JAIL_CAPABILITIES, !f.caps, "no capabilities");
	wall(&f, JAIL_NO_CORE, f.core <= 1, "no core dumps");
	wall(&f, JAIL_NO_NEW_PRIVS, f.file < 0 && f.make < 0 && f.tcp < 0, "all walls together");

	test_filters();
	test_sentences();
	return tap_done();
}
