// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Can who may only read a file change what others execute or see of it? By jumps to
 * system calls that are inside of other instructions, through private mappings of
 * pages that others have mapped shared, and by adding places while others need them.
 * MILLISECONDS for the last.
 *
 * As guest root: root is who is attacked, by uid 1000.
 */
#define _GNU_SOURCE
#include "attack.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[64];
static unsigned char page[PAGE];

static long call_at(const unsigned char *site, long nr)
{
	register long ax __asm__("rax") = nr;

	/* Whatever the code does to the stack: a page of it is spare. */
	__asm__ volatile("subq $4096, %%rsp; call *%1; addq $4096, %%rsp"
			 : "+r"(ax) : "r"(site) : "rcx", "rdx", "r11", "memory", "cc");
	return ax;
}

static int make_file(void)
{
	static int n;
	int fd;

	snprintf(path, sizeof(path), "/tmp/patches-%d-%d", getpid(), n++);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || pwrite(fd, page, PAGE, 0) != PAGE)
		cannot("no file");
	return fd;
}

static unsigned char *map_file(int prot, int flags)
{
	int fd = open(path, (flags & MAP_SHARED) && !getuid() ? O_RDWR : O_RDONLY);
	unsigned char *p = mmap(NULL, PAGE, prot, flags, fd, 0);

	if (fd < 0 || p == MAP_FAILED)
		cannot("cannot map the file");
	close(fd);
	return p;
}

/* In a process of uid 1000; it may end as it likes. */
static void as_user(void (*fn)(void))
{
	int pid = fork(), status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!getuid() && (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
			_exit(3);
		fn();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
		cannot("setresuid");
}

/* ---- inside of instructions ---- */

/* movabs $imm, %rax; ret: what a function returns. The immediates hold
 * syscall; cmp $-4095, %rax and mov $39, %eax; syscall. */
static const struct inside {
	unsigned int at, len;
	unsigned int jump;		/* where the system call begins, from the start */
	unsigned int size;		/* of the immediate */
	const char *bytes;
} insides[] = {
	{ 0x100, 11, 2, 8, "\x48\xb8\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3" },
	{ 0x140, 11, 2, 8, "\x48\xb8\xb8\x27\x00\x00\x00\x0f\x05\xc3\xc3" },
	/* mov $0x3d48050f, %eax; nop; nop; nop; ret: what is compared follows it */
	{ 0x180, 9, 1, 4, "\xb8\x0f\x05\x48\x3d\x90\x90\x90\xc3" },
};
#define NR_INSIDES (sizeof(insides) / sizeof(insides[0]))

/* Each immediate as the code returns it. */
static unsigned long immediate(const struct inside *in)
{
	unsigned long v = 0;

	memcpy(&v, in->bytes + in->jump, in->size);
	return v;
}

static void jump_inside(void)
{
	unsigned char *p = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	unsigned int i;
	int n;

	for (i = 0; i < NR_INSIDES; i++) {
		for (n = 0; n < 4; n++) {
			trying = 1;
			if (TRY())
				call_at(p + insides[i].at + insides[i].jump, SYS_getpid);
			trying = 0;
		}
	}
}

static void same_instructions(const unsigned char *p, const char *whose)
{
	unsigned int i;

	for (i = 0; i < NR_INSIDES; i++) {
		unsigned long (*f)(void) = (void *)(p + insides[i].at), got = 0;

		shared->word[0]++;
		trying = 1;
		if (TRY())
			got = f();
		else
			got = ~0UL;
		trying = 0;
		if (got != immediate(&insides[i]))
			through("uid 1000 changed an instruction of %s: %#lx is %#lx", whose, immediate(&insides[i]), got);
		if (memcmp(p + insides[i].at, insides[i].bytes, insides[i].len))
			through("uid 1000 changed what %s reads of its code", whose);
	}
}

static void inside(void)
{
	unsigned char *before, *after;
	unsigned int i;
	int status, pid;

	memset(page, 0x90, PAGE);
	for (i = 0; i < NR_INSIDES; i++)
		memcpy(page + insides[i].at, insides[i].bytes, insides[i].len);
	close(make_file());
	before = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	same_instructions(before, "a program");
	as_user(jump_inside);
	same_instructions(before, "a program that runs");
	after = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	same_instructions(after, "a program that maps it later");
	munmap(after, PAGE);
	pid = fork();
	if (!pid) {
		same_instructions(before, "a child");
		munmap(before, PAGE);
		same_instructions(map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE), "a child that maps it anew");
		_exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	madvise(before, PAGE, MADV_DONTNEED);
	same_instructions(before, "a program that faults it in anew");
	unlink(path);
}

/* ---- shared mappings, and who reads ---- */

#define TAIL_AT 0x200
#define HEAD_AT 0x300
#define NOTE_AT 0x800

static void put_calls(void)
{
	memset(page, 0x90, PAGE);
	memcpy(page + TAIL_AT, "\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3", 9);
	memcpy(page + HEAD_AT, "\xb8\x6e\x00\x00\x00\x0f\x05\xc3", 8);	/* getppid */
}

static void make_calls(void)
{
	unsigned char *p = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	int n;

	for (n = 0; n < 4; n++) {
		call_at(p + TAIL_AT, SYS_getppid);
		call_at(p + HEAD_AT, 0);
	}
}

/* What is mapped, shared or private, is what the file says now. */
static void is_file(const volatile unsigned char *p, const char *what)
{
	unsigned int i;

	shared->word[1]++;
	for (i = 0; i < PAGE; i++)
		if (p[i] != page[i]) {
			through("uid 1000 altered %s at %#x: %02x, the file has %02x", what, i, p[i], page[i]);
			return;
		}
}

static void changed(int fd, const volatile unsigned char *p, const char *what)
{
	int n;

	is_file(p, what);
	for (n = 0; n < 4; n++) {
		page[NOTE_AT + n] ^= 0x55;
		page[TAIL_AT + 16] ^= 1;
		if (pwrite(fd, page, PAGE, 0) != PAGE)
			cannot("pwrite");
		is_file(p, what);
	}
}

static void stale(void)
{
	unsigned char *executable, *later, *own, *data;
	int fd;

	put_calls();
	fd = make_file();
	executable = map_file(PROT_READ | PROT_EXEC, MAP_SHARED);
	own = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	data = map_file(PROT_READ, MAP_SHARED);
	is_file(executable, "a shared mapping");
	is_file(own, "a private mapping");
	as_user(make_calls);
	changed(fd, executable, "a shared mapping");
	changed(fd, data, "a shared mapping of data");
	later = map_file(PROT_READ | PROT_EXEC, MAP_SHARED);
	as_user(make_calls);
	changed(fd, later, "a shared mapping made later");
	madvise(executable, PAGE, MADV_DONTNEED);
	changed(fd, executable, "a shared mapping that was faulted in anew");
	/* Not written to, a private mapping reads as the file, if no call was made there. */
	munmap(own, PAGE);
	own = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	as_user(make_calls);
	is_file(own, "a private mapping made later");
	mprotect(own, PAGE, PROT_READ);
	is_file(own, "a private mapping that is only read");
	mprotect(own, PAGE, PROT_READ | PROT_EXEC);
	is_file(own, "a private mapping that may be executed again");
	munmap(own, PAGE);
	/* One that calls from a private mapping and looks through a shared one of the same page. */
	make_calls();
	changed(fd, executable, "a shared mapping beside a private one with calls");
	close(fd);
	unlink(path);
}

/* ---- a place that was there is there ---- */

#define LAST 0xf00		/* mov $110, %eax; syscall; ret */
#define FIRST 0x100
#define APART 32
#define SITES 90

static volatile int *go;

static void add_places(void)
{
	unsigned char *p = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	int n;

	stay_on(0);
	while (!*go)
		sched_yield();
	/* From the end: each one goes before all others. */
	for (n = SITES - 1; n >= 0; n--) {
		call_at(p + FIRST + n * APART, SYS_getppid);
		call_at(p + FIRST + n * APART, SYS_getppid);
	}
	*go = 2;
}

/* Jumps to the call of what is rewritten, which traps, until all are there. */
static int jump_behind(long unused)
{
	unsigned char *p = map_file(PROT_READ | PROT_EXEC, MAP_PRIVATE);
	unsigned long n = 0;
	long parent = getppid();
	bool good = true;

	stay_on(cpus() - 1);
	call_at(p + LAST, 0);
	call_at(p + LAST, 0);
	call_at(p + LAST, 0);
	*go = 1;
	trying = 1;
	if (TRY()) {
		while (*go != 2 && good) {
			good = call_at(p + LAST + 5, SYS_getppid) == parent;
			n++;
		}
		if (!good)
			through("a call in the middle of a rewritten one has another result");
	} else {
		through("signal %d at a call, while somebody else adds one in the same page", caught.sig);
	}
	trying = 0;
	shared->word[2] += n;
	*go = 2;
	return 0;
}

static void inserted(long ms)
{
	struct timespec t, now;
	int i, pid;

	go = (volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (go == MAP_FAILED)
		cannot("no memory");
	memset(page, 0x90, PAGE);
	for (i = 0; i < SITES; i++)
		memcpy(page + FIRST + i * APART, "\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3", 9);
	memcpy(page + LAST, "\xb8\x6e\x00\x00\x00\x0f\x05\xc3", 8);
	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		*go = 0;
		close(make_file());
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			as_user(add_places);
			_exit(0);
		}
		in_child(jump_behind, 0, 5000);
		*go = 2;
		while (waitpid(pid, NULL, 0) != pid)
			;
		unlink(path);		/* and its places are free again */
		shared->word[3]++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!shared->through && (now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < ms);
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 2000;
	const char *which = argc > 2 ? argv[2] : "";

	attack_init();
	if (!*which || !strcmp(which, "inside"))
		inside();
	if (!*which || !strcmp(which, "stale"))
		stale();
	if (!*which || !strcmp(which, "inserted"))
		inserted(ms);
	printf("%lu instructions, %lu mappings, %lu jumps in %lu files\n", shared->word[0], shared->word[1],
	       shared->word[2], shared->word[3]);
	return attack_end();
}
