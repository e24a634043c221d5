// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * without CALL... -- CMD...: run CMD on a host that refuses these calls with
 * EPERM: "landlock", "namespaces", "seccomp".
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int nr;
} calls[] = {
	{ "landlock", SYS_landlock_create_ruleset },
	{ "namespaces", SYS_unshare },
	{ "seccomp", SYS_seccomp },
};

#define NR_CALLS	(sizeof(calls) / sizeof(calls[0]))

static void refuse(int nr)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = filter };

	/* By prctl(), which stays when seccomp() is what is refused. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		perror("without: prctl");
		_exit(2);
	}
	if (syscall(nr, -1, -1, -1) != -1 || errno != EPERM) {
		fprintf(stderr, "without: %d is not refused\n", nr);
		_exit(2);
	}
}

int main(int argc, char **argv)
{
	size_t i;
	int at;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (at = 1; at < argc && strcmp(argv[at], "--"); at++) {
		for (i = 0; i < NR_CALLS && strcmp(argv[at], calls[i].name); i++)
			;
		if (i == NR_CALLS) {
			fprintf(stderr, "without: what is %s?\n", argv[at]);
			return 2;
		}
		refuse(calls[i].nr);
	}
	if (at + 1 >= argc)
		return 2;
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 127;
}
