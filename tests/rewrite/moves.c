// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rewritten calls whose page or table goes while they are made, and files that are read
 * for a proof: nobody may notice. Run as: moves SECONDS.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OFTEN	64

static int failed, number, seconds = 2;

static void check(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	failed |= !good;
}

/* What a child finds, whatever happens to it. It has half a minute. */
static int in_child(int (*find)(void))
{
	int status = 1;
	pid_t p = fork();

	if (!p) {
		alarm(30);
		_exit(!find());
	}
	return waitpid(p, &status, 0) == p && !status;
}

/* One page, which is executed where map_page() has it. */
long tail_call(long nr, long a), tail_behind(long rax), head_call(void), head_inside(long nr);
long before_behind(long nr), unclear(void);
extern char page_start[];
__asm__(".text\n"
	".balign 4096\n"
	"page_start:\n"
	"	.fill 32, 1, 0x90\n"
	".globl tail_call\n"
	"tail_call:\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	syscall\n"
	"1:	cmp $-4095, %rax\n"
	"	sbb %rdx, %rdx\n"		/* -1 if it is no error */
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl tail_behind\n"
	"tail_behind:\n"
	"	movq %rdi, %rax\n"
	"	jmp 2f\n"
	"	.fill 32, 1, 0x90\n"
	".globl before_behind\n"
	"before_behind:\n"
	"	movq %rdi, %rax\n"
	"	syscall\n"
	"2:	cmp $-4095, %rax\n"
	"	sbb %rax, %rax\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl head_call\n"
	"head_call:\n"
	"	movl $110, %eax\n"		/* getppid */
	"3:	syscall\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl head_inside\n"
	"head_inside:\n"
	"	movq %rdi, %rax\n"
	"	jmp 3b\n"
	"	.fill 32, 1, 0x90\n"
	/* A MOV that may be the end of another instruction: that is looked up in the file. */
	".globl unclear\n"
	"unclear:\n"
	"	movl $39, %eax\n"		/* getpid */
	"	movl $39, -0x48(%rsp)\n"
	"	syscall\n"
	"	ret\n"
	".balign 4096\n");

/* Where a function of the page is: above all else, so that it is unmapped last. */
#define AT(function) ((__typeof__(&function))(place + ((char *)function - page_start)))
static char *const place = (void *)0x6f0000000000;

/* In a file that nobody else has mapped: only then the page is written out. */
static void make_page(void)
{
	int fd = open("moves-page", O_RDWR | O_CREAT | O_TRUNC, 0700);

	if (write(fd, page_start, 4096) != 4096 || fsync(fd) || close(fd))
		_exit(2);
}

static void map_page(void)
{
	int fd = open("moves-page", O_RDONLY);

	if (mmap(place, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) != place)
		_exit(2);
	close(fd);
}

/* At one pace and another: what it hits is the moment between trap and look. */
static void *page_out(void *arg)
{
	volatile int n, turns = 0;

	for (;; turns++) {
		madvise(place, 4096, MADV_PAGEOUT);
		for (n = turns / 256 % 16 * 200; n > 0; n--)
			;
	}
	return arg;
}

/* A thread jumps to where the jump traps, while a sibling has the page written out. */
static int page_goes(void)
{
	long ppid = syscall(SYS_getppid), pid = syscall(SYS_getpid);
	int i, tail = rand() % 2, good = 1;
	pthread_t thread;

	make_page();
	map_page();
	for (i = 0; i < OFTEN; i++)
		good &= AT(before_behind)(SYS_getppid) == -1 && AT(head_call)() == ppid;
	if (pthread_create(&thread, NULL, page_out, NULL))
		return 0;
	for (i = 0; good && i < 3000; i++) {
		if (tail)
			good &= AT(tail_behind)(i % 100 - 50) == -(i % 100 >= 50);
		else
			good &= AT(head_inside)(SYS_getpid) == pid;
	}
	return good;
}

/* Children for a while: each finds it once, if it does. */
static int often(int (*find)(void), int times)
{
	time_t end = time(NULL) + times * seconds;
	int good = 1;

	while (good && time(NULL) < end) {
		rand();
		good &= in_child(find);
	}
	return good;
}

static void *call(void *arg)
{
	for (;;)
		AT(tail_call)(SYS_getppid, 0);
	return arg;
}

/* The program maps something where the site table is: from then on nothing is rewritten. */
static int table_goes(void)
{
	size_t size = 32 << 20;
	pthread_t thread;

	map_page();
	/* Between the table and the page, so that it takes time until that is unmapped, too. */
	memset(mmap((void *)0x10000000, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), 1,
	       size);
	if (pthread_create(&thread, NULL, call, NULL))
		return 0;
	usleep(3000 + rand() % 2000);
	mmap((void *)0x60000, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	usleep(2000);
	return 1;
}

/* Who watches the file sees nobody read it. */
static int unseen(void)
{
	int fd = inotify_init1(IN_NONBLOCK), i, good = 1;
	char events[4096];

	make_page();
	if (inotify_add_watch(fd, "moves-page", IN_ACCESS) < 0)
		return 0;
	map_page();
	for (i = 0; i < OFTEN; i++)
		good &= AT(unclear)() == syscall(SYS_getpid);
	return good && read(fd, events, sizeof(events)) == -1;
}

/* Who is to allow each reading of the file does not wait for himself. */
static int unasked(void)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY), i, good = 1;

	make_page();
	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_ACCESS_PERM, AT_FDCWD, "moves-page"))
		return 1;	/* only root may, and not every kernel asks */
	map_page();
	alarm(5);
	for (i = 0; i < OFTEN; i++)
		good &= AT(unclear)() == syscall(SYS_getpid);
	return good;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1)
		seconds = atoi(argv[1]);
	check(often(page_goes, 1), "jumps into the middle of a call whose page goes");
	check(often(table_goes, 2), "threads call while rewriting is switched off");
	check(in_child(unseen), "a file that is looked into for a proof has no reader");
	check(in_child(unasked), "nor is anybody asked");
	unlink("moves-page");
	printf("1..%d\n", number);
	return failed;
}
