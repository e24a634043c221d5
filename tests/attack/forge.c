// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events that never happened: the slot is written as the stub's handler would,
 * with frames outside the slot, with signals and addresses of our choice, and
 * by a thread that has not stopped and goes on while the kernel acts.
 */
#include "attack.h"

#include <linux/audit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS	10000	/* for what ends soon, on a host that has much else to do */
#define SI_ADDR 16
#define SI_ARCH 28

enum { BAD_UC, BAD_INFO, BAD_FP, NR_BAD };
static const char *const bad_names[] = { "frame", "siginfo", "FP state" };

static unsigned long slot;
static char *page;			/* ours, with what the kernel might take for a frame */
static char *stack;

static volatile struct r3_slot *header(void)
{
	return (void *)slot;
}

/* Posts an event as the stub does after a signal. */
static void post(int sig, unsigned long info, unsigned long uc)
{
	struct regs r = {
		.ip = stub_signal(), .cs = 0x33, .ss = 0x2b, .flags = FLAGS_RUN, .sp = slot + 0x800,
		.di = sig, .si = info, .dx = uc,
	};

	enter(&r);
}

static void believed(void)
{
	shared->word[0] = 1;
	_exit(0);
}

static unsigned long bad_place(int i)
{
	unsigned long size = ((struct r3_cmd_page *)R3_STUB_CMD)->stack_size;
	unsigned long mine = physical((unsigned long)page), its = physical(slot);
	const unsigned long places[] = {
		mine && its ? slot + (mine - its) : 1,
		(unsigned long)page, 0, slot, slot + 127, slot - 8, slot - PAGE,
		slot + size - 8, slot + size - 120, slot + size, slot + 0x804,
		slot + R3_SLOT_STRIDE, slot + 0x10000000, NOWHERE, R3_STUB_CMD, R3_STUB_BASE,
		R3_DIRECT_BASE, R3_IMAGE_BASE, R3_SHARED_BASE, R3_VMALLOC_BASE, 1UL << 63, -8UL,
	};

	return i < (int)(sizeof(places) / sizeof(places[0])) ? places[i] : 0;
}

#define BAD_PLACES 22

/*
 * A copy of the last frame and siginfo in the slot, below where the host puts
 * its own: faults on the way do not overwrite it. The siginfo is behind it.
 */
static struct frame *own_frame(void)
{
	unsigned long uc = header()->uc;
	struct frame *frame = (void *)(uc - sizeof(*frame) - 128 - 64);

	memcpy(frame, (void *)uc, sizeof(*frame));
	memcpy(frame + 1, (void *)header()->info, 128);
	frame->g[REG_RIP] = (unsigned long)believed;
	frame->g[REG_RSP] = (unsigned long)stack + 8 * PAGE - 8;
	/* a page fault that is soon dealt with */
	frame->g[REG_TRAPNO] = 14;
	frame->g[REG_ERR] = 4;
	frame->g[REG_CR2] = (unsigned long)page;
	return frame;
}

/* A frame as the last one, but part of it is where it must not be. */
static int misplaced(long which)
{
	unsigned long info, uc, bad;
	struct frame *frame;

	slot = stay_on(0);
	memset(page, 1, PAGE);
	be_stopped();
	readable(NOWHERE);
	/* The orders of a space that has served before do not tell where its slot is. */
	shared->word[7] = which >= 0 && !physical(slot);
	if (shared->word[7])
		return 0;
	bad = which < 0 ? 0 : bad_place(which % BAD_PLACES);
	frame = own_frame();
	uc = (unsigned long)frame;
	info = (unsigned long)(frame + 1);
	/* should the kernel go and look there */
	memcpy(page, frame, sizeof(*frame) + 128);
	if (which >= 0 && which / BAD_PLACES == BAD_UC)
		uc = bad;
	if (which / BAD_PLACES == BAD_INFO)
		info = bad;
	if (which / BAD_PLACES == BAD_FP)
		frame->fpstate = bad;
	post(SIGSEGV, info, uc);
	return 0;
}

/*
 * A good frame, whose address another thread exchanges for a bad one and back
 * while the kernel reads it: what was checked must be what is used.
 */
static volatile unsigned long good_uc, bad_uc;

static void *flip(void *unused)
{
	stay_on(1);
	for (;;) {
		if (!good_uc)
			continue;
		header()->uc = bad_uc;
		__asm__ volatile("pause");
		header()->uc = good_uc;
		__asm__ volatile("pause");
	}
	return NULL;
}

static void posted(void)
{
	_exit(0);
}

static int flipped(long unused)
{
	struct frame *frame;
	pthread_t thread;

	slot = stay_on(0);
	if (pthread_create(&thread, NULL, flip, NULL))
		return 3;
	(void)*(volatile char *)page;
	readable(NOWHERE);
	usleep(1000);
	readable(NOWHERE);
	frame = own_frame();
	frame->g[REG_RIP] = (unsigned long)posted;
	bad_uc = bad_place(0);
	good_uc = (unsigned long)frame;
	usleep(2000);
	readable(NOWHERE);
	post(SIGSEGV, (unsigned long)(frame + 1), (unsigned long)frame);
	return 0;
}

/* A frame in its place, that says what never was. */
static int invented(long which)
{
	static const unsigned long addrs[] = {
		0, NOWHERE, R3_TASK_SIZE - 8, R3_TASK_SIZE, R3_DIRECT_BASE + 0x1000000, R3_IMAGE_BASE,
		R3_STUB_BASE, R3_STUB_CMD, R3_STUB_SLOTS, 0xffffffffff600000, 1UL << 47, 1UL << 63, -1UL,
	};
	struct frame *frame;
	char *info;

	srandom(which);
	slot = stay_on(0);
	readable(NOWHERE);
	frame = own_frame();
	info = (char *)(frame + 1);
	if (random() % 4 == 0)
		frame->g[REG_RIP] = addrs[random() % 13];
	frame->g[REG_TRAPNO] = random() % 3 ? 14 : random() % 64 - 8;
	frame->g[REG_ERR] = random() % 64;
	frame->g[REG_CR2] = addrs[random() % 13];
	frame->g[REG_EFL] = random();
	frame->g[REG_CSGSFS] = random();
	*(int *)(info + 8) = random() % 32 - 8;
	*(unsigned long *)(info + SI_ADDR) = addrs[random() % 13];
	if (random() % 2)
		*(int *)(info + SI_ARCH) = random();
	if (which % 4 == 0) {
		/* a call from a site that is not there, or is another's */
		header()->site = random() >> (random() % 32);
		header()->ax = random() % 500;
		header()->usp = addrs[random() % 13];
		header()->fs = addrs[random() % 13];
		header()->flags = random();
		header()->xmask = -1UL >> (random() % 64);
		header()->mode = random() % 4;
		post(R3_SIG_FAST, (unsigned long)info, (unsigned long)frame);
	}
	post(random() % 2 ? SIGSEGV : random() % 70 - 2, (unsigned long)info, (unsigned long)frame);
	return 0;
}

/* Words that the kernel, the manager and the stub wait on. */
static int words(long which)
{
	static const unsigned int values[] = { 0, 1, 2, 3, 0x7fffffff, 0xffffffff };
	volatile unsigned int *word;
	int i;

	slot = stay_on(0);
	readable(NOWHERE);
	word = (volatile unsigned int *)slot + which / 6;
	for (i = 0; i < 50; i++) {
		*word = values[which % 6];
		readable(NOWHERE);
	}
	return 0;
}

/* ---- a thread that only says it stopped ---- */

enum { GHOST_UNMAP, GHOST_PROTECT, GHOST_FORK, NR_GHOSTS };
static volatile unsigned long *prey;

/* Where the kernel thinks the call returns to. In the forked process rax is 0. */
static void ghost_child(void)
{
	struct timespec t = { 0, 20000000 };

	nanosleep(&t, NULL);
	if (*prey != 1)
		through("after fork a thread that had not stopped wrote into the child's page");
	_exit(0);
}

/* Says that this thread called nr. From here to the answer nothing may fault:
 * the host would write its own frame over ours. Returns whether one came. */
static bool pretend_call(long nr, unsigned long a, unsigned long b, unsigned long c)
{
	struct frame *frame = (void *)header()->uc;
	char *info = (char *)header()->info;
	int spins;

	/* The kernel starts a signal handler without: whether a fault came after
	 * that is not for us to say. */
	frame->fpstate = slot + R3_SLOT_FP;
	frame->g[REG_RAX] = nr;
	frame->g[REG_RDI] = a;
	frame->g[REG_RSI] = b;
	frame->g[REG_RDX] = c;
	frame->g[REG_RIP] = (unsigned long)ghost_child;
	frame->g[REG_RSP] = (unsigned long)stack + 8 * PAGE - 8;
	*(unsigned long *)(info + SI_ADDR) = (unsigned long)ghost_child;
	*(int *)(info + SI_ARCH) = AUDIT_ARCH_X86_64;
	header()->sig = SIGSYS;
	header()->resume = 0;
	header()->event = 1;
	for (spins = 0; header()->resume != 1 && spins < 100000000; spins++)
		__asm__ volatile("pause");
	if (header()->resume != 1 || header()->sig != SIGSYS)
		return false;
	return true;
}

static int ghost(long how)
{
	static const int calls[] = { SYS_munmap, SYS_mprotect, SYS_fork };
	unsigned int again;

	slot = stay_on(0);
	prey = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*prey = 1;
	trying = 1;
	/* Once for nothing, that all it needs is mapped; getppid is harmless. */
	for (again = 0; again < 2; again++) {
		readable(NOWHERE);	/* which has a TRY() of its own */
		trying = 1;
		if (!TRY())
			break;
		if (!pretend_call(again ? calls[how] : SYS_getppid, (unsigned long)prey, PAGE, PROT_READ))
			continue;
		if (!again)
			continue;
		shared->word[1]++;
		if (how == GHOST_UNMAP) {
			(void)*prey;
			through("a page was there after munmap, for a thread that had not stopped");
		} else if (how == GHOST_PROTECT) {
			*prey = 2;
			through("a page was writable after mprotect, for a thread that had not stopped");
		} else {
			*prey = 2;	/* the child looks */
		}
	}
	trying = 0;
	if (how == GHOST_FORK)
		wait(NULL);
	_exit(0);
}

#define MAX_HOLDERS	32
static pid_t holder[MAX_HOLDERS];
static int nr_holders;

/* A process that stays, in the space that would serve again. */
static void hold_space(void)
{
	int started[2];
	pid_t pid;
	char c;

	if (pipe(started) || (pid = fork()) < 0)
		cannot("no more processes");
	if (!pid) {
		if (write(started[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	if (nr_holders < MAX_HOLDERS)
		holder[nr_holders++] = pid;
	if (read(started[0], &c, 1) != 1)
		cannot("a process does not start");
	close(started[0]);
	close(started[1]);
}

static void release_spaces(void)
{
	while (nr_holders) {
		kill(holder[--nr_holders], SIGKILL);
		waitpid(holder[nr_holders], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	int i, status, tries, done = 0;

	attack_init();
	slot = stay_on(0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || stack == MAP_FAILED || !stub_signal())
		cannot("no memory, or no stub");

	in_child(misplaced, -1, PATIENCE_MS);
	if (!shared->word[0])
		cannot("the kernel does not take forged events");
	/* What is not in the slot is not read: SIGSEGV that no handler takes. */
	for (i = 0; i < NR_BAD * BAD_PLACES && !shared->through; i++) {
		shared->word[0] = 0;
		for (tries = 0; tries < 20; tries++) {
			status = in_child(misplaced, i, PATIENCE_MS);
			if (!shared->word[7])
				break;
			if (nr_holders == MAX_HOLDERS)
				release_spaces();
			hold_space();
		}
		if (tries == 20)
			cannot("no fresh space");
		if (shared->word[0] || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
			through("the kernel read a %s at place %d (status %#x)", bad_names[i / BAD_PLACES],
				i % BAD_PLACES, status);
	}
	release_spaces();
	for (i = 0; i < 60 && cpus() > 1 && !shared->through; i++) {
		memset(page, 1, PAGE);
		in_child(flipped, 0, 100);
		if (page_changed(page))
			through("the kernel used another frame than it had checked");
	}
	for (i = 0; i < 400; i++)
		in_child(invented, i, 50);
	for (i = 0; i < 6 * 16; i++)
		in_child(words, i, 20);
	for (i = 0; i < NR_GHOSTS * 5; i++)
		in_child(ghost, i % NR_GHOSTS, 3000);
	done = shared->word[1];
	printf("%d events of threads that had not stopped were believed\n", done);
	if (done < NR_GHOSTS)
		cannot("the kernel does not take the forged events");
	return attack_end();
}
