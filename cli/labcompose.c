// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3's own labs: the file and its services (or machines), in the words of compose files. */
#include "labcompose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "labnets.h"
#include "guestlimits.h"
#include "labread.h"

/* ---- a machine ---- */

#define TEXT_KEY(fn, name, field) \
	static int fn(struct labread *r, struct ynode *v) { return labread_text(r, v, name, &r->m->field); }
TEXT_KEY(take_cwd, "working_dir", cwd)
TEXT_KEY(take_user, "user", user)
TEXT_KEY(take_hostname, "hostname", hostname)
TEXT_KEY(take_append, "append", append)
TEXT_KEY(take_shell, "shell", shell)

#define LIST_KEY(fn, reader, name, field) \
	static int fn(struct labread *r, struct ynode *v) { return reader(r, v, name, &r->m->field); }
LIST_KEY(take_env, labread_pairs, "environment", env)
LIST_KEY(take_command, labread_command, "command", command)
LIST_KEY(take_startup, labread_scripts, "startup", startup)
LIST_KEY(take_shutdown, labread_scripts, "shutdown", shutdown)
LIST_KEY(take_mem, labread_mem, "mem", mem)

/* What it may use; it has as many CPUs as that takes. More than the host has is no bound. */
static int take_cpus(struct labread *r, struct ynode *v)
{
	int ret = labread_cpus(r, v, "cpus", &r->m->cpus);
	double n = ret ? 0 : strtod(v->text, NULL);

	if (ret || n >= sysconf(_SC_NPROCESSORS_ONLN))
		return ret;
	r->m->cpu_limit = lab_textf(r->lab, r->err, "%.2f", n < 0.01 ? 0.01 : n);
	return r->m->cpu_limit ? 0 : r->err->code;
}

static int take_pids(struct labread *r, struct ynode *v)
{
	/* As compose has no bound. */
	if (v->kind == YAML_SCALAR && (!strcmp(v->text, "-1") || !strcmp(v->text, "0")))
		return 0;
	return labread_count(r, v, "pids_limit", LIMITS_PIDS_MIN, LIMITS_PIDS_MAX, &r->m->pids);
}

static int take_weight(struct labread *r, struct ynode *v)
{
	return labread_count(r, v, "cpu_weight", 1, LIMITS_WEIGHT_MAX, &r->m->cpu_weight);
}

static int take_shares(struct labread *r, struct ynode *v)
{
	int ret = labread_count(r, v, "cpu_shares", 2, 262144, &r->m->cpu_weight);
	unsigned long weight = ret ? 0 : strtoul(r->m->cpu_weight, NULL, 10) * LIMITS_WEIGHT_USUAL / 1024;

	if (ret)
		return ret;
	r->m->cpu_weight = lab_textf(r->lab, r->err, "%lu", weight < 1 ? 1 : weight > LIMITS_WEIGHT_MAX ? LIMITS_WEIGHT_MAX : weight);
	return r->m->cpu_weight ? 0 : r->err->code;
}

static const struct labkey limit_keys[] = {
	{ "cpus", take_cpus },
	{ "memory", take_mem },
	{ "pids", take_pids },
	{ NULL }
};

static int take_resource_limits(struct labread *r, struct ynode *v)
{
	return labread_map(r, v, limit_keys);
}

static const struct labkey resource_keys[] = {
	{ "limits", take_resource_limits },
	{ "reservations", NULL, NULL },
	{ NULL }
};

static int take_resources(struct labread *r, struct ynode *v)
{
	return labread_map(r, v, resource_keys);
}

static const struct labkey deploy_keys[] = {
	{ "resources", take_resources },
	{ "replicas", NULL, "write each machine; an anchor and << save words" },
	{ NULL }
};

static int take_deploy(struct labread *r, struct ynode *v)
{
	return labread_map(r, v, deploy_keys);
}

LIST_KEY(take_disks, labread_list, "disks", disk)
LIST_KEY(take_read_only, labread_bool, "read_only", root_ro)

static int take_sysctl(struct labread *r, struct ynode *v)
{
	unsigned int i;

	for (i = 0; v->kind == YAML_LIST && i < v->nr; i++)
		if (v->child[i]->kind != YAML_SCALAR || !strchr(v->child[i]->text, '='))
			return labread_error(r, v->child[i], "sysctls: give NAME=VALUE");
	return labread_pairs(r, v, "sysctls", &r->m->sysctl);
}

static int take_image(struct labread *r, struct ynode *v)
{
	return labread_image(r, v, "image");
}

static int take_root(struct labread *r, struct ynode *v)
{
	return labread_image(r, v, "root");
}

static int take_path(struct labread *r, struct ynode *v, const char *what, char **path)
{
	int ret = labread_text(r, v, what, path);

	if (ret)
		return ret;
	*path = lab_path(r->lab, *path, r->err);
	return *path ? 0 : r->err->code;
}

LIST_KEY(take_kernel, take_path, "kernel", kernel)
LIST_KEY(take_modules, take_path, "modules", modules)

/* A guest that is started again has none of what its startup commands did. */
static int take_restart(struct labread *r, struct ynode *v)
{
	if (v->kind == YAML_SCALAR && (!strcmp(v->text, "no") || !strcmp(v->text, "false")))
		return 0;
	return labread_error(r, v, "restart: only no can be said; another ring3 up starts what has ended, with its files and startup commands");
}

/* true: an init that reaps, which every guest has; a path: the root's own. */
static int take_init(struct labread *r, struct ynode *v)
{
	if (v->kind == YAML_SCALAR && v->text[0] == '/')
		return labread_text(r, v, "init", &r->m->init);
	return labread_bool(r, v, "init", &(bool){ false });
}

static int take_entrypoint(struct labread *r, struct ynode *v)
{
	if (v->kind == YAML_LIST && v->nr == 1)
		v = v->child[0];
	if (v->kind != YAML_SCALAR || ynode_is_null(v) || strpbrk(v->text, " \t\n"))
		return labread_error(r, v, "entrypoint: one program is expected here; its arguments go to command");
	r->m->entrypoint = lab_text(r->lab, v->text, r->err);
	return r->m->entrypoint ? 0 : r->err->code;
}

static int take_volumes(struct labread *r, struct ynode *v)
{
	return labread_each(r, v, "volumes", labread_volume);
}

static int take_ports(struct labread *r, struct ynode *v)
{
	return labread_each(r, v, "ports", labread_port);
}

static int take_dep(struct labread *r, const struct ynode *name, const struct ynode *options)
{
	const struct ynode *c = options ? ynode_get(options, "condition") : NULL;
	struct lab_dep *dep;
	unsigned int i;

	if (name->kind != YAML_SCALAR)
		return labread_error(r, name, "depends_on: a machine's name is expected here");
	for (i = 0; options && options->kind == YAML_MAP && i < options->nr; i += 2)
		if (strcmp(options->child[i]->text, "condition"))
			return labread_error(r, options->child[i], "depends_on: there is no key \"%.60s\" here but condition", options->child[i]->text);
	if (c && (c->kind != YAML_SCALAR || (strcmp(c->text, "service_started") && strcmp(c->text, "service_healthy") &&
					     strcmp(c->text, "service_completed_successfully"))))
		return labread_error(r, c, "depends_on: a condition is service_started, service_healthy or service_completed_successfully");
	dep = lab_add_dep(r->lab, r->m, name->text, labread_at(name), r->err);
	if (!dep)
		return r->err->code;
	dep->healthy = c && !strcmp(c->text, "service_healthy");
	dep->completed = c && !strcmp(c->text, "service_completed_successfully");
	return 0;
}

static int take_depends_on(struct labread *r, struct ynode *v)
{
	unsigned int i;
	int ret = 0;

	if (v->kind == YAML_SCALAR)
		return ynode_is_null(v) ? 0 : take_dep(r, v, NULL);
	for (i = 0; !ret && i < v->nr; i += v->kind == YAML_MAP ? 2 : 1)
		ret = take_dep(r, v->child[i], v->kind == YAML_MAP ? v->child[i + 1] : NULL);
	return ret;
}

/* ---- health ---- */

/* ["CMD", PROGRAM...], ["CMD-SHELL", TEXT], ["NONE"], or a text for a shell. */
static int take_test(struct labread *r, struct ynode *v)
{
	struct lab_list *list = &r->m->health.command;
	const struct ynode *first = v->kind == YAML_LIST && v->nr ? v->child[0] : NULL;
	const char *kind = first && first->kind == YAML_SCALAR ? first->text : "";
	unsigned int i;
	int ret = 0;

	if (v->kind == YAML_SCALAR)
		return labread_command(r, v, "test", list);
	if (!strcmp(kind, "NONE") && v->nr == 1)
		return 0;
	if ((strcmp(kind, "CMD") && strcmp(kind, "CMD-SHELL")) || v->nr < 2 || (!strcmp(kind, "CMD-SHELL") && v->nr != 2))
		return labread_error(r, v, "test: write a command, or [CMD, PROGRAM, ARGUMENT...], [CMD-SHELL, TEXT] or [NONE]");
	if (!strcmp(kind, "CMD-SHELL"))
		return labread_command(r, v->child[1], "test", list);
	for (i = 1; !ret && i < v->nr; i++)
		ret = labread_list(r, v->child[i], "test", list);
	return ret;
}

LIST_KEY(take_interval, labread_time, "interval", health.interval_ms)
LIST_KEY(take_timeout, labread_time, "timeout", health.timeout_ms)
LIST_KEY(take_start_period, labread_time, "start_period", health.start_ms)

static int take_retries(struct labread *r, struct ynode *v)
{
	char *end = NULL;
	unsigned long n = v->kind == YAML_SCALAR ? strtoul(v->text, &end, 10) : 0;

	if (!end || *end || !n || n > 10000)
		return labread_error(r, v, "retries: give a number from 1 to 10000");
	r->m->health.retries = n;
	return 0;
}

static const struct labkey health_keys[] = {
	{ "test", take_test },
	{ "interval", take_interval },
	{ "timeout", take_timeout },
	{ "start_period", take_start_period },
	{ "retries", take_retries },
	{ NULL }
};

static int take_health(struct labread *r, struct ynode *v)
{
	r->m->health.interval_ms = 1000;
	r->m->health.timeout_ms = 30000;
	r->m->health.retries = 30;
	return labread_map(r, v, health_keys);
}

static const struct labkey machine_keys[] = {
	{ "image", take_image },
	{ "root", take_root },
	{ "read_only", take_read_only },
	{ "command", take_command },
	{ "entrypoint", take_entrypoint },
	{ "init", take_init },
	{ "startup", take_startup },
	{ "shutdown", take_shutdown },
	{ "shell", take_shell },
	{ "environment", take_env },
	{ "networks", labnets_cards },
	{ "ports", take_ports },
	{ "volumes", take_volumes },
	{ "disks", take_disks },
	{ "depends_on", take_depends_on },
	{ "healthcheck", take_health },
	{ "mem", take_mem },
	{ "mem_limit", take_mem },
	{ "cpus", take_cpus },
	{ "cpu_shares", take_shares },
	{ "cpu_weight", take_weight },
	{ "pids_limit", take_pids },
	{ "deploy", take_deploy },
	{ "user", take_user },
	{ "working_dir", take_cwd },
	{ "hostname", take_hostname },
	{ "sysctls", take_sysctl },
	{ "append", take_append },
	{ "kernel", take_kernel },
	{ "modules", take_modules },
	{ "restart", take_restart },
	/* What every guest has, or what says nothing about it. */
	{ "privileged", NULL, NULL }, { "cap_add", NULL, NULL }, { "tty", NULL, NULL }, { "stdin_open", NULL, NULL }, { "labels", NULL, NULL },
	{ "build", NULL, "ring3 builds no images; build it before, and name the result with root:" },
	{ "container_name", NULL, "a lab's guests are called LAB.MACHINE; hostname: is what the guest calls itself" },
	{ "env_file", NULL, "say environment:, or set the variables in .env and use them here" },
	{ "post_start", NULL, "say startup:, which runs before the command" },
	{ "pre_stop", NULL, "say shutdown:" },
	{ "expose", NULL, "all ports are open within a network; ports: publishes one" },
	{ "network_mode", NULL, "say networks:" },
	{ "profiles", NULL, "all machines of a lab are started" },
	{ "extends", NULL, "use an anchor and <<" },
	{ NULL }
};

static int read_machines(struct labread *r, struct ynode *map)
{
	unsigned int i;
	int ret = 0;

	if (map->kind != YAML_MAP)
		return labread_error(r, map, "names of machines and what they have are expected here");
	for (i = 0; !ret && i < map->nr; i += 2) {
		const struct ynode *key = map->child[i], *networks = ynode_get(map->child[i + 1], "networks");

		snprintf(r->where, sizeof(r->where), "services.%.60s", key->text);
		r->m = lab_add_machine(r->lab, key->text, labread_at(key), r->err);
		if (!r->m)
			return r->err->code;
		ret = labread_map(r, map->child[i + 1], machine_keys);
		if (!ret && r->m->root && r->m->image)
			ret = labread_error(r, key, "say image: or root:, not both");
		if (!ret && r->m->init && r->m->command.nr)
			ret = labread_error(r, key, "init: and command: exclude each other; startup: runs commands beside an init");
		if (!ret && (!networks || ynode_is_null(networks)))
			ret = labnets_default(r, key);
	}
	r->where[0] = 0;
	return ret;
}

/* ---- the file ---- */

static int take_later(struct labread *r, struct ynode *v)
{
	return 0;
}

static int take_name(struct labread *r, struct ynode *v)
{
	return labread_text(r, v, "name", &r->lab->name);
}

static const struct labkey file_keys[] = {
	{ "name", take_name },
	{ "services", take_later },
	{ "machines", take_later },
	{ "networks", take_later },
	{ "version", NULL, NULL },
	{ "volumes", NULL, "there are no named volumes; a machine's volumes: name folders of this host" },
	{ "secrets", NULL, "share or copy a file by volumes:" },
	{ "configs", NULL, "share or copy a file by volumes:" },
	{ "include", NULL, "a lab is one file" },
	{ NULL }
};

int labcompose_read(struct lab *lab, struct ynode *root, struct r3_err *err)
{
	struct labread r = { .lab = lab, .err = err };
	struct ynode *services = ynode_get(root, "services"), *machines = ynode_get(root, "machines"),
		     *networks = ynode_get(root, "networks");
	int ret = labread_map(&r, root, file_keys);

	if (!ret && services && machines)
		ret = labread_error(&r, machines, "services: and machines: are the same; use one");
	if (!ret && !services && !machines)
		ret = labread_error(&r, root, "services: is missing, which names the machines");
	if (!ret && networks)
		ret = labnets_read(&r, networks);
	if (!ret)
		ret = read_machines(&r, services ? services : machines);
	if (!ret)
		labnets_finish(lab);
	lab->names_known = true;
	return ret;
}
