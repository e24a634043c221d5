// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/state: names of guests. Processes start, end and die under one name, and
 * others look for them meanwhile: there is never a second guest, and a guest that
 * lives is always reached by its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "state.h"
#include "tap.h"

#define STARTERS	3
#define LOOKERS		2
#define ROUNDS		3000
#define SQUATTED_UID	54321

static struct shared {
	unsigned int owners, rounds;
	unsigned int twice;		/* two had the name */
	unsigned int lost;		/* one had it and could not be reached by it */
	unsigned int failed;		/* neither had nor taken: an error of another kind */
} *shared;

static unsigned int rand_state;

static unsigned int any(unsigned int n)
{
	rand_state = rand_state * 1103515245 + 12345;
	return rand_state / 65536 % n;
}

static void add(unsigned int *p, unsigned int n)
{
	__atomic_fetch_add(p, n, __ATOMIC_SEQ_CST);
}

static void accept_all(int listener)
{
	struct pollfd pfd = { .fd = listener, .events = POLLIN };
	int peer;

	while (poll(&pfd, 1, 0) > 0 && (peer = accept(listener, NULL, NULL)) >= 0)
		close(peer);
}

/* Whoever connects to the name reaches us. */
static bool reached(int dir, int listener)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct r3_err err;
	int fd;

	/* Those who look for guests may have filled the queue. */
	do
		accept_all(listener);
	while ((fd = state_connect(dir, "name", &err)) == -EAGAIN);
	if (fd >= 0) {
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
		close(fd);
	}
	accept_all(listener);
	return cred.pid == getpid();
}

/* One guest's life, by a process of its own: its end is that of its locks. */
static void live(int dir)
{
	struct r3_err err;
	int lock = state_reserve(dir, "name", &err), fd, i;

	if (lock < 0) {
		if (lock != -EEXIST)
			add(&shared->failed, 1);
		return;
	}
	if (__atomic_fetch_add(&shared->owners, 1, __ATOMIC_SEQ_CST))
		add(&shared->twice, 1);
	fd = state_listen(dir, "name", &err);
	for (i = any(3); fd >= 0 && i >= 0; i--)
		if (!reached(dir, fd))
			add(&shared->lost, 1);
	if (fd < 0)
		add(&shared->failed, 1);
	add(&shared->owners, -1);
	if (any(2))
		state_release(dir, "name", lock);
	/* Else as if killed. */
}

static void start_guests(int dir)
{
	while (__atomic_fetch_add(&shared->rounds, 1, __ATOMIC_SEQ_CST) < ROUNDS) {
		pid_t pid = fork();

		if (!pid) {
			rand_state = getpid();
			live(dir);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void look_for_guests(int dir)
{
	struct r3_err err;
	char **names;

	while (__atomic_load_n(&shared->rounds, __ATOMIC_SEQ_CST) < ROUNDS) {
		int n = state_list(dir, &names, &err), i, fd;

		for (i = 0; i < n; i++) {
			fd = state_connect(dir, names[i], &err);
			if (fd >= 0)
				close(fd);
			free(names[i]);
		}
		if (n >= 0)
			free(names);
	}
}

static void test_one_name(void)
{
	pid_t pid[STARTERS + LOOKERS];
	struct r3_err err;
	int i, dir;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		tap_bail("no memory");
	for (i = 0; i < STARTERS + LOOKERS; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		/* Locks of the directory belong to the open file: each has its own. */
		dir = state_dir(true, &err);
		if (i < STARTERS)
			start_guests(dir);
		else
			look_for_guests(dir);
		_exit(0);
	}
	for (i = 0; i < STARTERS + LOOKERS; i++)
		waitpid(pid[i], NULL, 0);
	is(shared->twice, 0, "%d starts under one name: never two at once", ROUNDS);
	is(shared->lost, 0, "who has the name is always reached by it");
	is(shared->failed, 0, "and nothing else goes wrong");
}

static bool exists(int dir, const char *file)
{
	struct stat st;

	return !fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW);
}

static void test_life(void)
{
	struct r3_err err;
	int dir = state_dir(true, &err), lock, second, fd, client[100], reached = 0, i;
	char **names;
	pid_t pid;

	lock = state_reserve(dir, "a", &err);
	ok(lock >= 0, "a name is reserved");
	second = state_reserve(dir, "a", &err);
	ok(second == -EEXIST && strstr(err.msg, "running already"), "once");
	fd = state_connect(dir, "a", &err);
	ok(fd == -ENOENT && exists(dir, "a.lock"), "before it listens nobody finds it, and nobody takes its name");
	fd = state_listen(dir, "a", &err);
	ok(fd >= 0 && state_list(dir, &names, &err) == 1 && !strcmp(names[0], "a"), "then it is listed");
	for (i = 0; i < 100; i++) {
		client[i] = state_connect(dir, "a", &err);
		reached += client[i] >= 0;
	}
	is(reached, 100, "a hundred reach it before it accepts one");
	for (i = 0; i < 100; i++)
		close(client[i]);
	state_release(dir, "a", lock);
	close(fd);
	ok(!exists(dir, "a.sock") && !exists(dir, "a.lock"), "nothing is left of it");

	pid = fork();
	if (!pid) {
		lock = state_reserve(dir, "dead", &err);
		_exit(lock < 0 || state_listen(dir, "dead", &err) < 0);
	}
	waitpid(pid, NULL, 0);
	ok(exists(dir, "dead.sock") && exists(dir, "dead.lock"), "one that is killed leaves its files");
	lock = state_reserve(dir, "other", &err);
	ok(lock >= 0 && !exists(dir, "dead.sock") && !exists(dir, "dead.lock"), "the next guest removes them");
	state_release(dir, "other", lock);
	close(dir);
}

/* Where there is no $XDG_RUNTIME_DIR, anybody may be there first. */
static void test_squatted(void)
{
	struct r3_err err = { 0 };
	char path[64];
	pid_t pid;
	int status;

	if (getuid()) {
		tap_skip("only root can make directories of other users", "a directory of another user");
		return;
	}
	snprintf(path, sizeof(path), "/tmp/ring3-%d", SQUATTED_UID);
	if (mkdir(path, 0777) || chmod(path, 0777))
		tap_bail("%s cannot be made", path);
	pid = fork();
	if (!pid) {
		unsetenv("XDG_RUNTIME_DIR");
		if (setresuid(SQUATTED_UID, SQUATTED_UID, SQUATTED_UID))
			_exit(2);
		_exit(state_dir(true, &err) != -EPERM || !strstr(err.msg, path) ||
		      !strstr(err.msg, "belongs to user 0") || !strstr(err.msg, "XDG_RUNTIME_DIR"));
	}
	waitpid(pid, &status, 0);
	rmdir(path);
	is(status, 0, "a directory of another user in /tmp: refused, with its name, its owner and the way out");
}

int main(void)
{
	char path[] = "/tmp/ring3-test-XXXXXX", command[64];

	if (!mkdtemp(path))
		tap_bail("no directory in /tmp");
	setenv("XDG_RUNTIME_DIR", path, 1);
	test_life();
	test_squatted();
	test_one_name();
	snprintf(command, sizeof(command), "rm -rf %s", path);
	if (system(command))
		tap_note("%s could not be removed", path);
	return tap_done();
}
