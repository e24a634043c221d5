// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The zygote: an almost empty process that clones spaces on request.
 *
 * The monitor executes it with the descriptors of <ring3/space.h>, and with an
 * argument if spaces shall be kept from signalling others by a filter. It drops
 * all memory but its own image, then waits for requests in the zygote page. A
 * child maps its command page, closes what is the zygote's, and becomes the
 * manager (stub.S), under the filter that the zygote installed. Children belong to
 * the monitor (CLONE_PARENT), which reaps them.
 */
#include <stddef.h>
#include <stdint.h>
#include <asm/unistd.h>
#include <asm/signal.h>
#include <linux/audit.h>
#include <linux/auxvec.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include <ring3/boot.h>
#include <ring3/space.h>

#include "stub.h"
#include "mutation.h"

#define HOST_TASK_SIZE	0x7ffffffff000UL
#define CLONE_TRIES	50

_Static_assert(STUB_FUTEX_WAIT == FUTEX_WAIT && STUB_FUTEX_WAKE == FUTEX_WAKE, "futex");
_Static_assert(STUB_RET_ALLOW == SECCOMP_RET_ALLOW && STUB_RET_TRAP == SECCOMP_RET_TRAP, "seccomp");
_Static_assert(STUB_BPF_TAX == (BPF_MISC | BPF_TAX), "filter");
_Static_assert(STUB_ARCH == AUDIT_ARCH_X86_64, "arch");
_Static_assert(STUB_MAP_FLAGS == (MAP_SHARED | MAP_FIXED), "mmap");
_Static_assert(R3_MAP_POPULATE == MAP_POPULATE, "mmap");
_Static_assert(STUB_ZYGOTE_CLONE == (CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD), "clone");
_Static_assert(MUTATION_COMMAND_PAGE || STUB_CMD_PROT == PROT_READ, "command page");
_Static_assert(STUB_ZYGOTE_MAP == (MAP_SHARED | MAP_FIXED), "mmap");
_Static_assert(STUB_CLONE_FLAGS == (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID), "clone");

_Static_assert(STUB_SET_NAME == PR_SET_NAME && STUB_SET_PDEATHSIG == PR_SET_PDEATHSIG, "prctl");
_Static_assert(STUB_PLACE_SIZE == sizeof(((struct r3_cmd_page *)0)->place), "host CPUs");
_Static_assert(1 << STUB_ONE_HOT_SHIFT == 2 * STUB_PLACE_SIZE, "host CPUs");
_Static_assert(STUB_SIGKILL == SIGKILL, "signal");

/*
 * What the filter wants to see in the sixth argument of the zygote's calls. A
 * space has the zygote's filter, and forgets this before it takes orders:
 * whoever directs its manager can make no process that outlives the monitor.
 */
static uint64_t secret;

#define sys6(nr, a, b, c, d, e, f) r3_zygote_call(nr, (long)(a), (long)(b), (long)(c), \
						   (long)(d), (long)(e), (long)(f))
#define sys(nr, a, b, c) sys6(nr, (long)(a), (long)(b), (long)(c), 0, 0, secret)

static void die(int status)
{
	for (;;)
		sys(__NR_exit_group, status, 0, 0);
}

static void check(long ret)
{
	if (ret < 0)
		die(STUB_EXIT_SETUP);
}

static struct r3_zygote *const zygote = (void *)R3_STUB_ZYGOTE;

/* Everything but the image goes: stack, vDSO, whatever the host put there. */
static void empty_address_space(void)
{
	check(sys(__NR_munmap, 0, R3_STUB_BASE, 0));
	if (!MUTATION_LEFTOVERS)
		check(sys(__NR_munmap, r3_data_end, HOST_TASK_SIZE - (unsigned long)r3_data_end, 0));
}

static void install_handlers(void)
{
	static const int signals[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, R3_SIG_KICK,
	};
	struct {
		void (*handler)(void);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} act = {
		.handler = r3_stub_signal,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER,
		.restorer = r3_stub_signal,
		.mask = ~0UL,
	};
	uint64_t all = ~0UL;
	unsigned int i;

	check(sys6(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, 8, 0, 0));
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		check(sys6(__NR_rt_sigaction, signals[i], (long)&act, 0, 8, 0, 0));
}

/* Random bytes that the host gave this program, and nobody else knows. */
static void learn_secret(const unsigned long *sp)
{
	/* argc, argv, NULL, environment, NULL, entries */
	sp += sp[0] + 2;
	while (*sp++)
		;
	for (; *sp != AT_NULL; sp += 2)
		if (*sp == AT_RANDOM)
			secret = *(const uint64_t *)sp[1];
	if (!secret)
		die(STUB_EXIT_SETUP);
}

static void install_filter(void)
{
	struct sock_filter filter[STUB_FILTER_MAX];
	struct sock_fprog prog = { .len = r3_manager_prog.len, .filter = filter };
	unsigned int i;

	if (prog.len > STUB_FILTER_MAX)
		die(STUB_EXIT_SETUP);
	for (i = 0; i < prog.len; i++)
		filter[i] = r3_manager_prog.filter[i];
	filter[r3_secret_low - r3_manager_prog.filter].k = secret;
	filter[r3_secret_high - r3_manager_prog.filter].k = secret >> 32;
	check(sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

/*
 * Where nothing else of the host's keeps signals inside. It costs a filter for
 * each space, and a little of each call of its threads.
 */
static void signal_itself_only(int pid)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_tgkill, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, pid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog prog = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	check(sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

static int monitor;
static int signals_pinned;

/* The monitor may be gone before the request was made. */
static void end_with_monitor(void)
{
	check(sys(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0));
	if (sys(__NR_getppid, 0, 0, 0) != monitor)
		die(STUB_EXIT_SETUP);
}

static void become_space(struct r3_space_entry *entry)
{
	int pid = sys(__NR_getpid, 0, 0, 0);

	sys(__NR_prctl, PR_SET_NAME, "ring3-space", 0);
	end_with_monitor();
	check(sys6(__NR_mmap, R3_STUB_CMD, 4096, STUB_CMD_PROT, MAP_SHARED | MAP_FIXED,
		   R3_SPACE_RAM_FD, entry->cmd_gpa));
	__atomic_store_n(&entry->state, R3_SPACE_LIVE, __ATOMIC_RELEASE);
	if (!MUTATION_ZYGOTE_PAGE)
		check(sys(__NR_munmap, zygote, sizeof(*zygote), 0));
	check(sys(__NR_close, R3_SPACE_ZYGOTE_FD, 0, 0));
	check(sys(__NR_close, R3_SPACE_FAIL_FD, 0, 0));
	if (signals_pinned)
		signal_itself_only(pid);
	/* Its memory goes there; no register may remember the secret either. */
	__asm__ volatile("xorl %%eax, %%eax\n\t"
			 "xorl %%ebx, %%ebx\n\t"
			 "xorl %%ecx, %%ecx\n\t"
			 "xorl %%edx, %%edx\n\t"
			 "xorl %%esi, %%esi\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "xorl %%r8d, %%r8d\n\t"
			 "xorl %%r9d, %%r9d\n\t"
			 "xorl %%r10d, %%r10d\n\t"
			 "xorl %%r11d, %%r11d\n\t"
			 "xorl %%r12d, %%r12d\n\t"
			 "xorl %%r13d, %%r13d\n\t"
			 "xorl %%r14d, %%r14d\n\t"
			 "xorl %%r15d, %%r15d\n\t"
			 "jmp r3_manager" :: "D" (pid) : "memory");
	__builtin_unreachable();
}

static long make_space(struct r3_space_entry *entry)
{
	unsigned int i;
	long pid = 0;

	for (i = 0; i < CLONE_TRIES; i++) {
		pid = sys(__NR_clone, STUB_ZYGOTE_CLONE, 0, &entry->pid);
		if (!pid)
			become_space(entry);
		if (pid > 0)
			return 0;
		sys(__NR_sched_yield, 0, 0, 0);
	}
	return pid;
}

void zygote_main(const unsigned long *sp);

/* @sp: argc, arguments and so on, as the host leaves them */
__attribute__((used, noreturn)) void zygote_main(const unsigned long *sp)
{
	uint64_t one = 1;
	long err;

	if (!MUTATION_SECRET)
		learn_secret(sp);
	signals_pinned = sp[0] > 1;
	sys(__NR_prctl, PR_SET_NAME, "ring3-zygote", 0);
	empty_address_space();
	check(sys6(__NR_mmap, R3_STUB_ZYGOTE, sizeof(*zygote), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, R3_SPACE_ZYGOTE_FD, 0));
	monitor = sys(__NR_getppid, 0, 0, 0);
	end_with_monitor();
	check(sys6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));
	install_handlers();
	if (MUTATION_STUB)
		check(sys(__NR_mprotect, R3_STUB_BASE, r3_data_start - (char *)R3_STUB_BASE, 7));
	install_filter();

	for (;;) {
		uint32_t head = __atomic_load_n(&zygote->want_head, __ATOMIC_ACQUIRE);
		uint32_t tail = zygote->want_tail, id;
		struct r3_space_entry *entry;

		/* All spaces are in its process group. */
		if (__atomic_load_n(&zygote->end, __ATOMIC_ACQUIRE))
			sys(__NR_kill, 0, SIGKILL, 0);
		if (head == tail) {
			sys6(__NR_futex, &zygote->want_head, FUTEX_WAIT, head, 0, 0, secret);
			continue;
		}
		id = zygote->want[tail % R3_ZYGOTE_RING] % R3_MAX_SPACES;
		entry = &zygote->space[id];
		err = make_space(entry);
		if (err) {
			entry->pid = err;
			__atomic_store_n(&entry->state, R3_SPACE_FAILED, __ATOMIC_RELEASE);
			sys(__NR_write, R3_SPACE_FAIL_FD, &one, sizeof(one));
		}
		__atomic_store_n(&zygote->want_tail, tail + 1, __ATOMIC_RELEASE);
	}
}

static char stack[16384] __attribute__((aligned(16), used));

__asm__(".section .text\n"
	".globl _start\n"
	"_start:\n"
	"	movq %rsp, %rdi\n"
	"	leaq stack+16384(%rip), %rsp\n"
	"	xorl %ebp, %ebp\n"
	"	call zygote_main\n"
	"	hlt\n");
