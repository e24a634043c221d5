// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs do. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "userfuzz.h"

void *in_page(void *arg)
{
	struct timespec t, now;
	int n = (long)arg;

	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		look_at_code(code[0], n, "code that a thread is in");
		look_at_region(&regions[0]);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < 20 && !board->stop);
	return NULL;
}

static const unsigned char *some_site(int *n)
{
	*n = rnd(SITES);
	return code[0] + rnd(PAGES) * PAGE + FIRST + *n * APART;
}

/* What the call at a site answers. */
long right_answer(int n)
{
	switch (n % 4) {
	case 0: return syscall(SYS_getpid);
	case 1: return syscall(SYS_getppid);
	case 2: return syscall(SYS_gettid);
	}
	return syscall(SYS_getuid);
}

void use_pipe(void)	/* whose pages have been others' */
{
	static unsigned long out[512], in[512];
	int fd[2], i, n;

	if (pipe(fd))
		return;
	for (i = 0; i < 512; i++)
		out[i] = canary(me, i);
	for (n = 0; n < 15; n++)
		if (write(fd[1], out, PAGE) != PAGE)
			goto out;
	usleep(rnd(3000));
	for (n = 0; n < 15; n++)
		if (read(fd[0], in, PAGE) != PAGE || memcmp(in, out, PAGE)) {
			finding("a pipe of process %u returns something else: %#lx", me, in[n]);
			break;
		}
out:
	close(fd[0]);
	close(fd[1]);
}

static void own_code(void)
{
	unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (p == MAP_FAILED)
		return;
	for (i = 0; i < 20; i++) {
		unsigned int v = rnd(1u << 31);

		p[0] = 0xb8;
		memcpy(p + 1, &v, 4);
		p[5] = 0xc3;
		if (((unsigned int (*)(void))p)() != v)
			finding("code that process %u wrote returns something else", me);
		if (i == 10)
			mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	}
	munmap(p, PAGE);
}

static void forked(void)
{
	int pid = fork(), i, status;

	if (!pid) {
		for (i = 0; i < REGIONS; i++)
			look_at_region(&regions[i]);
		me = getpid();
		for (i = 0; i < REGIONS; i++)
			if (regions[i].p)
				fill(&regions[i]);
		look_at_code(code[0], rnd(PAGES), "code of a child");
		_exit(7);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 7 << 8 && !hostile)
		finding("a child ended with %#x", status);
}

void step(void)
{
	struct region *r = &regions[rnd(REGIONS)];
	struct timespec t = { 0, 1000000 + rnd(8000000) };
	const unsigned char *site, *shared_code;
	struct iovec to, from;
	unsigned long v;
	pthread_t thread;
	long got;
	int n;

	board->steps++;
	switch (rnd(26)) {
	case 0: case 1:
		if (!r->p)
			new_region(r);
		break;
	case 2:
		if (r->p && r != regions) {
			munmap(r->p, r->pages * PAGE);
			r->p = NULL;
		}
		break;
	case 3:
		if (r->p && r != regions) {
			madvise(r->p, r->pages * PAGE, MADV_DONTNEED);
			v = r->p[rnd(r->pages) * 512];
			if (v && !hostile)
				finding("memory of process %u is %#lx after MADV_DONTNEED", me, v);
			fill(r);
		}
		break;
	case 4:
		if (r->p) {
			mprotect(r->p, r->pages * PAGE, PROT_READ);
			look_at_region(r);
			mprotect(r->p, r->pages * PAGE, PROT_READ | PROT_WRITE);
		}
		break;
	case 5:
		if (r->p && r != regions) {
			void *p = mremap(r->p, r->pages * PAGE, (r->pages + 3) * PAGE, MREMAP_MAYMOVE);

			if (p != MAP_FAILED) {
				r->p = p;
				look_at_region(r);
				r->pages += 3;
				fill(r);
			}
		}
		break;
	case 6:
		forked();
		break;
	case 7: case 8: case 9:
		/* A call made here twice, or more often */
		site = some_site(&n);
		for (v = 0; v < 3; v++) {
			got = call_at(site, 0, 0, 0);
			if (got != right_answer(n) && !hostile)
				finding("a call returns %ld, not %ld", got, right_answer(n));
		}
		break;
	case 10:
		if (without & 4)
			break;
		/* At its second instruction */
		site = some_site(&n);
		call_at(site, 0, 0, 0);
		got = call_at(site + 5, SYS_getppid, 0, 0);
		if (got != syscall(SYS_getppid) && !hostile)
			finding("a call in the middle returns %ld", got);
		break;
	case 11: case 12: case 13:
		if (without & 16)
			break;
		/* One that sleeps, beside a thread in the same page */
		site = some_site(&n) + 16;
		call_at(site, SYS_getppid, 0, 0);
		if (pthread_create(&thread, NULL, in_page, (void *)((site - code[0]) / PAGE)))
			break;
		usleep(2000);
		t.tv_nsec += 8000000;
		call_at(site, SYS_nanosleep, (long)&t, 0);
		pthread_join(thread, NULL);
		break;
	case 14:
		shared_code = without & 2 ? NULL : map_code(0, MAP_SHARED);
		if (shared_code) {
			unsigned char p[PAGE];

			n = rnd(PAGES);
			make_page(p, n);
			board->looks++;
			if (memcmp(p, shared_code + n * PAGE, PAGE))
				finding("a shared mapping of code is not what the file is");
			munmap((void *)shared_code, PAGES * PAGE);
		}
		break;
	case 15:
		if (code[1])
			munmap((void *)code[1], PAGES * PAGE);
		code[1] = map_code(1, MAP_PRIVATE);
		if (code[1])
			look_at_code(code[1], rnd(PAGES), "code that was mapped anew");
		break;
	case 16:
		if (!code[1])		/* in code[0] there may be a thread */
			break;
		n = rnd(PAGES);
		mprotect((void *)(code[1] + n * PAGE), PAGE, PROT_READ);
		mprotect((void *)(code[1] + n * PAGE), PAGE, PROT_READ | PROT_EXEC);
		look_at_code(code[1], n, "code that was protected");
		break;
	case 17:
		if (rnd(4) == 0 && signal_file)
			take_signals();
		else
			look_at_vectors();
		break;
	case 18:
		use_pipe();
		break;
	case 19:
		own_code();
		break;
	case 20:
		if (regions[0].p) {
			to = (struct iovec){ &v, 8 };
			from = (struct iovec){ regions[0].p, 8 };
			if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 8 && v != canary(me, 0) && !hostile)
				finding("process_vm_readv returns %#lx", v);
		}
		break;
	case 21: case 22:
		if (!(without & 64))
			use_file();
		break;
	case 23:
		if (!(without & 32))
			trace();
		break;
	case 24:
		if (!(without & 128))
			use_masks();
		break;
	default:
		look_at_region(r);
		look_at_code(code[0], rnd(PAGES), "code");
	}
}
