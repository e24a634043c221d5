// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages of code: files of them, and what has to be true of each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "userfuzz.h"

const unsigned char *code[FILES];

const struct function functions[2] = {
	/* movabs $imm, %rax; ret, with calls in the immediates */
	{ 0x20, 11, 2, "\x48\xb8\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3" },
	{ 0x40, 11, 2, "\x48\xb8\xb8\x27\x00\x00\x00\x0f\x05\xc3\xc3" },
};

void make_page(unsigned char *p, int n)
{
	static const unsigned char nrs[] = { SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid };
	unsigned int good = GOOD | n, i;

	memset(p, 0x90, PAGE);
	p[0x10] = 0xb8;
	memcpy(p + 0x11, &good, 4);
	p[0x15] = 0xc3;
	for (i = 0; i < 2; i++)
		memcpy(p + functions[i].at, functions[i].bytes, functions[i].len);
	for (i = 0; i < SITES; i++) {
		unsigned char *s = p + FIRST + i * APART;

		memcpy(s, "\xb8\0\0\0\0\x0f\x05\xc3", 8);
		s[1] = nrs[i % 4];
		memcpy(s + 16, "\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3", 9);
	}
	memset(p + DATA, 0x40 + n, PAGE - DATA);
}

void make_files(int round)
{
	unsigned char p[PAGE];
	char path[128];
	int f, n, fd;

	for (f = 0; f < FILES; f++) {
		snprintf(path, sizeof(path), "%s/%d-%d", board->dir, round - 2, f);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%d-%d", board->dir, round, f);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;		/* the first round's, which the witnesses have mapped */
		if (fd < 0)
			cannot("no file");
		for (n = 0; n < PAGES; n++) {
			make_page(p, n);
			if (write(fd, p, PAGE) != PAGE)
				cannot("no room");
		}
		close(fd);
	}
	make_data(round);
}

const unsigned char *map_code(int f, int flags)
{
	char path[128];
	const void *p = MAP_FAILED;
	int fd;

	snprintf(path, sizeof(path), "%s/%d-%d", board->dir, board->round, f);
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

long call_at(const unsigned char *site, long nr, long a, long b)
{
	register long ax __asm__("rax") = nr;
	register long di __asm__("rdi") = a;
	register long si __asm__("rsi") = b;

	__asm__ volatile("subq $128, %%rsp; call *%3; addq $128, %%rsp" : "+r"(ax) : "r"(di), "r"(si), "r"(site)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	return ax;
}

/* Executes and reads what is never rewritten of a page. Makes no call. */
static int page_wrong(const unsigned char *file, int n)
{
	const volatile unsigned char *p = file + n * PAGE;
	unsigned int (*f)(void) = (void *)(p + 0x10), i;
	unsigned long (*g)(void), want;

	for (i = DATA; i < PAGE; i += 8)
		if (p[i] != 0x40 + n)
			return i;
	if (f() != (GOOD | n))
		return 0x10;
	for (i = 0; i < 2; i++) {
		g = (void *)(p + functions[i].at);
		memcpy(&want, functions[i].bytes + 2, 8);
		/* In a process that jumped into it, that is its own doing. */
		if (!hostile && g() != want)
			return functions[i].at;
	}
	return 0;
}

void look_at_code(const unsigned char *file, int n, const char *what)
{
	int at = page_wrong(file, n);

	board->looks++;
	if (at)
		finding("%s is wrong at %#x: %#lx", what, at, *(const unsigned long *)(file + n * PAGE + (at & ~7)));
}
