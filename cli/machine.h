/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A running guest, seen from `ring3 run`: its monitor process, its agent, its
 * console, the caller's session, and the clients that attach.
 */
#ifndef R3_MACHINE_H
#define R3_MACHINE_H

#include <limits.h>

#include "agent_link.h"
#include "background.h"
#include "channel.h"
#include "config.h"
#include "control.h"
#include "hold.h"
#include "hvc.h"
#include "monitor_proc.h"
#include "net.h"
#include "oops.h"
#include "machine_plug.h"
#include "quota.h"
#include "session.h"
#include "timing.h"

#define TAIL_LINES	60
/* A monitor that was killed, and output that nobody reads at a --timeout. */
#define KILLED_MS	500

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

struct machine {
	struct loop loop;
	const struct run_options *opt;
	struct run_config *cfg;
	struct monitor_proc mon;
	struct channel channel;		/* to the monitor */
	struct quota quota;
	unsigned int cpus_on;		/* CPUs that the guest was given last */
	struct {
		struct control_call *call;	/* who waits for it; NULL: nobody */
		uint16_t id;
		unsigned int cpus;
		struct timer timer;	/* runs for as long as the agent is at it */
		struct timer answer;	/* a client is told that it is so */
	} setting;
	struct plugs plugs;		/* devices that came while it runs */
	int ram_fd;			/* the guest's memory; -1: no guest */
	struct watch log_watch;
	int64_t log_second;		/* bytes of messages are counted a second */
	size_t log_bytes;
	bool log_cut;			/* it was said that there were too many */
	struct watch signal_watch;
	int signal_fd;

	struct hvc hvc;
	struct oops oops;		/* what its kernel has to complain of */
	struct agent_link agent;
	struct session session;		/* the caller's own */
	struct control *control;	/* NULL: none */
	struct background *bg;		/* NULL: it has the caller's terminal */
	struct watch report_watch;	/* who waits for it to be ready */
	struct net *net;
	bool waits_for_net;		/* the agent is ready, and no command was started yet */

	struct timer timeout;
	struct timer slow;		/* not ready for long */
	struct timer grace;		/* it was asked to end, and did not yet */
	struct timer killed;		/* it was killed, and did not end yet */
	struct timer restart;		/* it rebooted too soon to be started again at once */
	int64_t monitor_since;		/* loop_now() at its monitor's start */
	unsigned int quick_reboots;	/* in a row */
	unsigned int restarts, failures;	/* by --restart: ever, and in a row */
	enum machine_end end;
	int status;			/* exit status, once end or over says so */
	bool asked;			/* by a signal: --restart does not apply any more */
	bool forced;			/* it was not given the time to end by itself */
	bool over;

	int start_fd;			/* the monitor waits for a byte there, for a debugger; -1: it does not */
	int panic_fd;			/* it waits there after a panic, for a dump; -1: it does not */
	struct watch panic_watch;
	pid_t dump;			/* the process that writes one; 0: none does */
	char dump_path[PATH_MAX];
	unsigned int dumps;
	bool paused;
	struct vmem mem;		/* of a paused guest */
	struct hold hold;

	struct timing timing;
	time_t started;
};

/*
 * Runs the guest until its end. Takes the network. bg: NULL, or what it has in place
 * of a terminal. Returns the exit status of `ring3 run`.
 */
int machine_run(const struct run_options *opt, struct run_config *cfg, struct net *net, struct background *bg);

/* Does anybody sit at the console? */
static inline bool machine_has_console(const struct machine *m)
{
	return m->opt->init && !m->bg;
}

/* Tells whoever listens for events. */
void machine_event(struct machine *m, const char *event, struct json_object *more);
void machine_event_with(struct machine *m, const char *event, const char *key, struct json_object *value);

/* A monitor, its agent and console. */
int machine_start(struct machine *m, struct r3_err *err);
/* Messages of the monitor. False: there are none just now. */
bool machine_read_log(struct machine *m);

/* Whoever waits for a guest without a terminal is told that it is ready. */
void machine_ready(struct machine *m);

/* Asks the guest to end, or makes it. A second time makes it. */
void machine_stop(struct machine *m, enum machine_end why, int status, bool force);

/* machine_agent.c: what is done with what the agent says, and at Ctrl-] three times. */
extern const struct agent_ops machine_agent_ops;
extern const struct net_ops machine_net_ops;
void machine_escaped(void *ctx);

/* machine_signal.c: signals become events of the loop. */
int machine_take_signals(struct machine *m, struct r3_err *err);

/* machine_end.c. What the end of the monitor means; the status is waitpid()'s. */
void machine_monitor_ended(struct machine *m, int status);
void machine_finish(struct machine *m, int status);
void machine_restart(void *ctx);

/* machine_ops.c: what clients may ask of it. */
extern const struct control_ops machine_control_ops;
/* machine_limits.c */
void machine_op_limits(struct machine *m, struct json_object *req, struct control_call *call);
void machine_op_cpus(struct machine *m, struct json_object *req, struct control_call *call);
void machine_limits_init(struct machine *m);
void machine_limits_over(struct machine *m);
void machine_limits_ready(struct machine *m);
/* It has more back ends, or fewer. */
void machine_limits_processes(struct machine *m);
struct json_object *machine_limits(const struct machine *m);
/* machine_memory.c */
void machine_op_memory(struct machine *m, struct json_object *req, struct control_call *call);
/* machine_hold.c: pauses, resumes, starts; what waits to be started or resumed when it is to end. */
int machine_order(struct machine *m, const char *op, struct r3_err *err);
void machine_release(struct machine *m);
int machine_hold_pipes(struct machine *m, bool first, int monitors[2], struct r3_err *err);
void machine_hold_closed(struct machine *m);
void machine_dump_reap(struct machine *m);

/* Makes the guest's name its own, and lets others reach it by that. */
int machine_open_control(struct machine *m, struct r3_err *err);

#endif
