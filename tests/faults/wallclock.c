// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wallclock FILE -- CMD...: run CMD on a host whose wall clock is set.
 *
 * It is off by as many seconds as FILE says when it is asked for; without FILE
 * it is right. FILE.waits counts waits until a time of it, which would end too
 * early or too late. The host's vDSO knows nothing of this: CMD must have none
 * (tests/boot/auxv 33 -1). The host's own clock stays as it is, as others live by it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

#define LOAD(field)		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* At @at in the filter: where to go on. */
#define JUMP(at, op, k, yes, no) \
	BPF_JUMP(BPF_JMP | (op) | BPF_K, k, (yes) - (at) - 1, (no) - (at) - 1)
#define EQUAL(at, k, yes, no)	JUMP(at, BPF_JEQ, k, yes, no)
#define HAS(at, k, yes, no)	JUMP(at, BPF_JSET, k, yes, no)
#define HOLD			19
#define ALLOW			20

static const char *file;
static unsigned long waits;

static long offset(void)
{
	long sec = 0;
	FILE *f = fopen(file, "r");

	if (f) {
		if (fscanf(f, "%ld", &sec) != 1)
			sec = 0;
		fclose(f);
	}
	return sec;
}

static void count_wait(void)
{
	char name[4096];
	FILE *f;

	snprintf(name, sizeof(name), "%s.waits", file);
	f = fopen(name, "w");
	if (f) {
		fprintf(f, "%lu\n", ++waits);
		fclose(f);
	}
}

static bool put(int pid, uint64_t addr, void *p, size_t len)
{
	struct iovec from = { p, len }, to = { (void *)addr, len };

	return !addr || process_vm_writev(pid, &from, 1, &to, 1, 0) == (ssize_t)len;
}

static void answer(const struct seccomp_notif *req, struct seccomp_notif_resp *resp)
{
	const __u64 *a = req->data.args;
	struct timespec ts;
	struct timeval tv;
	time_t sec;
	bool good;

	switch (req->data.nr) {
	case SYS_clock_gettime:
		if (clock_gettime(a[0], &ts)) {
			resp->error = -errno;
			return;
		}
		ts.tv_sec += offset();
		good = put(req->pid, a[1], &ts, sizeof(ts));
		break;
	case SYS_gettimeofday:
		gettimeofday(&tv, NULL);
		tv.tv_sec += offset();
		good = put(req->pid, a[0], &tv, sizeof(tv));
		break;
	case SYS_time:
		sec = time(NULL) + offset();
		good = put(req->pid, a[0], &sec, sizeof(sec));
		resp->val = sec;
		break;
	default:
		count_wait();
		resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		return;
	}
	if (!good)
		resp->error = -EFAULT;
}

int main(int argc, char **argv)
{
	/* Asked for: the real-time clocks. Waited for: until one of them. */
	struct sock_filter f[] = {
		LOAD(nr),
		EQUAL(1, SYS_gettimeofday, HOLD, 2),
		EQUAL(2, SYS_time, HOLD, 3),
		EQUAL(3, SYS_clock_gettime, 6, 4),
		EQUAL(4, SYS_clock_nanosleep, 10, 5),
		EQUAL(5, SYS_futex, 15, ALLOW),
		LOAD(args[0]),
		EQUAL(7, CLOCK_REALTIME, HOLD, 8),
		EQUAL(8, CLOCK_REALTIME_COARSE, HOLD, 9),
		EQUAL(9, CLOCK_TAI, HOLD, ALLOW),
		LOAD(args[0]),
		EQUAL(11, CLOCK_REALTIME, 13, 12),
		EQUAL(12, CLOCK_TAI, 13, ALLOW),
		LOAD(args[1]),
		HAS(14, TIMER_ABSTIME, HOLD, ALLOW),
		LOAD(args[1]),
		HAS(16, FUTEX_CLOCK_REALTIME, 17, ALLOW),
		LOAD(args[3]),
		EQUAL(18, 0, ALLOW, HOLD),
		[HOLD] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		[ALLOW] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(f) / sizeof(f[0]), .filter = f };

	if (argc < 4 || strcmp(argv[2], "--")) {
		fprintf(stderr, "usage: wallclock FILE -- CMD [ARG...]\n");
		return 2;
	}
	file = argv[1];
	return notify_run("wallclock", &prog, answer, argv + 3);
}
