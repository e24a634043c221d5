// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that attacks are after: its memory holds a secret and its vector
 * registers a pattern. It looks after both all the time and notes in the file
 * BEATS how often all was well; a word that is not as it was ends it.
 */
#include "attack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGES 64

static int damaged(const unsigned long *words)
{
	unsigned long got[2], want[2] = { 0x5afe5afe5afe5afe, 0x5ec7e75ec7e75ec7 };
	struct timespec t = { 0, 2000000 };
	unsigned int i;
	long ret;

	__asm__ volatile("movups (%2), %%xmm9\n\tsyscall\n\tmovups %%xmm9, (%1)"
			 : "=a"(ret) : "r"(got), "r"(want), "0"(35), "D"(&t), "S"(0)	/* nanosleep */
			 : "rcx", "r11", "memory", "xmm9");
	if (memcmp(got, want, sizeof(got)))
		return 1;
	for (i = 0; i < PAGES * PAGE / 8; i++)
		if (words[i] != i * 0x9e3779b97f4a7c15UL)
			return 2;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long *words = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *secret = strdup(SECRET), line[128];
	int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1, what;
	unsigned long beats, i;

	if (fd < 0 || words == MAP_FAILED)
		return 2;
	for (i = 0; i < PAGES * PAGE / 8; i++)
		words[i] = i * 0x9e3779b97f4a7c15UL;
	for (beats = 1;; beats++) {
		what = damaged(words);
		i = snprintf(line, sizeof(line), "%d %lx %lu %s\n", getpid(), (unsigned long)secret, beats,
			     what ? "DAMAGED" : "well");
		if (pwrite(fd, line, i, 0) != (long)i || what)
			return 1;
	}
}
