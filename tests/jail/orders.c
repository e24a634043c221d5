// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile guest kernel has code of its own run by a space's manager: it
 * orders it to map a page of guest memory over its code. From there it makes
 * host calls by the very instructions that the filter lets them come from.
 *
 *	map= kick= zygote=	where those are in the stub: behind the instruction
 *	victim=			a process of the user's that is none of the guest's
 *
 * A line "NAME answered RETURN" or "NAME refused" each; refused calls end the space.
 */
#include <asm/unistd.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/mman.h>

#include <ring3/space.h>

#include "bare.h"

#define PAGE		4096UL
#define CODE		0x800		/* ours, in the stub's first page */
#define TALK		0x10000UL	/* where the space sees struct talk */
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
static unsigned long map, kick, zygotes;
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

static void order(struct r3_cmd_page *cmd, unsigned long addr, int prot, void *page)
{
	cmd->cmd[cmd->head % R3_CMD_RING] = (struct r3_cmd) {
		.op = R3_OP_MAP, .arg = prot, .addr = addr, .len = PAGE, .off = bare_gpa(page),
	};
	bare_write(cmd->head, cmd->head + 1);
	wake(&cmd->head);
}

/* A space whose manager is ours; its number on the host is in *pid. */
static struct talk *take_space(uint32_t *state[], int *pid)
{
	struct r3_cmd_page *cmd = bare_alloc(PAGE, PAGE);
	struct talk *talk = bare_alloc(PAGE, PAGE);
	struct r3_space_entry *entry = new_space(cmd);

	order(cmd, TALK, PROT_READ | PROT_WRITE, talk);
	order(cmd, R3_STUB_BASE, PROT_READ | PROT_EXEC, make_code());
	*state = &entry->state;
	*pid = entry->pid;
	return talk;
}

static void attack(const char *name, unsigned long site, long nr, long a, long b, long c)
{
	uint32_t *state;
	int pid, i;
	struct talk *talk = take_space(&state, &pid);

	talk->at = R3_STUB_BASE + site - 2;
	talk->nr = nr;
	talk->arg[0] = a ? a : pid;
	talk->arg[1] = b ? b : pid;
	talk->arg[2] = c;
	bare_write(talk->state, 1);
	for (i = 0; i < 3000 && bare_read(talk->state) != 2 && bare_read(*state) == R3_SPACE_LIVE; i++)
		bare_wait_ms(1);
	if (bare_read(talk->state) == 2)
		bare_printf("%s answered %ld\n", name, (long)talk->ret);
	else
		bare_printf("%s %s\n", name, bare_read(*state) == R3_SPACE_DEAD ? "refused" : "lost");
}

void bare_main(void)
{
	long victim = number("victim");

	zygote = (void *)bare_boot->zygote;
	map = number("map");
	kick = number("kick");
	zygotes = number("zygote");
	if (!map || !kick || !zygotes || map >= CODE || kick >= CODE || zygotes >= CODE) {
		bare_printf("Bail out! the stub is not as this test knows it\n");
		bare_exit(R3_EXIT_PANIC);
	}
	attack("itself", kick, __NR_tgkill, 0, 0, R3_SIG_KICK);
	attack("victim", kick, __NR_tgkill, victim, victim, R3_SIG_KICK);
	attack("kill", kick, __NR_tgkill, 0, 0, SIGKILL);
	attack("fork", zygotes, __NR_clone, ZYGOTE_CLONE, 0, 0);
	attack("survive", zygotes, __NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	attack("elsewhere", PAGE - 2, __NR_getpid, 0, 0, 0);
	bare_printf("all tried\n");
}
