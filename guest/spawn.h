/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a process without waiting for it.
 *
 * Theory of operation: the child shares the agent's memory until it execs,
 * because copying an address space is the most expensive thing that a guest
 * does. But it is not waited for, as vfork() would: from setresuid() on it is a
 * process of that user, who may stop it, and its directory and program may be
 * files that the user makes others wait for. So its end of a pipe says how it
 * went. The pipe is at its end when the child has another memory or none; until
 * then the job, which holds all that the child reads, must stay.
 */
#ifndef R3_GUEST_SPAWN_H
#define R3_GUEST_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "user.h"

struct spawn {
	const char *cwd;	/* empty: home */
	char **argv;		/* NULL: login shell */
	char **env;		/* what the host set */
	bool with_uid;
	uid_t uid;
	gid_t gid;
	int fd[3];
	int ctty;		/* -1, or the terminal to control the new session */
};

struct spawn_error {
	uint32_t code;		/* enum r3_agent_code */
	uint32_t status;
	char text[512];
};

enum spawn_step { STEP_SETUP = 1, STEP_USER, STEP_CWD, STEP_EXEC };

/* Why a child did not exec, from itself: what it saw as that user. */
struct spawn_report {
	int step;		/* enum spawn_step */
	int err;
	int path;		/* of job.path, one that exists; -1: none does */
	int is_dir;
};

#define SPAWN_STACK	16384

struct spawn_job {
	struct spawn sp;	/* strings are the caller's until spawn_free() */
	pid_t pid;
	int status_fd;		/* our end of the pipe */
	int child_fd;		/* the child's */
	struct rlimit files;	/* what it may have open; ours is more */
	struct spawn_report report;
	size_t report_len;

	struct user user;
	char **argv;
	char **shell_argv;	/* the same through /bin/sh, for scripts without #! */
	char **env;
	char **path;		/* candidates for the program, in order */
	char *own[8];		/* strings of ours that env points to */
	char *login[2];
	char login_name[300];
	int nr_own;
	char stack[SPAWN_STACK] __attribute__((aligned(16)));
};

/* Makes room for the descriptors of many sessions; their commands keep the limit that was. */
void spawn_init(void);

/* Starts a process. NULL, and why, if not even that is possible. Takes no descriptor. */
struct spawn_job *spawn_start(const struct spawn *sp, struct spawn_error *error);

/* 1: the program runs, 0: not known yet, -1: it could not be started, and why. */
int spawn_result(struct spawn_job *job, struct spawn_error *error);

/* Once the result is known, or the process was reaped. */
void spawn_free(struct spawn_job *job);

/* spawn_child.c: the child's part, on its own stack, in our memory. Does not return. */
int spawn_child(void *job);

#endif
