// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Jumps to every byte of everything executable that is not the guest's own:
 * the stub (its code, and its filters as if they were code) and the host's
 * vsyscall page. Registers are what the code there would like to see: those
 * of its system calls, a command page and slots of our own making.
 */
#include "attack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For a jump that ends in a loop, or sleeping. */
#define PATIENCE_MS 5
#define VSYSCALL 0xffffffffff600000UL

/* of the guest's RAM, as proof */
#define WORDS 4

enum { SET_MAP, SET_PROTECT, SET_MANAGER, SET_SIGNAL, NR_SETS };

static struct r3_cmd_page *orders;	/* a command page as we would like it */
static char *fixed;			/* read-only for us */
static char *scratch;			/* stack with frames and return addresses */
static unsigned long slot, length;

/* Where a ret in the stub leads. */
static void landing(void)
{
	__builtin_trap();
}

static void order(int i, unsigned int op, unsigned int arg, unsigned long addr,
		  unsigned long len, unsigned long off)
{
	orders->cmd[i] = (struct r3_cmd){ op, arg, addr, len, off };
}

static void prepare(void)
{
	unsigned long i, tid = ((volatile struct r3_slot *)slot)->tid;

	orders = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fixed = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scratch = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (orders == MAP_FAILED || fixed == MAP_FAILED || scratch == MAP_FAILED)
		cannot("no memory");
	for (i = 0; i < R3_CMD_RING; i += 6) {
		order(i, R3_OP_MAP, 7, NOWHERE, PAGE, R3_IMAGE_GPA);
		order(i + 1, R3_OP_PROTECT, 7, (unsigned long)fixed, PAGE, 0);
		order(i + 2, R3_OP_THREAD, 0, slot, 0, 0);
		order(i + 3, R3_OP_KICK, tid ?: 1, 0, 0, 0);
		order(i + 4, R3_OP_WAKE, 0, slot, 0, 0);
		order(i + 5, R3_OP_ACK, R3_SPACE_ACK_FD, 0, 0, 0);
	}
	orders->head = 12;
	orders->stack_size = 2 * PAGE;
	for (i = 0; i < 16 * PAGE / 8; i++)
		((unsigned long *)scratch)[i] = (unsigned long)landing;
	(void)*(volatile char *)fixed;
}

static bool is_call(unsigned long at)
{
	return at < R3_STUB_BASE + length - 1 && !memcmp((void *)at, "\x0f\x05", 2);
}

static void choose(struct regs *r, int set, unsigned long at)
{
	unsigned long top = (unsigned long)scratch + 8 * PAGE;

	memset(r, 0, sizeof(*r));
	r->ip = at;
	r->cs = 0x33;
	r->ss = 0x2b;
	/* After a system call we want to be back and look. */
	r->flags = is_call(at) ? FLAGS_STEP : FLAGS_RUN;
	r->sp = top;
	r->r12 = (unsigned long)orders;
	r->r15 = getpid();
	switch (set) {
	case SET_MAP:
		r->ax = 9;
		r->di = NOWHERE;
		r->si = PAGE;
		r->dx = 7;
		r->r10 = 0x8011;
		r->r8 = R3_SPACE_RAM_FD;
		r->r9 = R3_IMAGE_GPA;
		r->bx = (unsigned long)&orders->cmd[0];
		r->r13 = (unsigned long)scratch;
		break;
	case SET_PROTECT:
		r->ax = 10;
		r->di = (unsigned long)fixed;
		r->si = PAGE;
		r->dx = 7;
		r->bx = (unsigned long)&orders->cmd[1];
		r->r13 = (unsigned long)scratch;
		break;
	case SET_MANAGER:
		r->bx = (unsigned long)&orders->cmd[0];
		r->cx = r->di = (unsigned long)orders;
		r->si = R3_SPACE_ACK_FD;
		break;
	case SET_SIGNAL:
		/* as if a signal had come, with a frame that does not exist */
		r->sp = slot + ((struct r3_cmd_page *)R3_STUB_CMD)->stack_size - 64;
		r->bx = slot;
		r->di = SIGSEGV;
		r->si = r->dx = slot + 0x800;
		r->r12 = R3_STUB_CMD;
		r->r13 = slot + R3_SLOT_STRIDE;
	}
}

/* The bytes to jump to. Entries of the trampolines differ only in a number:
 * some are enough. So are the last of many zeros that fill a gap. */
static unsigned long *places, nr_places;

static bool worth(unsigned long at)
{
	static const char zeros[16];
	unsigned long entry = (at - R3_STUB_TRAMP) / 16;

	if (at >= R3_STUB_TRAMP && entry < R3_MAX_SITES)
		return entry < 2 || entry >= R3_MAX_SITES - 2 || (at % 16 == 0 && entry % 61 == 0);
	return at + 16 > R3_STUB_BASE + length || memcmp((void *)at, zeros, 16);
}

static void find_places(void)
{
	unsigned long i;

	/* First what would do most: see choose(). */
	places = calloc(length + 0x180, sizeof(*places));
	nr_places = stub_calls(places, 64);
	for (i = 0; i < length; i++)
		if (worth(R3_STUB_BASE + i) && !is_call(R3_STUB_BASE + i))
			places[nr_places++] = R3_STUB_BASE + i;
	for (i = 0; i < 0xc00; i += 8)
		places[nr_places++] = VSYSCALL + i;
}

static unsigned long place(unsigned long which)
{
	return places[which / NR_SETS];
}

/*
 * Looks for what the host may have done for us and leaves proof where the
 * parent sees it. A flag would not do: a jump can forge an event whose
 * registers are of an earlier one, and then anything here runs out of turn.
 */
static void look(unsigned long which)
{
	const volatile unsigned long *ram = (void *)NOWHERE;
	unsigned long sum = 0;
	int i;

	if (readable(NOWHERE)) {
		trying = 1;
		if (TRY()) {
			for (i = 0; i < WORDS; i++)
				shared->word[i] = ram[i];
			for (i = 0; i < WORDS; i++)
				sum = sum * 31 + ram[i];
			shared->word[WORDS] = sum;
		}
		trying = 0;
	}
	trying = 1;
	if (TRY())
		*(volatile unsigned long *)fixed = which + 1;
	trying = 0;
}

static void judge(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < WORDS; i++)
		sum = sum * 31 + shared->word[i];
	if (sum && sum == shared->word[WORDS])
		through("a jump mapped the guest's RAM, about %#lx", place(shared->next - 1));
	shared->word[WORDS] = 0;
	if (*(unsigned long *)fixed)
		through("a jump to %#lx made a read-only page writable", place(*(unsigned long *)fixed - 1));
}

static void jump(unsigned long which)
{
	static struct regs r;

	choose(&r, which % NR_SETS, place(which));
	trying = 1;
	if (TRY())
		enter(&r);
	trying = 0;
	look(which);
}

/*
 * One child goes on as long as jumps fault at once. After any other it makes
 * room for a fresh one, as it does when it is ended.
 */
static int jumps(long n)
{
	stay_on(0);
	keep_fs();
	watch_calls();
	while (shared->next < n) {
		jump(shared->next++);
		if (caught.sig != SIGSEGV && caught.sig != SIGILL && caught.sig != SIGTRAP)
			break;
	}
	pass_call(SYS_exit_group, 0, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	int n, children = 0, ended = 0, patience = PATIENCE_MS;

	attack_init();
	slot = stay_on(0);
	length = stub_length();
	if (!length)
		cannot("there is no stub");
	prepare();
	find_places();
	n = nr_places * NR_SETS;
	for (; shared->next < n && !shared->through; children++) {
		int at = shared->next;

		ended += in_child(jumps, n, patience) != 0;
		judge();
		/* A child that did not get to its first jump had too little time. */
		patience = shared->next == at ? patience * 2 : PATIENCE_MS;
	}
	printf("%d jumps in %d processes, %d of them were ended\n", n, children, ended);
	return attack_end();
}
