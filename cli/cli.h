/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What main and the subcommands share. */
#ifndef R3_CLI_H
#define R3_CLI_H

/* Exit status of ring3 itself; everything else is the command's own. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,			/* ps, stop, console, doctor */
	CLI_ENDED = 120,		/* the guest ended before the command did */
	CLI_PANIC = 121,		/* the guest kernel panicked */
	CLI_HOST = 122,			/* the host failed the guest */
	CLI_AGENT = 123,		/* an agent protocol error */
	CLI_TIMEOUT = 124,		/* --timeout */
	CLI_START = 125,		/* wrong options, or it could not be started */
};

struct subcommand {
	const char *name;
	const char *help;		/* one line */
	int (*main)(int argc, char **argv);	/* argv[0] is its name */
};

struct r3_err;

int run_main(int argc, char **argv);
/* Whether run_main() would take these options and words; nothing stays open. 0 or more, or -errno with err set. */
int run_check(int argc, char **argv, struct r3_err *err);
int exec_main(int argc, char **argv);
int cp_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int console_main(int argc, char **argv);
int stop_main(int argc, char **argv);
int create_main(int argc, char **argv);
int start_main(int argc, char **argv);
int restart_main(int argc, char **argv);
int kill_main(int argc, char **argv);
int rename_main(int argc, char **argv);
int systemd_main(int argc, char **argv);
int api_main(int argc, char **argv);
int events_main(int argc, char **argv);
int set_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int top_main(int argc, char **argv);
int logs_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int rm_main(int argc, char **argv);
int up_main(int argc, char **argv);
int down_main(int argc, char **argv);
int status_main(int argc, char **argv);
int web_main(int argc, char **argv);
int attach_main(int argc, char **argv);
int detach_main(int argc, char **argv);
int pause_main(int argc, char **argv);
int dump_main(int argc, char **argv);
int debug_main(int argc, char **argv);
int kernel_main(int argc, char **argv);
int kunit_main(int argc, char **argv);
int selftest_main(int argc, char **argv);
int net_main(int argc, char **argv);
int image_main(int argc, char **argv);
int roots_main(int argc, char **argv);
int doctor_main(int argc, char **argv);

#endif
