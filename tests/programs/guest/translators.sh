# SPDX-License-Identifier: GPL-2.0-or-later
cat > work.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int sum;
static void *work(void *arg)
{
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&lock);
		sum += (int)(long)arg;
		pthread_mutex_unlock(&lock);
		usleep(1);
	}
	return NULL;
}
int main(int argc, char **argv)
{
	pthread_t t[2];
	volatile char *p = malloc(10);
	int status;

	(void)argv;
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, work, (void *)(i + 1));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	if (!fork())
		_exit(7);
	wait(&status);
	for (int i = 0; i < 100; i++)
		getppid();
	p[argc > 1 ? 10 : 9] = 1;
	printf("sum %d, child %d\n", sum, WEXITSTATUS(status));
	free((char *)p);
	return 0;
}
C
gcc -g -O1 -pthread -o work work.c || exit

memcheck()
{
	valgrind --error-exitcode=9 ./work > v.out 2>&1 || { cat v.out; return 1; }
	cat v.out
	grep -q 'sum 600, child 7' v.out && grep -q 'ERROR SUMMARY: 0 errors' v.out || return
	valgrind --error-exitcode=9 ./work x > v.out 2>&1
	[ $? = 9 ] && grep -q 'Invalid write of size 1' v.out
}
t "valgrind memcheck runs a dynamic program, and finds its mistake" memcheck

helgrind()
{
	valgrind --tool=helgrind --error-exitcode=9 ./work > v.out 2>&1 || { cat v.out; return 1; }
	grep -q 'sum 600, child 7' v.out
}
t "valgrind helgrind runs it with its threads" helgrind

debians()
{
	valgrind -q --error-exitcode=9 ls / > v.out 2>&1 && valgrind -q --error-exitcode=9 bash -c 'echo $(echo deep | sed s/d/k/)' > v.out 2>&1 &&
		grep -q keep v.out
}
t "valgrind runs ls, bash and sed" debians

user_mode()
{
	[ "$(qemu-x86_64-static /bin/echo there)" = there ] && qemu-x86_64-static ./work > q.out && cat q.out &&
		grep -q 'sum 600, child 7' q.out && [ "$(qemu-x86_64-static /usr/bin/python3 -c 'print(6 * 7)')" = 42 ]
}
t "qemu-x86_64-static runs dynamic programs" user_mode

gdb_program()
{
	gdb -q -batch -nx -ex 'b usleep' -ex run -ex bt -ex delete -ex 'disassemble getppid' -ex c ./work < /dev/null > g.out 2>&1
	cat g.out
	grep -q 'work (arg=' g.out && grep -q 'syscall' g.out && grep -q 'sum 600, child 7' g.out
}
t "gdb runs it, and disassembles system calls" gdb_program

# Calls are made from one page, through a pointer; all other pages are compared.
cat > reads.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static unsigned long calls[32];
static int ncalls;
static int pages, different, unexplained;
static int one(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *name = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
	int fd;

	(void)size;
	(void)arg;
	if (strstr(name, "vdso"))
		return 0;
	fd = open(name, O_RDONLY);
	for (int i = 0; fd >= 0 && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		unsigned char *at = (void *)(info->dlpi_addr + (ph->p_vaddr & -4096ul)), *file;
		size_t len = ph->p_filesz & -4096ul;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || !len)
			continue;
		file = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, ph->p_offset & -4096ul);
		if (file == MAP_FAILED)
			return 1;
		for (size_t p = 0; p < len; p += 4096) {
			int called = 0;

			pages++;
			if (!memcmp(at + p, file + p, 4096))
				continue;
			different++;
			for (int c = 0; c < ncalls; c++)
				called |= (calls[c] & -4096ul) == (unsigned long)(at + p);
			/* The dynamic linker made calls of its own. */
			if (!called && !strstr(name, "ld-linux"))
				unexplained++;
		}
		munmap(file, len);
	}
	close(fd);
	return 0;
}
int main(void)
{
	void *names[] = { getppid, open, close, mmap, munmap, write, read };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		calls[ncalls++] = (unsigned long)names[i];
		calls[ncalls++] = (unsigned long)names[i] + 64;
	}
	for (int i = 0; i < 1000; i++)
		getppid();
	dl_iterate_phdr(one, NULL);
	printf("pages %d, different %d, unexplained %d\n", pages, different, unexplained);
	return unexplained || pages < 100;
}
C
gcc -O1 -o reads reads.c || exit
reads()
{
	./reads && ./reads && LD_BIND_NOW=1 ./reads
}
t "a program finds its libraries' bytes but where it has made calls from" reads

# What looks like MOV and is the end of LEA: the number is right, and EDI must be, too.
cat > lea.c <<'C'
#include <stdio.h>
#include <unistd.h>
long lea_call(void);
__asm__(".text\n.balign 64\n.fill 40, 1, 0x90\n.globl lea_call\nlea_call:\n"
	"	movl $39, %eax\n"
	"	.byte 0x8d, 0xb8, 0x27, 0, 0, 0\n"	/* lea 39(%rax), %edi */
	"	syscall\n"
	"	movslq %edi, %rdx\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	ret\n");
int main(void)
{
	long want = 78L << 32 | getpid();

	for (int i = 0; i < 200; i++)
		if (lea_call() != want)
			return printf("call %d: %lx, not %lx\n", i, lea_call(), want), 1;
	return 0;
}
C
gcc -O1 -o lea lea.c || exit
t "an instruction that ends like a MOV is left as it is" ./lea
finish
