// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stub IMAGE manager|guest: what the filters of a space's threads let through.
 *
 * The space's image is loaded where a space has it, its filters are installed,
 * and every number is called from each of the stub's system call instructions,
 * from our own, and from addresses that differ from the stub's in their high
 * half only. A filter of ours below refuses all that they let through, so
 * that nothing happens; of two answers the host takes the stricter, SIGSYS.
 *
 * stub IMAGE edges: where the manager's filter lets memory be, in TAP.
 * stub IMAGE guest-edges: which words guest threads may wait at and wake.
 *
 * A line "KIND SITE NUMBER CHECKED" is a call that was let through; CHECKED are
 * the arguments (0,1,...) that were not with another value, "-" if none.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ring3/boot.h>
#include <ring3/space.h>

#include "stub.h"

#define NUMBERS		600
#define X32		0x40000000
#define TWIN		(1UL << 40)	/* to an address with the same low half */
#define SITES_MAX	64
#define FOUND_MAX	4096
#define NOT_DONE	118		/* our own filter's answer */
#define SECRET		0x5ec2e75ec2e7UL
#define INSTALL		0x1257a11	/* an argument of what is meant to happen */
#define SLOT		(R3_STUB_SLOTS + 5 * R3_SLOT_STRIDE)

#define SIZE(a)		(sizeof(a) / sizeof((a)[0]))

static struct site {
	const char *name;
	unsigned long addr;
} sites[SITES_MAX];
static unsigned int nr_sites;
static const struct sock_fprog *manager_prog, *guest_prog;
static const struct sock_filter *secret_low, *secret_high;

/* Addresses in the image that a call has to name, found by symbol. */
enum { ANY_DATA = 0x7e57000, ANY_DATA_SIZE, ANY_ACK, ANY_PLACE, ANY_PROG, ANY_END };
static const char *const any_name[] = { "r3_data_start", "r3_data_size", "ack_ok", "one_hot", "r3_guest_prog" };
static long any[ANY_END - ANY_DATA];

static struct found {
	unsigned int n;
	bool done;
	struct {
		unsigned short site;
		short nr;
		unsigned char checked;
		char way;		/* 's'tub, 't'win, 'o'wn, 'x'32, int '8'0 */
	} call[FOUND_MAX];
	bool edge[256];
} *found;

/* What stub and zygote pass, and two that nobody does. */
static const long tries[][6] = {
	{ -1, -1, -1, -1, -1, -1 }, { 0 }, { 0, 0, 0, 0, 0, SECRET },
	{ SLOT + R3_SLOT_RESUME, FUTEX_WAIT, 1 }, { SLOT + R3_SLOT_EVENT, FUTEX_WAKE, 1 },
	{ SLOT + R3_SLOT_RESUME, FUTEX_WAKE, 1 }, { R3_STUB_CMD, FUTEX_WAIT },
	{ SLOT },
	{ 0x10000, 4096, PROT_READ, STUB_MAP_FLAGS, R3_SPACE_RAM_FD },
	{ R3_STUB_CMD, 4096, PROT_READ, STUB_ZYGOTE_MAP, R3_SPACE_RAM_FD },
	{ R3_STUB_ZYGOTE, 4096, 0, 0, 0, SECRET }, { ANY_DATA, ANY_DATA_SIZE },
	{ R3_SPACE_ACK_FD, ANY_ACK, 8 }, { R3_SPACE_FAIL_FD, 0, 0, 0, 0, SECRET }, { 1, 1, R3_SIG_KICK },
	{ STUB_CLONE_FLAGS, 0, SLOT + R3_SLOT_TID }, { STUB_ZYGOTE_CLONE, 0, 0, 0, 0, SECRET },
	{ 0, STUB_PLACE_SIZE, ANY_PLACE }, { 0, STUB_PLACE_SIZE, R3_STUB_CMD + R3_CMD_PLACE },
	{ SECCOMP_SET_MODE_FILTER, 0, ANY_PROG }, { SECCOMP_SET_MODE_FILTER, 0, 0, 0, 0, SECRET },
	{ 0, SIGKILL, 0, 0, 0, SECRET }, { PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, SECRET }, { PR_SET_NAME, 0, 0, 0, 0, SECRET },
};

/* Where memory may be ordered to be, and where not. */
static const struct edge {
	const char *site;
	long nr, addr, len, prot;
	bool good;
	const char *what;
} edges[] = {
#define BOTH(addr, len, prot, good, what) \
	{ "map", SYS_mmap, addr, len, prot, good, what }, \
	{ "protect", SYS_mprotect, addr, len, prot, good, what }
#define ALL(addr, len, good, what) \
	BOTH(addr, len, PROT_READ, good, what), \
	{ "unmap", SYS_munmap, addr, len, 0, good, what }
	ALL(0, 4096, true, "the first page"),
	ALL(0x10000, 1L << 40, true, "a tebibyte"),
	ALL(R3_TASK_SIZE - 4096, 4096, true, "the last page"),
	ALL(0, R3_TASK_SIZE, true, "all of the guest's part"),
	ALL(R3_TASK_SIZE, 4096, false, "behind the guest's part"),
	ALL(0, R3_STUB_BASE + 4096, false, "from the start over the stub"),
	ALL(R3_TASK_SIZE - 4096, R3_STUB_BASE + 8192 - R3_TASK_SIZE, false, "from the last page over the stub"),
	ALL(R3_TASK_SIZE - 4096, R3_TASK_SIZE, false, "a length that goes around"),
	ALL(4096, -4096, false, "a length that ends at 0"),
	ALL(0, -4096, false, "everything"),
	ALL(R3_STUB_BASE, 4096, false, "the stub's first page"),
	ALL(R3_STUB_BASE - 4096, 8192, false, "across the stub's start"),
	ALL(R3_STUB_FAST, 4096, false, "the page of the system calls"),
	ALL(R3_STUB_FAST_END, 4096, false, "the page of the filters"),
	ALL(R3_STUB_CMD, 4096, false, "the command page"),
	ALL(R3_STUB_ZYGOTE, 4096, false, "the zygote's page"),
	ALL(R3_STUB_END, 4096, false, "behind the stub"),
	ALL(R3_STUB_SLOTS - 4096, 8192, false, "across the slots' start"),
	ALL(R3_STUB_SLOTS + R3_MAX_CPUS * R3_SLOT_STRIDE, 4096, false, "behind the slots"),
	ALL(-4096, 4096, false, "the last page of all"),
	ALL(R3_STUB_BASE ^ TWIN, 4096, false, "a twin of the stub's first page"),
	BOTH(SLOT, R3_SLOT_STRIDE, PROT_READ | PROT_WRITE, true, "a slot"),
	BOTH(R3_STUB_SLOTS + (R3_MAX_CPUS - 1) * R3_SLOT_STRIDE, R3_SLOT_STRIDE, PROT_READ, true, "the last slot"),
	BOTH(SLOT, 4096, PROT_EXEC, false, "a slot to execute"),
	BOTH(SLOT + 4096, 4096, PROT_READ, false, "a part of a slot"),
	BOTH(SLOT, R3_SLOT_STRIDE + 4096, PROT_READ, false, "more than a slot"),
	BOTH(SLOT, 1L << 32, PROT_READ, false, "4 GiB of slots"),
	{ "unmap", SYS_munmap, SLOT, 4096, 0, false, "a slot" },
};

/* The word of a slot that each side sleeps at, and no other. */
static const struct edge guest_edges[] = {
#define FUTEX(site, op, addr, good, what) { site, SYS_futex, addr, op, 1, good, what }
	FUTEX("guest_wait", FUTEX_WAIT, SLOT + R3_SLOT_RESUME, true, "resume of a slot"),
	FUTEX("guest_wait", FUTEX_WAIT, SLOT + R3_SLOT_EVENT, false, "event of a slot"),
	FUTEX("guest_wait", FUTEX_WAIT, SLOT + R3_SLOT_HEAD, false, "another word of a slot"),
	FUTEX("guest_wait", FUTEX_WAIT, R3_STUB_CMD, false, "the command page"),
	FUTEX("guest_wait", FUTEX_WAIT, R3_STUB_SLOTS + R3_MAX_CPUS * R3_SLOT_STRIDE + R3_SLOT_RESUME, false, "behind the slots"),
	FUTEX("guest_wake", FUTEX_WAKE, SLOT + R3_SLOT_EVENT, true, "event of a slot"),
	FUTEX("guest_wake", FUTEX_WAKE, SLOT + R3_SLOT_RESUME, false, "resume of a slot"),
	FUTEX("guest_wake", FUTEX_WAKE, R3_STUB_CMD, false, "the command page"),
};

static void die(const char *what)
{
	fprintf(stderr, "stub: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void load_segments(const char *image)
{
	const Elf64_Ehdr *eh = (const void *)image;
	const Elf64_Phdr *ph = (const void *)(image + eh->e_phoff);
	unsigned long start = ~0UL, end = 0;
	int i;

	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_vaddr < start)
			start = ph[i].p_vaddr;
		if (ph[i].p_vaddr + ph[i].p_memsz > end)
			end = ph[i].p_vaddr + ph[i].p_memsz;
	}
	for (i = 0; i < 2; i++) {
		unsigned long at = i ? start ^ TWIN : start;

		if (mmap((void *)at, end - start, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)at)
			die("mmap");
	}
	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD) {
			memcpy((void *)ph[i].p_vaddr, image + ph[i].p_offset, ph[i].p_filesz);
			memcpy((void *)(ph[i].p_vaddr ^ TWIN), image + ph[i].p_offset, ph[i].p_filesz);
		}
}

static void symbol(const char *name, void *at)
{
	unsigned int i;

	for (i = 0; i < SIZE(any_name); i++)
		if (!strcmp(name, any_name[i]))
			any[i] = (long)at;
	if (!strcmp(name, "r3_manager_prog"))
		manager_prog = at;
	else if (!strcmp(name, "r3_guest_prog"))
		guest_prog = at;
	else if (!strcmp(name, "r3_secret_low"))
		secret_low = at;
	else if (!strcmp(name, "r3_secret_high"))
		secret_high = at;
	else if (!strncmp(name, "site_", 5) && nr_sites < SITES_MAX)
		sites[nr_sites++] = (struct site){ name + 5, (unsigned long)at - 2 };
}

static void load_symbols(const char *image)
{
	const Elf64_Ehdr *eh = (const void *)image;
	const Elf64_Shdr *sh = (const void *)(image + eh->e_shoff);
	unsigned long j;
	int i;

	for (i = 0; i < eh->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)(image + sh[i].sh_offset);

		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		for (j = 0; j < sh[i].sh_size / sizeof(*sym); j++)
			symbol(image + sh[sh[i].sh_link].sh_offset + sym[j].st_name, (void *)sym[j].st_value);
	}
	if (!nr_sites || !manager_prog || !guest_prog || !secret_low || !secret_high) {
		errno = ENOENT;
		die("the image's symbols");
	}
}

/* Behind each system call instruction a return to us. */
static void patch(void)
{
	unsigned int i;

	for (i = 0; i < nr_sites; i++) {
		unsigned char *p = (void *)sites[i].addr;

		if (p[0] != 0x0f || p[1] != 0x05) {
			errno = EINVAL;
			die(sites[i].name);
		}
		p[2] = 0xc3;
		memcpy((void *)((unsigned long)p ^ TWIN), p, 3);
	}
}

static void set_secret(void)
{
	((struct sock_filter *)secret_low)->k = SECRET & 0xffffffff;
	((struct sock_filter *)secret_high)->k = SECRET >> 32;
}

void own_site(void);
__asm__(".pushsection .text\n"
	"own_site:\tsyscall\n\tret\n"
	".popsection\n");

static long call(unsigned long at, long nr, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tcall *%%rbx\n\tleaq 128(%%rsp), %%rsp"
			 : "=a" (ret)
			 : "0" (nr), "b" (at), "D" (a[0]), "S" (a[1]), "d" (a[2]), "r" (r10), "r" (r8), "r" (r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static sigjmp_buf back;

/* Not by a return, which is a system call. */
static void refused(int sig)
{
	siglongjmp(back, 1);
}

static bool passes(unsigned long at, long nr, const long *a)
{
	if (sigsetjmp(back, 0))
		return false;
	call(at, nr, a);
	return true;
}

static bool int80_passes(long nr)
{
	long ret;

	if (sigsetjmp(back, 0))
		return false;
	__asm__ volatile("int $0x80" : "=a" (ret) : "a" (nr), "b" (-1), "c" (-1), "d" (-1) : "r8", "r9", "r10", "r11", "memory");
	return true;
}

static unsigned char checked(unsigned long at, long nr, const long *good)
{
	unsigned char mask = 0;
	unsigned int i, j;

	for (i = 0; i < 6; i++) {
		const long others[] = { 0, 1, -1, 7777, good[i] ^ 1, good[i] ^ 1L << 31, good[i] + 1 };

		for (j = 0; j < SIZE(others); j++) {
			long a[6];

			memcpy(a, good, sizeof(a));
			a[i] = others[j];
			if (!passes(at, nr, a))
				mask |= 1 << i;
		}
	}
	return mask;
}

static void note(unsigned int site, long nr, unsigned char mask, char way)
{
	unsigned int i;

	for (i = 0; i < found->n; i++)
		if (found->call[i].site == site && found->call[i].nr == nr &&
		    found->call[i].checked == mask && found->call[i].way == way)
			return;
	if (found->n < FOUND_MAX) {
		found->call[i].site = site;
		found->call[i].nr = nr;
		found->call[i].checked = mask;
		found->call[i].way = way;
		found->n++;
	}
}

static void arguments(long *a, const long *try)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		a[i] = try[i] >= ANY_DATA && try[i] < ANY_END ? any[try[i] - ANY_DATA] : try[i];
}

static void try_edges(const struct edge *edge, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		const struct edge *e = &edge[i];
		const long a[6] = { e->addr, e->len, e->prot, e->nr == SYS_futex ? 0 : STUB_MAP_FLAGS, R3_SPACE_RAM_FD };

		for (j = 0; j < nr_sites; j++)
			if (!strcmp(sites[j].name, e->site))
				found->edge[i] = passes(sites[j].addr, e->nr, a);
	}
}

static void try_from(unsigned long at, unsigned int site, char way)
{
	unsigned int i;
	long nr;

	for (nr = 0; nr < NUMBERS; nr++) {
		long a[6];

		/* uretprobe and uprobe: see hostile.c. */
		if (nr == 335 || nr == 336)
			continue;
		for (i = 0; i < SIZE(tries); i++) {
			arguments(a, tries[i]);
			if (passes(at, nr, a))
				note(site, nr, checked(at, nr, a), way);
			if (passes(at, X32 | nr, a))
				note(site, nr, 0, 'x');
		}
	}
}

static void install(const struct sock_fprog *prog, unsigned long at)
{
	const long a[6] = { SECCOMP_SET_MODE_FILTER, 0, (long)prog, 0, INSTALL, SECRET };

	if (call(at, SYS_seccomp, a))
		die("seccomp");
}

/* It cannot end itself: only a fault does. */
static void try_all(const char *kind)
{
	static struct sock_filter none[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INSTALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | NOT_DONE),
	};
	static const struct sock_fprog base = { .len = SIZE(none), .filter = none };
	struct sigaction act = { .sa_handler = refused, .sa_flags = SA_NODEFER };
	unsigned long thread = 0;
	unsigned int i;
	long nr;

	for (i = 0; i < nr_sites; i++)
		if (!strcmp(sites[i].name, "seccomp"))
			thread = sites[i].addr;
	sigaction(SIGSYS, &act, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	install(&base, (unsigned long)own_site);
	install(manager_prog, (unsigned long)own_site);
	if (!strncmp(kind, "guest", 5))
		install(guest_prog, thread);
	if (strstr(kind, "edges")) {
		if (!strcmp(kind, "edges"))
			try_edges(edges, SIZE(edges));
		else
			try_edges(guest_edges, SIZE(guest_edges));
		found->done = true;
		__builtin_trap();
	}
	for (i = 0; i < nr_sites; i++) {
		try_from(sites[i].addr, i, 's');
		try_from(sites[i].addr ^ TWIN, i, 't');
	}
	try_from((unsigned long)own_site, 0, 'o');
	for (nr = 0; nr < 480; nr++)
		if (int80_passes(nr))
			note(0, nr, 0, '8');
	found->done = true;
	__builtin_trap();
}

static void print_edges(const struct edge *edge, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		printf("%s %u - %s: %s %s\n", found->edge[i] == edge[i].good ? "ok" : "not ok", i + 1,
		       edge[i].site, edge[i].what, edge[i].good ? "passes" : "is refused");
}

static void print(const char *kind)
{
	unsigned int i, bit;

	for (i = 0; i < found->n; i++) {
		unsigned char mask = found->call[i].checked;
		char list[16] = "-", *p = list;

		for (bit = 0; bit < 6; bit++)
			if (mask & 1 << bit)
				p += sprintf(p, "%s%u", p == list ? "" : ",", bit);
		if (found->call[i].way == 's')
			printf("%s %s %d %s\n", kind, sites[found->call[i].site].name, found->call[i].nr, list);
		else
			printf("%s elsewhere-%c %d %s\n", kind, found->call[i].way, found->call[i].nr, list);
	}
	printf("%s sites %u\n", kind, nr_sites);
}

int main(int argc, char **argv)
{
	struct stat st;
	int fd, status;
	char *image;
	pid_t pid;

	if (argc != 3)
		return 2;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		die(argv[1]);
	image = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (image == MAP_FAILED || found == MAP_FAILED)
		die("mmap");
	load_segments(image);
	load_symbols(image);
	patch();
	set_secret();
	fflush(stdout);
	pid = fork();
	if (!pid)
		try_all(argv[2]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !found->done)
		die("the process in the filters");
	if (!strcmp(argv[2], "edges"))
		print_edges(edges, SIZE(edges));
	else if (!strcmp(argv[2], "guest-edges"))
		print_edges(guest_edges, SIZE(guest_edges));
	else
		print(argv[2]);
	return 0;
}
