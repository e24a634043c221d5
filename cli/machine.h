/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A running guest, seen from `ring3 run`: its monitor process, its agent, its
 * console, the caller's session, and the clients that attach.
 */
#ifndef R3_MACHINE_H
#define R3_MACHINE_H

#include <json-c/json.h>

#include "config.h"
#include "hvc.h"
#include "monitor_proc.h"
#include "session.h"
#include "wire.h"

/* Why the guest is being ended, if it is us who ends it. */
enum machine_end {
	END_NONE,
	END_DONE,		/* the command ended: status is known */
	END_TIMEOUT,
	END_SIGNAL,
	END_ESCAPE,		/* Ctrl-] three times */
	END_STOP,		/* ring3 stop */
	END_UNREAD,		/* nobody reads our output any more */
	END_BROKEN,		/* the agent, or its boot, failed */
};

struct control;

struct machine {
	struct loop loop;
	const struct run_options *opt;
	struct run_config *cfg;
	struct monitor_proc mon;
	struct watch log_watch;
	int64_t log_second;		/* bytes of messages are counted a second */
	size_t log_bytes;
	bool log_cut;			/* it was said that there were too many */
	struct watch signal_watch;
	int signal_fd;

	struct hvc hvc;
	struct wire agent;
	bool ready;
	struct r3_agent_hello hello;
	struct session session;		/* the caller's own, number 1 */
	struct control *control;	/* NULL: none */
	void *relay[R3_AGENT_SESSIONS + 1];	/* clients' sessions */

	struct timer timeout;
	struct timer slow;		/* not ready for long */
	struct timer grace;		/* it was asked to end, and did not yet */
	struct timer killed;		/* it was killed, and did not end yet */
	struct timer restart;		/* it rebooted too soon to be started again at once */
	int64_t monitor_since;		/* loop_now() at its monitor's start */
	unsigned int quick_reboots;	/* in a row */
	enum machine_end end;
	int status;			/* exit status, once end or over says so */
	bool over;

	uint64_t host_start_ns, host_start_tsc, started_ns, exit_ns;
	time_t started;
};

/* Runs the guest until its end. Returns the exit status of `ring3 run`. */
int machine_run(const struct run_options *opt, struct run_config *cfg);

/* Asks the guest to end, or makes it. A second time makes it. */
void machine_stop(struct machine *m, enum machine_end why, int status, bool force);

/* machine_agent.c: callbacks of the agent's wire, and of Ctrl-] three times. */
const char *machine_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload);
void machine_agent_ended(void *ctx, const char *why);
void machine_agent_drained(void *ctx);
void machine_escaped(void *ctx);

/* machine_signal.c: signals become events of the loop. */
int machine_take_signals(struct machine *m, struct r3_err *err);
/* What the end of the monitor means; the status is waitpid()'s. */
void machine_monitor_ended(struct machine *m, int status);

/* For control.c */
struct json_object *machine_info(const struct machine *m);
/* A session number for a client, or 0. Given back when the agent says it is over. */
uint16_t machine_relay(struct machine *m, void *client);

/* timing.c */
void timing_start(struct machine *m);
uint64_t timing_now(void);
/* One line of JSON to opt->timing. */
void timing_write(const struct machine *m);

/* control.c: the socket by which other ring3 commands reach this guest. */
int control_open(struct machine *m, struct r3_err *err);
void control_close(struct machine *m);
/* A frame of the agent for a client's session. */
void control_frame(void *client, const struct r3_frame *frame, const uint8_t *payload);
/* What the guest wrote to its console. */
void control_console(struct control *c, const char *data, size_t len);
void control_console_room(struct control *c);
/* The agent takes data again. */
void control_wake(struct control *c);
/* The guest restarts: no session survives. */
void control_reset(struct control *c);

#endif
