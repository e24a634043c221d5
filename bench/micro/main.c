// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * micro [-t MS] [-s SAMPLES] [-n N] [-d DIR] [-l | -w N | -g | -G] [BENCHMARK[,BENCHMARK]...]
 *
 * Writes one line of JSON for each benchmark; -g those of growth.c, -G only
 * their small sizes. As PID 1 it first mounts what a
 * system needs and at the end powers the machine off, so that an initramfs of
 * this program alone is a benchmark.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "micro.h"

#define MAX_SAMPLES	99

const char *micro_dir = "/dev/shm";
char micro_why[160];

static uint64_t target_ns = 50 * 1000 * 1000;
static unsigned int nr_samples = 5;
static uint64_t fixed_n;		/* for profiles: this many operations, uncalibrated */
static cpu_set_t all_cpus;

static const struct bench *const groups[] = {
	sys_benches, proc_benches, mem_benches, ipc_benches, net_benches, cpu_benches,
};

uint64_t micro_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

uint64_t micro_fail(const char *what)
{
	snprintf(micro_why, sizeof(micro_why), "%s: %s", what, strerror(errno));
	return 0;
}

uint64_t micro_wrong(const char *what)
{
	snprintf(micro_why, sizeof(micro_why), "wrong result: %s", what);
	return 0;
}

int micro_file(unsigned long len)
{
	char path[4096], block[PAGE];
	unsigned long done;
	int fd;

	snprintf(path, sizeof(path), "%s/micro.%d", micro_dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	unlink(path);
	memset(block, 1, sizeof(block));
	for (done = 0; done < len; done += sizeof(block)) {
		if (write(fd, block, sizeof(block)) != sizeof(block)) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

void micro_pin(void)
{
	cpu_set_t one;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &all_cpus); cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void micro_unpin(void)
{
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double value_of(const struct bench *b, uint64_t n, uint64_t result)
{
	if (!strcmp(b->unit, "x"))
		return result / 1e6;
	if (!strcmp(b->unit, "MB/s"))
		return (double)b->bytes * n * 1e3 / result;
	return result / 1e3 / n;
}

/* Operations that take about the target; the first call also warms up. */
static uint64_t calibrate(const struct bench *b)
{
	uint64_t n = 1, ns;

	if (fixed_n)
		return fixed_n;
	if (!strcmp(b->unit, "x"))
		return 1;
	for (;;) {
		ns = b->run(n);
		if (!ns)
			return 0;
		if (ns >= target_ns / 4 || (b->max_n && n >= b->max_n) || n > 1ULL << 40)
			break;
		n *= ns < target_ns / 64 ? 8 : 2;
	}
	n = (double)n * target_ns / ns;
	if (b->max_n && n > b->max_n)
		n = b->max_n;
	return n ? n : 1;
}

static void measure(const struct bench *b)
{
	double value[MAX_SAMPLES];
	uint64_t n = calibrate(b), result = 1;
	unsigned int i;

	for (i = 0; n && result && i < nr_samples; i++) {
		result = b->run(n);
		value[i] = value_of(b, n, result ? result : 1);
	}
	if (!n || !result) {
		printf("{\"name\": \"%s\", \"unit\": \"%s\", \"value\": null, \"why\": \"%s\"}\n",
		       b->name, b->unit, micro_why);
		return;
	}
	qsort(value, nr_samples, sizeof(value[0]), by_value);
	printf("{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.6g, \"min\": %.6g, \"max\": %.6g, \"n\": %llu, \"samples\": %u}\n",
	       b->name, b->unit, value[nr_samples / 2], value[0], value[nr_samples - 1],
	       (unsigned long long)n, nr_samples);
}

/* Each of names may be several with commas between: a kernel passes 32 words to its init. */
static int wanted(const char *name, char **names)
{
	size_t len = strlen(name);
	const char *at;

	if (!*names)
		return 1;
	for (; *names; names++) {
		for (at = *names; at; at = strchr(at, ',')) {
			at += *at == ',';
			if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
				return 1;
		}
	}
	return 0;
}

static void all_benches(char **names, int list)
{
	unsigned int g;
	const struct bench *b;

	for (b = long_benches; *names && b->name; b++)
		if (wanted(b->name, names))
			measure(b);
	for (g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (b = groups[g]; b->name; b++) {
			if (list)
				printf("%s %s\n", b->name, b->unit);
			else if (wanted(b->name, names))
				measure(b);
			fflush(stdout);
		}
	}
}

/* UML adds words of its own to the command line, behind those for init. */
static int without_kernel_words(int argc, char **argv)
{
	int from, to = 0;

	for (from = 0; from < argc; from++)
		if (!strchr(argv[from], '='))
			argv[to++] = argv[from];
	argv[to] = NULL;
	return to;
}

static void loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &req) && !(req.ifr_flags & IFF_UP)) {
		req.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &req);
	}
	close(fd);
}

static void be_init(void)
{
	int fd, tries;

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/tmp", 01777);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	mount("proc", "/proc", "proc", 0, "");
	mkdir("/dev/shm", 01777);
	mount("tmpfs", "/dev/shm", "tmpfs", 0, "");
	/* It may come after PID 1. */
	for (tries = 0; (fd = open("/dev/console", O_RDWR)) < 0 && tries < 1000; tries++)
		usleep(1000);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
	}
}

/* For bench/memory: n more processes, and none of them does anything. */
static void wait_forever(unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			for (;;)
				pause();
		if (pid < 0) {
			micro_fail("fork");
			break;
		}
	}
	printf("{\"waiting\": %lu, \"why\": \"%s\"}\n", i, micro_why);
	fflush(stdout);
	for (;;)
		pause();
}

static void usage(void)
{
	fprintf(stderr, "Usage: micro [-t MS] [-s SAMPLES] [-n N] [-d DIR] [-l | -w N | -g | -G] [BENCHMARK...]\n");
	exit(2);
}

static unsigned long number(const char *s, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*end || !n || n > max)
		usage();
	return n;
}

int main(int argc, char **argv)
{
	int opt, list = 0, grow = 0, init = getpid() == 1;
	long waiters = -1;
	struct utsname uts;

	if (argc && !strcmp(argv[0], MICRO_NOTHING))
		return MICRO_STATUS;
	if (init) {
		be_init();
		argc = without_kernel_words(argc, argv);
	}
	while ((opt = getopt(argc, argv, "t:s:n:d:lw:gG")) != -1) {
		switch (opt) {
		case 't':
			target_ns = number(optarg, 100000) * 1000000ULL;
			break;
		case 's':
			nr_samples = number(optarg, MAX_SAMPLES);
			break;
		case 'n':
			fixed_n = number(optarg, 1UL << 40);
			break;
		case 'd':
			micro_dir = optarg;
			break;
		case 'l':
			list = 1;
			break;
		case 'w':
			waiters = strtol(optarg, NULL, 10);
			break;
		case 'g':
		case 'G':
			grow = opt;
			break;
		default:
			usage();
		}
	}
	if (waiters >= 0)
		wait_forever(waiters);
	sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
	loopback_up();
	uname(&uts);
	if (!list)
		printf("{\"micro\": 1, \"release\": \"%s\", \"cpus\": %d}\n", uts.release,
		       CPU_COUNT(&all_cpus));
	if (grow)
		growth(grow == 'G');
	else
		all_benches(argv + optind, list);
	if (init) {
		sync();
		reboot(RB_POWER_OFF);
	}
	return 0;
}
