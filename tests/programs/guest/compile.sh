# SPDX-License-Identifier: GPL-2.0-or-later
cat > hello.c <<'C'
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
	printf("hello %d %s\n", argc, argv[argc - 1]);
	return strlen(argv[argc - 1]);
}
C

dynamic()
{
	gcc -O2 -Wall -o hello hello.c && { ./hello abc; [ $? = 3 ]; } && [ "$(./hello ring3)" = "hello 2 ring3" ]
}
t "gcc builds a program that runs" dynamic

static()
{
	gcc -O2 -static -o hello-static hello.c && [ "$(./hello-static x)" = "hello 2 x" ] &&
		readelf -h hello-static | grep -q 'Type:.*EXEC'
}
t "gcc -static builds a program that runs" static

cat > threads.c <<'C'
#include <pthread.h>
#include <stdio.h>
static __thread long mine;
static long total;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t start;
static void *work(void *arg)
{
	pthread_barrier_wait(&start);
	for (int i = 0; i < 20000; i++) {
		mine++;
		pthread_mutex_lock(&lock);
		total++;
		pthread_mutex_unlock(&lock);
	}
	return (void *)mine;
}
int main(void)
{
	pthread_t t[16];
	long sum = 0;

	pthread_barrier_init(&start, 0, 16);
	for (int i = 0; i < 16; i++)
		if (pthread_create(&t[i], 0, work, 0))
			return 2;
	for (int i = 0; i < 16; i++) {
		void *v;

		pthread_join(t[i], &v);
		sum += (long)v;
	}
	printf("%ld %ld\n", total, sum);
	return !(total == 320000 && sum == 320000);
}
C
threads()
{
	gcc -O2 -pthread -o threads threads.c && ./threads
}
t "16 threads: mutex, barrier, thread-local storage" threads

cat > jump.c <<'C'
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>
static sigjmp_buf env;
static volatile sig_atomic_t alarms, faults;
static char *guard;
static void on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	if (sig != SIGSEGV || si->si_addr != guard + 100 || si->si_code != SEGV_ACCERR)
		_exit(10);
	faults++;
	siglongjmp(env, 1);
}
static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}
int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_size = 65536, .ss_sp = malloc(65536) };
	struct itimerval it = { { 0, 2000 }, { 0, 2000 } };
	volatile double x = 1;
	volatile int i;

	guard = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(guard, 1, 4096);
	mprotect(guard, 4096, PROT_NONE);
	sigaltstack(&ss, 0);
	sigaction(SIGSEGV, &sa, 0);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, 0);
	for (i = 0; i < 2000 || alarms < 20; i++) {
		double want = x * 1.5;

		if (!sigsetjmp(env, 1)) {
			guard[100] = 1;
			return 11;
		}
		if (want != x * 1.5)
			return 12;
		x = x > 1e6 ? 1 : want;
	}
	printf("%d faults, %d alarms\n", faults, alarms);
	return faults != i;
}
C
jump()
{
	gcc -O2 -o jump jump.c && ./jump
}
t "faults, sigsetjmp out of a handler on its own stack, timer signals" jump

# Two processes and a timer's signals work on vector registers at once: state
# that leaked from one to the other or out of a handler gives a wrong sum.
cat > avx.c <<'C'
#include <immintrin.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int alarms;
__attribute__((target("avx2"))) static void spoil(int sig)
{
	(void)sig;
	alarms++;
	__asm__ volatile("vpcmpeqd %%ymm0,%%ymm0,%%ymm0; vmovdqa %%ymm0,%%ymm1; vmovdqa %%ymm0,%%ymm7;"
			 "vmovdqa %%ymm0,%%ymm15" ::: "xmm0", "xmm1", "xmm7", "xmm15");
}
__attribute__((target("avx2,fma"))) static int avx(int seed)
{
	__m256d a = _mm256_set1_pd(seed), one = _mm256_set1_pd(1), s = _mm256_setzero_pd();
	double out[4];

	for (long i = 0; i < 40000000; i++) {
		s = _mm256_fmadd_pd(a, one, s);
		if (i % 10000000 == 0)
			usleep(1000);
	}
	_mm256_storeu_pd(out, s);
	for (int i = 0; i < 4; i++)
		if (out[i] != 40000000.0 * seed)
			return 1;
	return 0;
}
static int sse(int seed)
{
	volatile double s = 0;

	for (long i = 0; i < 20000000; i++)
		s += seed;
	return s != 20000000.0 * seed;
}
int main(void)
{
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } };
	int has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), bad = 0, st;

	if (has)
		signal(SIGALRM, spoil);
	for (int k = 1; k <= 3; k++)
		if (!fork()) {
			if (has)
				setitimer(ITIMER_REAL, &it, 0);
			st = has ? avx(k) : sse(k);
			_exit(st ? 1 : has && !alarms ? 2 : 0);
		}
	while (wait(&st) > 0)
		bad |= st;
	printf("avx %d, status %#x\n", has, bad);
	return bad != 0;
}
C
avx()
{
	gcc -O2 -o avx avx.c && ./avx
}
t "vector registers survive signals and other processes" avx

make_project()
{
	mkdir p && cd p || return
	for i in 1 2 3 4 5 6; do echo "int f$i(int x) { return x + $i; }" > f$i.c; done
	echo '#include <stdio.h>
int f1(int),f2(int),f3(int),f4(int),f5(int),f6(int);
int main(void){printf("%d\n",f1(f2(f3(f4(f5(f6(0)))))));return 0;}' > main.c
	printf 'OBJS=main.o f1.o f2.o f3.o f4.o f5.o f6.o\nprog: $(OBJS)\n\t$(CC) -o $@ $(OBJS)\n' > Makefile
	make -j4 && [ "$(./prog)" = 21 ] && [ "$(make)" = "make: 'prog' is up to date." ]
}
t "make -j4 builds a project and then has nothing to do" make_project
finish
