// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile guest kernel and the managers of its spaces, which do what it orders.
 *
 *	orders=1	orders that go beyond what a guest needs: memory over the stub,
 *			a second thread for a slot. A line "NAME done", "NAME failed"
 *			(the manager lives) or "NAME refused" (it does not) each
 *	code=1		it orders a manager to map a page of guest memory over its code.
 *			If that is let through, it makes host calls by the very
 *			instructions that the filter lets them come from. A line "NAME
 *			answered RETURN" or "NAME refused" each
 *	threads=1	a thread for each slot, twice, while another vCPU writes all over
 *			them. Then "threads PID CPU", and all stays so for three seconds
 *
 *	map= kick= zygote= seccomp=	where those are in the stub: behind the instruction
 *	victim=			a process of the user's that is none of the guest's
 */
#include <asm/unistd.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>

#include <ring3/space.h>

#include "bare.h"

#define PAGE		4096UL
#define CODE		0x800		/* ours, in the stub's first page */
#define TALK		0x10000UL	/* where the space sees struct talk */
#define PROG		0x800		/* in that page: a filter of ours */
#define ITSELF		(-1)		/* as an argument: the space's process */
#define ZYGOTE_CLONE	0x108011	/* CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD */

struct talk {
	uint64_t state;			/* 1: do it, 2: done */
	uint64_t at;			/* the instruction */
	uint64_t nr;
	uint64_t arg[6];
	int64_t ret;
};

extern const char code[], code_end[];
__asm__(".pushsection .rodata\n"
	"code:\n\t"
	"movl $0x10000, %r12d\n"
	"1:	pause\n\t"
	"cmpq $1, (%r12)\n\t"
	"jne 1b\n\t"
	"movq 16(%r12), %rax\n\t"
	"movq 24(%r12), %rdi\n\t"
	"movq 32(%r12), %rsi\n\t"
	"movq 40(%r12), %rdx\n\t"
	"movq 48(%r12), %r10\n\t"
	"movq 56(%r12), %r8\n\t"
	"movq 64(%r12), %r9\n\t"
	"leaq 2f(%rip), %rbx\n\t"
	"jmp *8(%r12)\n"
	"2:	movq %rax, 72(%r12)\n\t"
	"movq $2, (%r12)\n\t"
	"jmp 1b\n"
	"code_end:\n"
	".popsection\n");

static struct r3_zygote *zygote;
static unsigned long map, kick, zygotes, seccomp;
static uint32_t spaces;

static unsigned long number(const char *word)
{
	const char *p = bare_option(word);
	unsigned long n = 0;

	for (; p && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + *p - '0';
	return n;
}

static void wake(uint32_t *word)
{
	bare_call3(__NR_futex, word, FUTEX_WAKE, 1000);
}

/* At a site: the call, and back to our code. */
static void put_site(uint8_t *page, unsigned long at)
{
	static const uint8_t insns[] = { 0x0f, 0x05, 0xff, 0xe3 };

	memcpy(page + at - 2, insns, sizeof(insns));
}

static uint8_t *make_code(void)
{
	uint8_t *page = bare_alloc(PAGE, PAGE);
	int32_t jump = CODE - (map + 5);

	put_site(page, kick);
	put_site(page, zygotes);
	put_site(page, seccomp);
	/* An instruction of our own, which no filter knows. */
	put_site(page, PAGE - 2);
	/* The manager comes back from mmap() here. */
	page[map] = 0xe9;
	memcpy(page + map + 1, &jump, sizeof(jump));
	memcpy(page + CODE, code, code_end - code);
	return page;
}

static struct r3_space_entry *new_space(struct r3_cmd_page *cmd)
{
	struct r3_space_entry *entry = &zygote->space[spaces];
	unsigned int i;

	entry->cmd_gpa = bare_gpa(cmd);
	bare_write(entry->state, R3_SPACE_WANTED);
	zygote->want[zygote->want_head % R3_ZYGOTE_RING] = spaces++;
	bare_write(zygote->limit, spaces);
	bare_write(zygote->want_head, zygote->want_head + 1);
	wake(&zygote->want_head);
	for (i = 0; i < 3000 && bare_read(entry->state) != R3_SPACE_LIVE; i++)
		bare_wait_ms(1);
	return entry;
}

static void order(struct r3_cmd_page *cmd, const struct r3_cmd *what)
{
	cmd->cmd[cmd->head % R3_CMD_RING] = *what;
	bare_write(cmd->head, cmd->head + 1);
	wake(&cmd->head);
}

static void order_page(struct r3_cmd_page *cmd, unsigned long addr, int prot, void *page)
{
	order(cmd, &(struct r3_cmd) {
		.op = R3_OP_MAP, .arg = prot, .addr = addr, .len = PAGE, .off = bare_gpa(page),
	});
}

/* Its answer to all orders so far; false: it has ended. */
static bool acknowledged(struct r3_cmd_page *cmd, struct r3_space_entry *entry, bool *failed)
{
	uint64_t val = 0;

	order(cmd, &(struct r3_cmd) { .op = R3_OP_ACK, .arg = R3_SPACE_ACK_FD });
	while (!(val & R3_ACK_OK))
		if (bare_read(entry->state) == R3_SPACE_DEAD ||
		    (bare_call3(__NR_read, bare_boot->vcpu[0].ack_fd, &val, sizeof(val)) < 0 &&
		     bare_read(entry->state) == R3_SPACE_DEAD))
			return false;
	*failed = val & (R3_ACK_FAILED & ~R3_ACK_OK);
	return true;
}

/* A space whose manager is ours; its number on the host is in *pid. */
static struct talk *take_space(uint32_t *state[], int *pid)
{
	struct r3_cmd_page *cmd = bare_alloc(PAGE, PAGE);
	struct talk *talk = bare_alloc(PAGE, PAGE);
	struct r3_space_entry *entry = new_space(cmd);

	order_page(cmd, TALK, PROT_READ | PROT_WRITE, talk);
	order_page(cmd, R3_STUB_BASE, PROT_READ | PROT_EXEC, make_code());
	*state = &entry->state;
	*pid = entry->pid;
	return talk;
}

/* Any program: this one has the host write each call into its log. */
static void put_prog(struct talk *talk)
{
	struct sock_fprog *prog = (void *)talk + PROG;
	struct sock_filter *insn = (void *)(prog + 1);

	prog->len = 1;
	prog->filter = (void *)(TALK + PROG + sizeof(*prog));
	insn->code = BPF_RET | BPF_K;
	insn->k = SECCOMP_RET_LOG;
}

static void attack(const char *name, unsigned long site, long nr, long a, long b, long c)
{
	uint32_t *state;
	int pid, i;
	struct talk *talk = take_space(&state, &pid);

	put_prog(talk);
	talk->at = R3_STUB_BASE + site - 2;
	talk->nr = nr;
	talk->arg[0] = a == ITSELF ? pid : a;
	talk->arg[1] = b == ITSELF ? pid : b;
	talk->arg[2] = c;
	bare_write(talk->state, 1);
	for (i = 0; i < 3000 && bare_read(talk->state) != 2 && bare_read(*state) == R3_SPACE_LIVE; i++)
		bare_wait_ms(1);
	if (bare_read(talk->state) == 2)
		bare_printf("%s answered %ld\n", name, (long)talk->ret);
	else
		bare_printf("%s %s\n", name, bare_read(*state) == R3_SPACE_DEAD ? "refused" : "lost");
}

static void with_code(void)
{
	long victim = number("victim");

	attack("itself", kick, __NR_tgkill, ITSELF, ITSELF, R3_SIG_KICK);
	attack("victim", kick, __NR_tgkill, victim, victim, R3_SIG_KICK);
	attack("kill", kick, __NR_tgkill, ITSELF, ITSELF, SIGKILL);
	attack("fork", zygotes, __NR_clone, ZYGOTE_CLONE, 0, 0);
	attack("survive", zygotes, __NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	attack("elsewhere", PAGE - 2, __NR_getpid, 0, 0, 0);
	attack("filter", seccomp, __NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, TALK + PROG);
}

#define SLOT(n)		(R3_STUB_SLOTS + (n) * R3_SLOT_STRIDE)
#define RX		(PROT_READ | PROT_EXEC)

static const struct {
	const char *name;
	struct r3_cmd cmd;
} orders[] = {
	{ "low", { R3_OP_MAP, RX | PROT_WRITE, 0x10000, PAGE } },
	{ "high", { R3_OP_MAP, RX, R3_TASK_SIZE - PAGE, PAGE } },
	{ "slot", { R3_OP_MAP, PROT_READ | PROT_WRITE, SLOT(0), PAGE } },
	{ "last_slot", { R3_OP_MAP, PROT_READ, SLOT(R3_MAX_CPUS - 1), PAGE } },
	{ "drop", { R3_OP_UNMAP, 0, 0, R3_TASK_SIZE } },
	{ "map_stub", { R3_OP_MAP, RX, R3_STUB_BASE, PAGE } },
	{ "map_fast", { R3_OP_MAP, RX, R3_STUB_FAST, PAGE } },
	{ "map_filters", { R3_OP_MAP, RX, R3_STUB_FAST_END, PAGE } },
	{ "map_orders", { R3_OP_MAP, PROT_READ, R3_STUB_CMD, PAGE } },
	{ "map_into", { R3_OP_MAP, RX, R3_TASK_SIZE - PAGE, R3_STUB_BASE - R3_TASK_SIZE + 2 * PAGE } },
	{ "map_behind", { R3_OP_MAP, PROT_READ, SLOT(R3_MAX_CPUS), PAGE } },
	{ "slot_code", { R3_OP_MAP, RX, SLOT(0), PAGE } },
	{ "unmap_stub", { R3_OP_UNMAP, 0, R3_STUB_BASE + PAGE, PAGE } },
	{ "unmap_all", { R3_OP_UNMAP, 0, 0, R3_STUB_SLOTS } },
	{ "write_stub", { R3_OP_PROTECT, RX | PROT_WRITE, R3_STUB_BASE + PAGE, PAGE } },
	{ "thread_low", { R3_OP_THREAD, 0, 0x10000, 0 } },
	{ "thread_behind", { R3_OP_THREAD, 0, SLOT(R3_MAX_CPUS), 0 } },
	{ "thread_between", { R3_OP_THREAD, 0, SLOT(1) + 0x1000, 0 } },
	{ "ack_ram", { R3_OP_ACK, R3_SPACE_RAM_FD } },
	{ "ack_other", { R3_OP_ACK, R3_SPACE_ACK_FD + R3_MAX_CPUS } },
};

static void with_orders(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		struct r3_cmd_page *cmd = bare_alloc(PAGE, PAGE);
		struct r3_space_entry *entry = new_space(cmd);
		bool failed;

		order(cmd, &orders[i].cmd);
		if (!acknowledged(cmd, entry, &failed))
			bare_printf("%s refused\n", orders[i].name);
		else
			bare_printf("%s %s\n", orders[i].name, failed ? "failed" : "done");
	}
}

static struct r3_slot *slot;

/* An address that a signal stack can have, and a mask of many CPUs. */
static void scribble(void *unused)
{
	for (;;)
		bare_write(slot->scratch[0], R3_STUB_SLOTS + 0x8fff);
}

/* All slots are one piece of memory. */
static void with_threads(void)
{
	struct r3_cmd_page *cmd = bare_alloc(PAGE, PAGE);
	struct r3_space_entry *entry;
	unsigned int i, cpu = number("cpu");
	bool failed;

	slot = bare_alloc(R3_SLOT_STRIDE, PAGE);
	cmd->stack_size = R3_SLOT_STRIDE;
	cmd->stack_start = R3_SLOT_STRIDE / 2;
	entry = new_space(cmd);
	bare_cpu_start(1, scribble, NULL);
	for (i = 0; i < 2 * R3_MAX_CPUS; i++) {
		unsigned long at = SLOT(i / 2);

		order(cmd, &(struct r3_cmd) { R3_OP_MAP, PROT_READ | PROT_WRITE, at, R3_SLOT_STRIDE, bare_gpa(slot) });
		order(cmd, &(struct r3_cmd) { R3_OP_THREAD, 0, at, cpu + 1 });
		/* The ring holds many. */
		if (i % 16 == 15 && !acknowledged(cmd, entry, &failed))
			bare_printf("lost\n");
	}
	bare_printf("threads %d %u\n", entry->pid, cpu);
	bare_wait_ms(3000);
}

void bare_main(void)
{
	zygote = (void *)bare_boot->zygote;
	map = number("map");
	kick = number("kick");
	zygotes = number("zygote");
	seccomp = number("seccomp");
	if (bare_option("orders"))
		with_orders();
	if (bare_option("threads"))
		with_threads();
	if (bare_option("code")) {
		if (!map || !kick || !zygotes || !seccomp ||
		    map >= CODE || kick >= CODE || zygotes >= CODE || seccomp >= CODE) {
			bare_printf("Bail out! the stub is not as this test knows it\n");
			bare_exit(R3_EXIT_PANIC);
		}
		with_code();
	}
	bare_printf("all tried\n");
}
