/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the host (`ring3 run`) and the agent in the guest say to each other
 * over one byte stream, the virtio-console port R3_AGENT_PORT.
 *
 * Theory of operation: both sides send frames, a struct r3_frame and len
 * bytes of payload, little endian. The first frame of each side is HELLO; the
 * host speaks only after it has read the agent's, which therefore also says
 * "ready". Session numbers are the host's, 1 to R3_AGENT_SESSIONS; session 0
 * is the link itself. A session begins with RUN and is over with EXIT, or
 * with ERROR if nothing was started. STARTED says that the program runs: what
 * happens before, as the command's user, may take as long as that user wants,
 * and holds up no other session.
 *
 * Data of each stream may be sent as far as the receiver granted: the window
 * in its HELLO when the session begins, and then what CREDIT adds. The
 * receiver always has room for it, so control frames never wait behind data
 * that nobody reads. Data with an empty payload is the end of the stream.
 *
 * Neither side trusts the other: a frame that is too long, of an unknown
 * type, or beyond its credit ends the link with an error.
 */
#ifndef _RING3_AGENT_H
#define _RING3_AGENT_H

#include <linux/types.h>

#define R3_AGENT_PORT		"org.ring3.agent"
#define R3_AGENT_MAGIC		0x41336e72	/* "rn3A" */
#define R3_AGENT_VERSION	1

#define R3_AGENT_DATA_MAX	65536		/* payload of a data frame */
#define R3_AGENT_FRAME_MAX	(1024 * 1024)	/* payload of a RUN frame */
#define R3_AGENT_SMALL_MAX	4096		/* payload of every other frame */
#define R3_AGENT_SESSIONS	256
#define R3_AGENT_USER_SESSIONS	128		/* of them, with R3_RUN_UID as one user that is not root */
#define R3_AGENT_USERS_SESSIONS	192		/* and as all such users: the rest is root's */
#define R3_AGENT_WINDOW_MIN	R3_AGENT_DATA_MAX
#define R3_AGENT_WINDOW_MAX	(16 * 1024 * 1024)
#define R3_AGENT_ARGS_MAX	65536		/* argc + envc */

enum r3_frame_type {
	R3_FRAME_HELLO = 1,		/* both: struct r3_agent_hello */
	R3_FRAME_RUN = 2,		/* host: struct r3_agent_run */
	R3_FRAME_STDIN = 3,		/* host: data */
	R3_FRAME_STDOUT = 4,		/* agent: data */
	R3_FRAME_STDERR = 5,		/* agent: data */
	R3_FRAME_CREDIT = 6,		/* both: struct r3_agent_credit */
	R3_FRAME_CLOSE = 7,		/* both: __u32 stream; its receiver wants no more */
	R3_FRAME_WINCH = 8,		/* host: struct r3_agent_winsize; session 0: the console */
	R3_FRAME_SIGNAL = 9,		/* host: __u32 signal, to the process group */
	R3_FRAME_STARTED = 10,		/* agent: __u32 pid in the guest */
	R3_FRAME_EXIT = 11,		/* agent: struct r3_agent_exit */
	R3_FRAME_ERROR = 12,		/* agent: struct r3_agent_error; session 0: the guest cannot go on */
	R3_FRAME_POWER = 13,		/* host: struct r3_agent_power */
	R3_FRAME_END = 14,		/* host: hang up on the session; EXIT still follows */
};

/* r3_agent_run.flags */
#define R3_RUN_PTY		0x01	/* stdin and stdout are a new pty */
#define R3_RUN_STDERR_PIPE	0x02	/* with R3_RUN_PTY: stderr is a pipe of its own */
#define R3_RUN_SHELL		0x04	/* no command: root's login shell */
#define R3_RUN_UID		0x08	/* as uid and gid, without other groups */

/* r3_agent_power.how */
#define R3_POWER_HOW_OFF	1
#define R3_POWER_HOW_REBOOT	2
/* r3_agent_power.flags */
#define R3_POWER_FORCE		0x01	/* do not stop processes, do not write back */

/* What went wrong, in r3_agent_error.code; the text is for people. */
enum r3_agent_code {
	R3_AGENT_EPROTO = 1,		/* the frame made no sense */
	R3_AGENT_ENOCMD = 2,		/* no such command: 127 */
	R3_AGENT_ENOEXEC = 3,		/* cannot be executed: 126 */
	R3_AGENT_ESTART = 4,		/* the agent could not start it */
	R3_AGENT_EBOOT = 5,		/* no root disk, mount failed, ... */
};

struct r3_frame {
	__u32 len;			/* bytes of payload */
	__u16 type;
	__u16 session;
};

/* r3_agent_hello.flags */
#define R3_HELLO_PID1	(1U << 0)	/* it is PID 1 itself; else the root has its own */
#define R3_HELLO_BROKEN	(1U << 1)	/* its boot failed: an ERROR that says so follows */

struct r3_agent_hello {
	__u32 magic;
	__u32 version;
	__u32 window;			/* bytes granted for each stream of each session */
	__u32 flags;			/* agent: R3_HELLO_* */
	__u64 start_ns;			/* agent: CLOCK_MONOTONIC at PID 1's first instruction */
	__u64 ready_ns;			/* agent: CLOCK_MONOTONIC now */
	__u64 start_tsc;
	__u64 ready_tsc;
	char  release[64];		/* agent: uname -r, terminated */
};

struct r3_agent_winsize {
	__u16 rows;
	__u16 cols;
	__u16 xpixel;
	__u16 ypixel;
};

/* Followed by terminated strings: the directory (empty: home), argv, env. */
struct r3_agent_run {
	__u32 flags;
	__u32 uid;
	__u32 gid;
	__u32 argc;			/* 0 only with R3_RUN_SHELL */
	__u32 envc;
	struct r3_agent_winsize size;
};

struct r3_agent_credit {
	__u32 stream;			/* R3_FRAME_STDIN, _STDOUT or _STDERR */
	__u32 bytes;
};

struct r3_agent_exit {
	__u32 status;			/* as a shell has it: 128 + signal if killed */
	__u32 signal;			/* 0: it exited */
};

/* Followed by text, not terminated. */
struct r3_agent_error {
	__u32 code;			/* enum r3_agent_code */
	__u32 status;			/* exit status to use */
};

struct r3_agent_power {
	__u32 how;
	__u32 flags;
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct r3_frame) == 8, "frame size");
_Static_assert(sizeof(struct r3_agent_hello) == 112, "hello size");
_Static_assert(sizeof(struct r3_agent_run) == 28, "run size");
_Static_assert(sizeof(struct r3_agent_error) == 8, "error size");
#endif
#endif
