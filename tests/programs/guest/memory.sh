# SPDX-License-Identifier: GPL-2.0-or-later
cat > noaccess.c <<'C'
/* PROT_NONE memory, and read-only memory, by calls that pin pages. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
int main(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), c[4096];
	struct iovec v = { p, 4096 };
	int pipes[2], file = open("direct", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);

	if (pipe(pipes) || file < 0)
		return 2;
	memset(p, 's', 8192);
	if (write(file, p, 4096) != 4096)
		return 3;
	mprotect(p, 4096, PROT_NONE);
	if (vmsplice(pipes[1], &v, 1, 0) != -1 || errno != EFAULT)
		return printf("vmsplice() reads PROT_NONE\n"), 1;
	if (write(pipes[1], p, 4096) != -1 || errno != EFAULT)
		return printf("write() reads PROT_NONE\n"), 1;
	if (pwrite(file, p, 4096, 0) != -1 || errno != EFAULT)
		return printf("direct I/O reads PROT_NONE\n"), 1;
	if (pread(file, p, 4096, 0) != -1 || errno != EFAULT)
		return printf("direct I/O writes PROT_NONE\n"), 1;
	mprotect(p, 4096, PROT_READ);
	if (pread(file, p, 4096, 0) != -1 || errno != EFAULT)
		return printf("direct I/O writes read-only memory\n"), 1;
	if (vmsplice(pipes[1], &v, 1, 0) != 4096 || read(pipes[0], c, 4096) != 4096 || c[77] != 's')
		return printf("vmsplice() does not read what may be read\n"), 1;
	return 0;
}
C
gcc -O1 -o noaccess noaccess.c || exit
t "what may not be accessed is not pinned either" ./noaccess

cat > faults.c <<'C'
/* Page faults are counted, those that the kernel makes for the program, too. */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
					.config = PERF_COUNT_SW_PAGE_FAULTS };
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), zero = open("/dev/zero", O_RDONLY);
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t before, after;

	if (fd < 0)
		return perror("perf_event_open"), 1;
	madvise(p, 1 << 20, MADV_NOHUGEPAGE);
	if (read(fd, &before, 8) != 8)
		return 2;
	for (int i = 0; i < 256; i += 2) {
		p[i * 4096] = 1;
		if (read(zero, p + (i + 1) * 4096, 8) != 8)
			return 3;
	}
	if (read(fd, &after, 8) != 8)
		return 4;
	printf("%lu faults\n", (unsigned long)(after - before));
	return after - before < 128;
}
C
gcc -O1 -o faults faults.c || exit
t "faults are counted, the kernel's own as well" ./faults

cat > grows.c <<'C'
/* A stack that grows down over the addresses of the site table (0x60000 to 0x69000). */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	int status;
	volatile char *top = mmap((void *)0x80000, 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
	long pid = getpid();

	if (top != (char *)0x80000)
		return perror("mmap"), 2;
	for (int i = 0; i < 100; i++)
		if (syscall(SYS_getpid) != pid || getppid() <= 0)
			return 3;
	/* Each touch is below all others, and what has grown is zero. */
	for (unsigned long at = 0x7f000; at >= 0x50000; at -= 4096) {
		volatile unsigned char *p = (void *)at;

		for (int i = 0; i < 4096; i += 8)
			if (p[i])
				return printf("%lx is not zero\n", at + i), 1;
		*p = 0xa5;
		if (syscall(SYS_getpid) != pid)
			return 4;
	}
	for (unsigned long at = 0x7f000; at >= 0x50000; at -= 4096)
		if (*(volatile unsigned char *)at != 0xa5)
			return printf("%lx is not what was written\n", at), 1;
	if (fork() == 0) {
		for (unsigned long at = 0x7f000; at >= 0x50000; at -= 4096)
			if (*(volatile unsigned char *)at != 0xa5 || syscall(SYS_getppid) != pid)
				_exit(1);
		_exit(0);
	}
	return wait(&status) < 0 || status;
}
C
gcc -O1 -o grows grows.c || exit
t "a stack grows over the site table" ./grows

cat > shared.c <<'C'
/* A shared executable mapping sees what is written to the file, whatever others call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
/* mov $39, %eax; syscall; ret, behind an endbr64 that makes the boundary certain */
static const unsigned char code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x90, 0x90, 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };
int main(void)
{
	static unsigned char page[4096];
	int fd = open("code", O_RDWR | O_CREAT | O_TRUNC, 0755), ro, status;
	unsigned char *shared, *private;

	memset(page, 0x90, sizeof(page));
	memcpy(page + 256, code, sizeof(code));
	if (write(fd, page, 4096) != 4096)
		return 2;
	ro = open("code", O_RDONLY);
	shared = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, ro, 0);
	if (shared[256 + 6] != 0xb8 || ((long (*)(void))(shared + 256))() != getpid())
		return 3;
	if (!fork()) {
		private = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, ro, 0);
		for (int i = 0; i < 100; i++)
			if (((long (*)(void))(private + 256))() != getpid())
				_exit(1);
		_exit(0);
	}
	wait(&status);
	if (status)
		return 4;
	for (int i = 0; i < 100; i++)
		if (((long (*)(void))(shared + 256))() != getpid() || memcmp(shared, page, 4096))
			return printf("the shared mapping is not the file's\n"), 1;
	munmap(shared, 4096);
	shared = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, ro, 0);
	for (int i = 0; i < 100; i++)
		if (((long (*)(void))(shared + 256))() != getpid() || memcmp(shared, page, 4096))
			return printf("the new shared mapping is not the file's\n"), 1;
	page[256 + 7] = 110;	/* getppid */
	if (pwrite(fd, page, 4096, 0) != 4096)
		return 5;
	if (memcmp(shared, page, 4096) || ((long (*)(void))(shared + 256))() != getppid())
		return printf("the shared mapping does not see a write\n"), 1;
	return 0;
}
C
gcc -O1 -o shared shared.c || exit
t "a shared executable mapping is the file" ./shared
finish
