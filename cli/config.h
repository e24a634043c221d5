/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the user asked of `ring3 run` to a guest with all files opened. */
#ifndef R3_CONFIG_H
#define R3_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "carry.h"
#include "guestlimits.h"
#include "netopt.h"
#include "shareopt.h"
#include "vhosts.h"
#include "vm/vm.h"
#include "vsock.h"

#define RUN_MAX_ENV	256
#define RUN_MAX_HIDE	32
#define ROOTS_MAX_ENV	256	/* of a root that is an image */

enum restart_policy {
	RESTART_NO,
	RESTART_ALWAYS,
	RESTART_ON_FAILURE,
};

struct run_options {
	uint64_t mem;			/* bytes */
	unsigned int cpus;		/* at its start */
	unsigned int cpus_max;		/* that it may be given; 0: no more than that */
	struct limits limits;
	unsigned short host_cpus[VM_MAX_HOST_CPUS];
	unsigned int nr_host_cpus;	/* 0: all that this process may use */
	const char *kernel, *initrd, *modules, *root;
	const char *root_overlay;	/* NULL: none */
	const char *root_text;		/* what root was made of, as it was named; NULL: it is a disk */
	const char *entrypoint;		/* NULL: not given, "": none */
	bool root_rw, root_ro;
	const char *root_hide[RUN_MAX_HIDE];
	int nr_root_hide;
	const char *rootfstype;
	const char *append;
	const char *disk[VM_MAX_DISKS];	/* PATH or PATH,ro */
	int nr_disks;
	const char *vhost[VM_MAX_VHOSTS];	/* --vhost-user */
	int nr_vhosts;
	struct shareopt share[VM_MAX_VHOSTS];
	int nr_shares;
	struct netopt net;
	const char *vsock;		/* PATH[,cid=N]; NULL: none */
	const char *name;		/* NULL: made from the pid */
	const char *hostname;		/* NULL: its name */
	int64_t timeout_ms;		/* -1: none */
	const char *init;		/* NULL: the agent is PID 1 */
	const char *cwd;
	char *env[RUN_MAX_ENV + ROOTS_MAX_ENV + 3 + CARRY_MAX_ENV];	/* for the command, ends with NULL */
	int nr_env;
	bool with_uid;
	unsigned int uid, gid;
	int tty;			/* 1 yes, 0 no, -1 as the caller has it */
	bool verbose;
	bool early_console;
	bool no_pin;
	bool debug;			/* waits for a debugger before its first instruction */
	const char *dump_on_panic;	/* a directory; NULL: none */
	enum jail_mode jail;
	const char *timing;		/* file for one line of JSON */
	enum restart_policy restart;	/* with detach */
	unsigned int restart_max;	/* times in a row; 0: any */
	bool detach;			/* in the background */
	bool rm;			/* and nothing is kept of it */
	char **argv;			/* the command; NULL: a shell, or with detach none */
};

struct run_config {
	struct vm_config vm;		/* ports are filled for each start */
	struct vhosts *vhosts;		/* devices that other processes serve */
	struct vsock *vsock;		/* NULL: none */
	bool keeps_changes;		/* some disk is written to for good */
	bool root_folder;		/* the root is a folder of this host */
	struct shareopt root_share;	/* and this one then */
	struct shares *shares;		/* NULL: none */
	struct carry carry;		/* settings of this host for the guest */
	char name[64];
};

/* Defaults, also those of the environment. */
void options_init(struct run_options *opt);

/* What config_open() would find wrong first: sizes, the kernel's files. Nothing stays open. */
int config_check(const struct run_options *opt, struct r3_err *err);

/* Checks sizes and opens the files. */
int config_open(struct run_config *cfg, const struct run_options *opt, struct r3_err *err);

/* The end of the kernel's command line: further words of ring3's, and the user's own. */
int config_finish(struct run_config *cfg, const struct run_options *opt, const char *words, struct r3_err *err);

/* What a guest may be called, as it names files and the guest itself. */
bool config_name_ok(const char *name);

#endif
