/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of r3init share. */
#ifndef R3_GUEST_AGENT_H
#define R3_GUEST_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include <ring3/agent.h>

#include "net.h"
#include "share.h"

/* What the kernel command line says, and what PID 1 found out. */
struct boot {
	char root[128];		/* ring3.root= */
	char rootfstype[32];	/* ring3.rootfstype=, else looked up on the disk */
	char rootflags[256];	/* ring3.rootflags= */
	bool readonly;		/* ring3.ro, or the disk is */
	char init[256];		/* ring3.init= */
	char modules[128];	/* ring3.modules= */
	char hostname[65];	/* ring3.hostname= */
	bool kept;		/* ring3.kept: changes of the root stay on its disk */
	struct net net;		/* ring3.net=, ring3.dns= */
	struct shares shares;	/* ring3.share= */

	uint64_t start_ns;
	uint64_t start_tsc;
	char error[512];	/* why the guest cannot go on; empty: it can */
};

/* boot.c: from the initramfs to the root disk, see boot.error. */
void boot_parse(struct boot *boot, const char *cmdline);
void boot_early(struct boot *boot);
void boot_root(struct boot *boot);

/* setup.c: what commands expect of a machine without an init of its own. */
void setup_machine(struct boot *boot);

/* The network, for commands or for the root's own init, which comes next. */
void setup_network(struct boot *boot);

/* Shared folders; boot->error says if one is missing. */
void setup_shares(struct boot *boot);

/* modules.c: modules of this kernel on /lib/modules, whatever the root is. */
void setup_modules(struct boot *boot);

/* port.c: the agent's port, opened; or -errno after timeout_ms. */
int port_open(const char *name, int timeout_ms);

/* agent.c: serves the host until it asks for the end. fd is taken. */
struct agent_config {
	const struct boot *boot;
	int fd;
	bool pid1;
	bool test;		/* on the host: power means exit */
};
int agent_serve(const struct agent_config *cfg);

/*
 * power.c: returns only if the root's own init was asked to do it; one that is
 * just starting may not have heard.
 */
void power_end(const struct r3_agent_power *power, bool pid1);

/* report.c: to the kernel log, thus to the console. */
void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
