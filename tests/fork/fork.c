// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that forks often, looks for what a fork must not do, and finds none.
 * Each check first writes the same pages after many forks, so that whoever learns
 * from that has learnt it. Run as: fork FILE, a writable place for a file; or, as root in a
 * guest, fork refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096
#define PAGES	64
#define OFTEN	40

static int failed, number;

static void check(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	fflush(stdout);
	failed |= !good;
}

/* Forks; the child's exit status is what CHILD returns, 0 for good. */
static int in_child(int (*child)(char *), char *mem)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(child(mem));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static char *pages(int n)
{
	char *mem = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		exit(2);
	madvise(mem, n * PAGE, MADV_NOHUGEPAGE);
	memset(mem, 1, n * PAGE);
	return mem;
}

static int writes_some(char *mem)
{
	int i;

	for (i = 0; i < 6; i++)
		mem[i * PAGE]++;
	return 0;
}

/* Parent and children write the first pages after each fork. */
static void teach(char *mem)
{
	int i;

	for (i = 0; i < OFTEN; i++) {
		in_child(writes_some, mem);
		writes_some(mem);
	}
}

/* ---- both sides have what is theirs ---- */

static unsigned int seed;

static uint32_t word(char *mem, int i)
{
	return *(volatile uint32_t *)(mem + i * PAGE);
}

static void set(char *mem, int i, uint32_t v)
{
	*(volatile uint32_t *)(mem + i * PAGE) = v;
}

static int ours(char *mem)
{
	uint32_t had[PAGES];
	int i, j;

	for (i = 0; i < PAGES; i++)
		had[i] = word(mem, i);
	for (j = 0; j < 200; j++) {
		i = rand_r(&seed) % (j & 1 ? 6 : PAGES);
		if (word(mem, i) != had[i])
			return 1;
		had[i] = rand_r(&seed);
		set(mem, i, had[i]);
	}
	for (i = 0; i < PAGES; i++)
		if (word(mem, i) != had[i])
			return 2;
	return 0;
}

static void separate(void)
{
	char *mem = pages(PAGES);
	int round, bad = 0;

	for (round = 0; round < 300 && !bad; round++) {
		pid_t pid;
		int status;

		seed = round;
		pid = fork();
		if (!pid) {
			seed += 1000000;
			_exit(ours(mem));
		}
		bad = ours(mem);
		if (waitpid(pid, &status, 0) != pid || status)
			bad = 3;
	}
	check(!bad, "parent and child write at the same time, each has its own");
	munmap(mem, PAGES * PAGE);
}

/* ---- what has become of a page that was written each time ---- */

static volatile char *where;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	_exit(si->si_addr == where && sig == SIGSEGV ? 42 : 43);
}

static int writes_there(char *mem)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	where = mem;
	sigaction(SIGSEGV, &act, NULL);
	*where = 9;
	return 1;
}

static int reads_there(char *mem)
{
	return *(volatile char *)mem;
}

static void rights(void)
{
	char *mem = pages(8), was;

	teach(mem);
	was = mem[0];
	mprotect(mem, 8 * PAGE, PROT_READ);
	check(in_child(writes_there, mem) == 42, "a page that may only be read now cannot be written");
	check(in_child(reads_there, mem) == was && mem[0] == was, "and has what it had");
	mprotect(mem, 8 * PAGE, PROT_NONE);
	check(in_child(writes_there, mem) == 42, "one without any rights faults");
	munmap(mem, 8 * PAGE);
	check(in_child(writes_there, mem) == 42, "one that is gone faults");
	check(mmap(mem, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem &&
	      in_child(reads_there, mem) == 0, "a new one is empty");
	munmap(mem, 8 * PAGE);
}

static int nothing(char *mem)
{
	(void)mem;
	return 0;
}

static void shared(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	char *mem = pages(8);
	struct stat st;

	teach(mem);
	if (fd < 0 || ftruncate(fd, 8 * PAGE) ||
	    mmap(mem, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != mem) {
		check(0, "a file");
		return;
	}
	reads_there(mem);
	futimens(fd, old);
	in_child(nothing, mem);
	in_child(reads_there, mem);
	msync(mem, 8 * PAGE, MS_SYNC);
	check(!fstat(fd, &st) && st.st_mtim.tv_sec == 1000, "a fork does not write to a shared file");
	in_child(writes_some, mem);
	check(mem[0] == 1 && mem[5 * PAGE] == 1, "what a child writes to it, the parent sees");
	munmap(mem, 8 * PAGE);
	close(fd);
}

/* ---- userfaultfd ---- */

static int looks_at_events(char *mem)
{
	(void)mem;
	usleep(20000);
	return 0;
}

static void user_faults(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	char *mem = pages(8);
	struct uffdio_register reg = { .range = { (unsigned long)mem, 8 * PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int events;

	teach(mem);
	madvise(mem, 8 * PAGE, MADV_DONTNEED);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)) {
		check(errno == EPERM || errno == ENOSYS || errno == EINVAL, "userfaultfd");
		munmap(mem, 8 * PAGE);
		return;
	}
	in_child(looks_at_events, mem);
	events = poll(&pfd, 1, 0);
	check(events == 0, "no fault for a page that nobody has touched");
	close(fd);
	munmap(mem, 8 * PAGE);
}

/* ---- how much is copied ---- */

/* Private pages of the mapping that begins at mem, in KiB. */
static int private_kb(char *mem)
{
	unsigned long from, to;
	int kb = -1, in = 0;
	char line[256];
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			in = from <= (unsigned long)mem && (unsigned long)mem < to;
		else if (in && sscanf(line, "Private_Dirty: %d", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb;
}

static int copies_few(char *mem)
{
	int kb = private_kb(mem);

	return kb < 0 || kb > 16 * PAGE / 1024;
}

static void copies(void)
{
	char *mem = pages(512);

	teach(mem);
	check(!in_child(copies_few, mem), "a child that writes nothing has few pages of its own");
	munmap(mem, 512 * PAGE);
}

/* ---- a sibling that writes while the page is copied ---- */

static volatile int writing;

/* The lower word first: at no time is the upper one ahead. */
static void *counts(void *arg)
{
	volatile uint32_t *low = arg, *high = low + PAGE / 4 - 1;

	while (writing) {
		*low += 1;
		*high = *low;
	}
	return NULL;
}

static int is_behind(char *mem)
{
	volatile uint32_t *low = (void *)mem, *high = low + PAGE / 4 - 1;

	return *high > *low;
}

static void ordered(void)
{
	char *mem = pages(8);
	pthread_t thread;
	int i, bad = 0;

	teach(mem);
	memset(mem, 0, PAGE);
	writing = 1;
	if (pthread_create(&thread, NULL, counts, mem)) {
		check(0, "a thread");
		return;
	}
	for (i = 0; i < 300 && !bad; i++)
		bad = in_child(is_behind, mem);
	writing = 0;
	pthread_join(thread, NULL);
	check(!bad, "a child sees of a sibling's writes none without those before it");
	munmap(mem, 8 * PAGE);
}

/* ---- forks that fail half-way ---- */

static int put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY), good = fd >= 0 && write(fd, value, strlen(value)) > 0;

	close(fd);
	return good;
}

static int refused(void)
{
	char *mem = pages(8);
	int i, bad = 0;

	teach(mem);
	if (!put("/proc/sys/vm/overcommit_kbytes", "1") || !put("/proc/sys/vm/overcommit_memory", "2"))
		return 2;
	for (i = 0; i < 20; i++)
		bad |= in_child(nothing, mem) != -1;
	put("/proc/sys/vm/overcommit_memory", "0");
	check(!bad && mem[0] == 1 + OFTEN, "forks are refused where memory is not promised");
	printf("1..1\n");
	return failed;
}

/* ---- processes that come one after the other ---- */

static int empty_registers(char *mem)
{
	unsigned char x[16];
	unsigned long flags;
	unsigned int es, i;

	(void)mem;
	__asm__ volatile("movdqu %%xmm7, %0" : "=m" (x));
	__asm__ volatile("pushf\n\tpop %0\n\tmovl %%es, %1" : "=r" (flags), "=r" (es));
	for (i = 0; i < sizeof(x); i++)
		if (x[i] != 0x5a)
			return 1;
	return (flags & 0x44500) || es;	/* AC, NT, DF, TF */
}

static void registers(void)
{
	int i, bad = 0;

	for (i = 0; i < 2 * OFTEN && !bad; i++) {
		static unsigned char x[16];

		memset(x, 0x5a, sizeof(x));
		__asm__ volatile("movdqu %0, %%xmm7" :: "m" (x) : "xmm7");
		bad = in_child(empty_registers, NULL);
		/* Others come in between. */
		if (i % 3 == 0)
			bad |= system("true") != 0;
	}
	check(!bad, "a child's registers are its parent's");
}

static void *sleeps(void *arg)
{
	usleep(1000);
	return arg;
}

static int makes_threads(char *mem)
{
	pthread_t t[3];
	int i;

	for (i = 0; i < 3; i++)
		if (pthread_create(&t[i], NULL, sleeps, mem))
			return 1;
	mem[0] = 77;
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	return mem[0] != 77;
}

static int ours_of_few(char *mem)
{
	return mem[0] != 1 || mem[5 * PAGE] != 1 || writes_some(mem) || mem[0] != 2;
}

static volatile int ticks;

static void on_tick(int sig)
{
	(void)sig;
	ticks++;
}

/* It has to be stopped while it runs, again and again. */
static int is_interrupted(char *mem)
{
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };

	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &every, NULL);
	while (ticks < 10)
		mem[0]++;
	return 0;
}

static void mixed(void)
{
	char *mem = pages(8);
	int i, bad = 0;

	for (i = 0; i < OFTEN && !bad; i++) {
		int (*what[])(char *) = { nothing, makes_threads, writes_some, is_interrupted, ours_of_few };

		bad = in_child(what[i % 5], mem);
	}
	check(!bad && mem[0] == 1, "children of all kinds after each other");
	munmap(mem, 8 * PAGE);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "refused"))
		return refused();
	separate();
	rights();
	shared(argv[1]);
	user_faults();
	copies();
	ordered();
	registers();
	mixed();
	printf("1..%d\n", number);
	return failed;
}
