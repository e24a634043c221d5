/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lab: machines and the networks between them, as a file describes them. Pure data:
 * whoever reads a file fills it (labcompose.c, labclab.c, labkathara.c), lab_check()
 * says whether it makes sense, labplan.c makes command lines of it.
 *
 * All text belongs to the lab and is freed with it.
 */
#ifndef R3_LAB_H
#define R3_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LAB_MAX_MACHINES	256
#define LAB_MAX_NETWORKS	256
#define LAB_MAX_CARDS		8	/* as many as a guest may have */
#define LAB_MAX_ITEMS		512	/* of one list */
#define LAB_FILE_MAX		(1 << 20)
#define LAB_NAME_MAX		40	/* of the lab; a guest's name, LAB.MACHINE, has 63 */

/* Where something was said; line 0: nowhere. */
struct lab_at {
	unsigned int line, column;
};

struct lab_list {
	char **item;			/* nr of them, and a NULL */
	unsigned int nr;
};

struct lab_network {
	char *name;
	struct lab_at at;
	bool uplink;			/* a NAT leads out of it */
	unsigned int mtu;		/* 0: as a switch has it */
	bool with_subnet;
	uint32_t subnet;		/* IPv4, host order; of machines without an address of their own */
	unsigned int prefix;
	char *gateway;			/* NULL: none but an uplink */
};

struct lab_card {
	int network;			/* index; -1: a NAT of its own */
	int number;			/* eth...; -1: the next one */
	struct lab_at at;
	char *mac, *gateway;		/* NULL: none said */
	struct lab_list ip;		/* with their prefixes */
	char *options;			/* of the switch's port, "delay=20ms,loss=1%"; NULL: none */
};

/* From a file or folder of the host to a path in the guest. */
struct lab_copy {
	char *from, *to;
};

struct lab_dep {
	char *name;
	int machine;			/* index, set by lab_check() */
	bool healthy;			/* waits for its health, too */
	bool completed;			/* waits until its command has ended, with status 0 */
	struct lab_at at;
};

struct lab_health {
	struct lab_list command;	/* nr 0: none */
	int64_t interval_ms, timeout_ms, start_ms;
	unsigned int retries;
};

struct lab_machine {
	char *name;
	struct lab_at at;
	char *image, *root;		/* at most one; both NULL: the default root */
	char *kernel, *modules, *mem, *cpus, *cpu_limit, *cpu_weight, *pids, *init, *user, *cwd, *hostname, *append;
	char *entrypoint;		/* NULL: not said */
	bool root_ro;
	struct lab_list env, command, share, publish, sysctl, disk;
	struct lab_copy *copy;
	unsigned int nr_copies;
	struct lab_card card[LAB_MAX_CARDS];
	unsigned int nr_cards;
	bool no_ipv6;
	char *shell;			/* for what follows; NULL: sh */
	struct lab_list startup, shutdown; /* scripts, one after the other */
	bool systemctl;			/* scripts expect one, whatever PID 1 is */
	struct lab_dep *dep;
	unsigned int nr_deps;
	struct lab_health health;
	bool awaited;			/* somebody waits for the end of its command; set by lab_check() */
};

struct lab_text;

struct lab {
	char *name;
	char *file;			/* as messages call it */
	char *dir;			/* absolute: what relative paths in it start from */
	char *title;			/* NULL: none */
	struct lab_machine machine[LAB_MAX_MACHINES];
	unsigned int nr_machines;
	struct lab_network network[LAB_MAX_NETWORKS];
	unsigned int nr_networks;
	bool names_known;		/* machines know each other by name, by /etc/hosts */
	struct lab_text *texts;		/* all memory that is the lab's */
	size_t text_bytes;
};

struct lab *lab_new(const char *file, const char *dir, struct r3_err *err);
void lab_free(struct lab *lab);

/* Memory that lives as long as the lab. NULL with err set: too much for one lab, or none left. */
void *lab_alloc(struct lab *lab, size_t size, struct r3_err *err);
char *lab_text(struct lab *lab, const char *text, struct r3_err *err);
char *lab_textf(struct lab *lab, struct r3_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds a text, which becomes the lab's. */
int lab_add(struct lab *lab, struct lab_list *list, const char *text, struct r3_err *err);

struct lab_machine *lab_add_machine(struct lab *lab, const char *name, struct lab_at at, struct r3_err *err);
struct lab_machine *lab_find_machine(struct lab *lab, const char *name);
/* The network, made if need be; an index. */
int lab_add_network(struct lab *lab, const char *name, struct lab_at at, struct r3_err *err);
int lab_find_network(const struct lab *lab, const char *name);
struct lab_card *lab_add_card(struct lab *lab, struct lab_machine *m, int network, struct lab_at at, struct r3_err *err);
int lab_add_copy(struct lab *lab, struct lab_machine *m, const char *from, const char *to, struct r3_err *err);
struct lab_dep *lab_add_dep(struct lab *lab, struct lab_machine *m, const char *name, struct lab_at at, struct r3_err *err);

/* "FILE:LINE:COLUMN: what is wrong". */
int lab_error(const struct lab *lab, struct lab_at at, struct r3_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A lab's name of what a folder or file is called. */
void lab_name_from(char *name, size_t size, const char *text);
bool lab_name_ok(const char *name);
/* A machine's or network's. */
bool lab_part_ok(const char *name);

/*
 * Everything that can be wrong between parts: names, cards in the order of their
 * numbers, addresses (those that nobody said are given out), what depends on what.
 */
int lab_check(struct lab *lab, struct r3_err *err);

/* Absolute, from the lab's folder on; "~/" is the user's home. */
char *lab_path(struct lab *lab, const char *path, struct r3_err *err);

#endif
