// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <ring3/vdev.h>

#include "base/log.h"
#include "base/util.h"
#include "vcpu/vcpu.h"
#include "vcpu/zygote.h"

/* The zygote's ELF image, see embed.S. */
extern const char r3_space_image[], r3_space_image_end[];

/* Exit status of a space that the host refused a thread, see space/stub.h. */
#define SPACE_NO_THREAD	11

/* The zygote, and threads of the monitor but vCPUs, at most. */
#define MONITOR_TASKS	(2 + R3_VDEV_MAX)

static int image_memfd(void)
{
	cleanup_close int fd = memfd_create("ring3-space", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write_full(fd, r3_space_image, r3_space_image_end - r3_space_image);
	if (ret)
		return ret;
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return util_take_fd(&fd);
}

/*
 * No more processes and threads than the guest kernel should ask for, whatever it
 * does ask for. The host counts those of a user by user namespace.
 */
static void limit_tasks(const struct zygote *z)
{
	uint64_t cpus = z->boot->nr_cpus;
	struct rlimit tasks, now;

	if (!z->own_user_ns || getrlimit(RLIMIT_NPROC, &now))
		return;
	tasks.rlim_cur = R3_SPACES(z->ram_size, cpus) * (1 + cpus) + MONITOR_TASKS + cpus;
	if (tasks.rlim_cur > now.rlim_max)
		tasks.rlim_cur = now.rlim_max;
	tasks.rlim_max = tasks.rlim_cur;
	setrlimit(RLIMIT_NPROC, &tasks);
}

/* In the child: exactly the descriptors of <ring3/space.h>, then execute. */
static void become_zygote(struct zygote *z, int image, int status_fd)
{
	char *const argv[] = { "ring3-space", z->pin_signals ? "pin" : NULL, NULL }, *const envp[] = { NULL };
	unsigned int i, n = z->boot->nr_cpus, total = R3_SPACE_ACK_FD + n + 2;
	struct rlimit no_core = { 0, 0 };
	int keep[R3_SPACE_ACK_FD + R3_MAX_CPUS + 2], err, lo, hi, moved, base = total;

	/* Out of the way first, then to their places. */
	for (i = 0; i < total; i++)
		keep[i] = -1;
	keep[R3_SPACE_RAM_FD] = fcntl(z->boot->ram_fd, F_DUPFD, base);
	keep[R3_SPACE_ZYGOTE_FD] = fcntl(z->page_fd, F_DUPFD, base);
	keep[R3_SPACE_FAIL_FD] = fcntl(z->fail_fd, F_DUPFD, base);
	for (i = 0; i < n; i++)
		keep[R3_SPACE_ACK_FD + i] = fcntl(z->boot->vcpu[i].ack_fd, F_DUPFD, base);
	image = fcntl(image, F_DUPFD_CLOEXEC, base);
	moved = fcntl(status_fd, F_DUPFD_CLOEXEC, base);
	if (moved < 0)
		goto fail;
	status_fd = moved;
	if (image < 0)
		goto fail;
	for (i = R3_SPACE_RAM_FD; i < R3_SPACE_ACK_FD + n; i++)
		if (keep[i] < 0 || dup2(keep[i], i) < 0)
			goto fail;
	for (i = 0; i < R3_SPACE_RAM_FD; i++)
		close(i);
	lo = image < status_fd ? image : status_fd;
	hi = image < status_fd ? status_fd : image;
	close_range(R3_SPACE_ACK_FD + n, lo - 1, 0);
	if (hi > lo + 1)
		close_range(lo + 1, hi - 1, 0);
	close_range(hi + 1, ~0U, 0);
	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	limit_tasks(z);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sched_short_slices();
	syscall(SYS_execveat, image, "", argv, envp, AT_EMPTY_PATH);
fail:
	err = errno;
	if (write(status_fd, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int zygote_start(struct zygote *z, struct r3_err *err)
{
	cleanup_close int image = image_memfd();
	int status[2], code = 0;
	ssize_t n;

	deaths_init(&z->deaths, z->page, z->boot);
	if (image < 0)
		return err_set(err, image, "cannot create the space image: %s", strerror(-image));
	z->fail_fd = event_create();
	if (z->fail_fd < 0 || pipe2(status, O_CLOEXEC))
		return err_set(err, -errno, "no descriptors for the zygote: %s", strerror(errno));
	z->pid = fork();
	if (z->pid < 0) {
		code = errno;
		close(status[0]);
		close(status[1]);
		z->pid = 0;
		return err_set(err, -code, "cannot create the zygote process: %s. Allow more processes (ulimit -u)", strerror(code));
	}
	if (!z->pid) {
		become_zygote(z, image, status[1]);
		_exit(127);
	}
	close(status[1]);
	do {
		n = read(status[0], &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	close(status[0]);
	if (n > 0) {
		waitpid(z->pid, NULL, 0);
		return err_set(err, -code, "cannot start the zygote: %s%s", strerror(code),
			       code == EMFILE || code == EINVAL ? ". Allow more open files (ulimit -n)" : "");
	}
	return 0;
}

/* Entries that may be in use; the number is the guest kernel's. */
static uint32_t used(struct zygote *z)
{
	return min_t(uint32_t, read_once(z->page->limit), R3_MAX_SPACES);
}

static void space_ended(struct zygote *z, pid_t pid, int status)
{
	uint32_t id;

	if (WIFSIGNALED(status))
		log_warn("signal %d on the host ended process %d: the guest process that ran in it is killed", WTERMSIG(status), (int)pid);
	else if (WEXITSTATUS(status) == SPACE_NO_THREAD)
		log_warn("the host refused process %d a thread: allow more processes (ulimit -u)", (int)pid);
	else if (WEXITSTATUS(status))
		log_warn("process %d for a guest process could not be set up (status %d)", (int)pid, WEXITSTATUS(status));

	for (id = 0; id < used(z); id++) {
		struct r3_space_entry *entry = &z->page->space[id];
		uint32_t state = read_once(entry->state);

		if (read_once(entry->pid) == pid &&
		    (state == R3_SPACE_LIVE || state == R3_SPACE_WANTED)) {
			store_release(entry->state, R3_SPACE_DEAD);
			deaths_tell(&z->deaths, id);
			return;
		}
	}
}

int zygote_reap(struct zygote *z)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == z->pid) {
			z->pid = 0;
			return -ECHILD;
		}
		space_ended(z, pid, status);
	}
	return 0;
}

/* An entry is only read: the guest kernel may have seen that it failed, and ask for another space there. */
void zygote_failed(struct zygote *z)
{
	int32_t code = 0;
	uint32_t id;

	event_take(z->fail_fd);
	for (id = 0; id < used(z); id++) {
		struct r3_space_entry *entry = &z->page->space[id];

		if (read_once(entry->state) != R3_SPACE_FAILED)
			continue;
		code = read_once(entry->pid);
		deaths_tell(&z->deaths, id);
	}
	if (code)
		log_warn("the host refused a process for the guest: %s. Allow more processes (ulimit -u)", strerror((int)-(int64_t)code));
}

/*
 * All are in the zygote's process group. It ends its own: the number of a group
 * whose processes have been reaped may be another's. If it is gone, or the guest
 * keeps it from that, they end with this process.
 */
void zygote_end(struct zygote *z)
{
	int tries;

	for (tries = 0; z->pid > 0 && tries < 1000; tries++) {
		pid_t pid;

		store_release(z->page->end, 1);
		syscall(SYS_futex, &z->page->want_head, FUTEX_WAKE, 1, NULL, NULL, 0);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return;
		usleep(1000);
	}
}
