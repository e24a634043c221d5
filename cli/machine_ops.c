// SPDX-License-Identifier: GPL-2.0-or-later
/* What clients may ask of a machine: the one table of operations. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "machine.h"
#include "usage.h"

#define COMMAND_MAX	8192

static void add_number(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void answer(struct control_call *call, const char *key, struct json_object *value)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, key, value);
	control_done(call, o);
}

/* ---- info, stop ---- */

/* What the host has given it so far; the file's holes are what it never touched, or gave back. */
static uint64_t resident(const struct machine *m)
{
	struct stat st;

	return m->ram_fd < 0 || fstat(m->ram_fd, &st) ? 0 : st.st_blocks * 512ULL;
}

/* It says what runs there; an answer has to fit a socket. */
static struct json_object *words_of(char *const *argv)
{
	struct json_object *words = json_object_new_array();
	size_t left = COMMAND_MAX, i, n;
	char cut[COMMAND_MAX + 4];

	for (i = 0; argv[i]; i++) {
		n = strlen(argv[i]);
		if (n >= left) {
			snprintf(cut, sizeof(cut), "%.*s...", (int)left, argv[i]);
			json_object_array_add(words, json_object_new_string(cut));
			break;
		}
		json_object_array_add(words, json_object_new_string(argv[i]));
		left -= n + 1;
	}
	return words;
}

static struct json_object *describe(const struct machine *m)
{
	struct json_object *o = json_object_new_object();
	char path[PATH_MAX];

	json_object_object_add(o, "name", json_object_new_string(m->cfg->name));
	json_object_object_add(o, "protocol", json_object_new_int(CONTROL_PROTOCOL));
	json_object_object_add(o, "pid", json_object_new_int(getpid()));
	json_object_object_add(o, "monitor", json_object_new_int(m->mon.pid));
	json_object_object_add(o, "state", json_object_new_string(
		m->end != END_NONE ? "ending" : m->paused ? "paused" : m->start_fd >= 0 ? "held" : m->agent.ready ? "running" :
		m->restart.due >= 0 ? "rebooting" : "booting"));
	json_object_object_add(o, "paused", json_object_new_boolean(m->paused));
	json_object_object_add(o, "waits_for_debugger", json_object_new_boolean(m->start_fd >= 0));
	if (realpath(m->opt->kernel, path))
		json_object_object_add(o, "kernel_file", json_object_new_string(path));
	add_number(o, "restarts", m->restarts);
	json_object_object_add(o, "background", json_object_new_boolean(m->bg != NULL));
	json_object_object_add(o, "mem", json_object_new_int64(m->cfg->vm.mem));
	add_number(o, "mem_given", m->cfg->vm.mem - m->cfg->vm.mem_back);
	add_number(o, "mem_used", resident(m));
	json_object_object_add(o, "cpus", json_object_new_int(m->cpus_on));
	json_object_object_add(o, "cpus_max", json_object_new_int(m->cfg->vm.cpus));
	json_object_object_add(o, "limits", machine_limits(m));
	json_object_object_add(o, "started", json_object_new_int64(m->started));
	json_object_object_add(o, "kernel", json_object_new_string(m->agent.hello.release));
	json_object_object_add(o, "network", net_info(m->net));
	if (m->cfg->vsock)
		json_object_object_add(o, "vsock", vsock_info(m->cfg->vsock));
	json_object_object_add(o, "devices", plugs_describe(m));
	json_object_object_add(o, "root", json_object_new_string(m->cfg->root_folder ? m->opt->root : m->cfg->vm.disk[0].path));
	if (m->opt->init)
		json_object_object_add(o, "init", json_object_new_string(m->opt->init));
	else if (m->opt->argv)
		json_object_object_add(o, "command", words_of(m->opt->argv));
	return o;
}

static void op_info(struct machine *m, struct json_object *req, struct control_call *call)
{
	answer(call, "guest", describe(m));
}

static void op_stop(struct machine *m, struct json_object *req, struct control_call *call)
{
	struct json_object *force;
	bool forced = json_object_object_get_ex(req, "force", &force) && json_object_get_boolean(force);

	control_done(call, NULL);
	machine_stop(m, END_STOP, m->opt->init || (m->bg && !m->opt->argv) ? CLI_OK : CLI_ENDED, forced);
}

static void op_kill(struct machine *m, struct json_object *req, struct control_call *call)
{
	struct json_object *number;
	int sig = json_object_object_get_ex(req, "signal", &number) ? json_object_get_int(number) : 0;

	if (sig < 1 || sig > 64) {
		control_refuse(call, "\"kill\" needs a \"signal\" from 1 to 64");
		return;
	}
	if (!m->session.loop || !m->session.started || m->session.over) {
		control_refuse(call, "the guest runs no command that a signal could be for; \"ring3 stop\" ends the guest");
		return;
	}
	session_signal(&m->session, sig);
	control_done(call, NULL);
}

static void op_rename(struct machine *m, struct json_object *req, struct control_call *call)
{
	struct json_object *to;
	struct r3_err err;
	const char *name = json_object_object_get_ex(req, "to", &to) && json_object_is_type(to, json_type_string) ?
			   json_object_get_string(to) : "";

	if (m->end != END_NONE) {
		control_refuse(call, "the guest is ending");
		return;
	}
	/* First what may be refused, and can be taken back. */
	if ((m->bg && kept_rename(&m->bg->kept, name, &err)) ||
	    control_rename(m->control, name, &err)) {
		if (m->bg && strcmp(m->bg->kept.name, m->cfg->name))
			kept_rename(&m->bg->kept, m->cfg->name, &(struct r3_err){ 0 });
		control_refuse(call, err.msg);
		return;
	}
	control_done(call, NULL);
}

static void order(struct machine *m, const char *op, struct control_call *call)
{
	struct r3_err err;

	if (machine_order(m, op, &err))
		control_refuse(call, err.msg);
	else
		control_done(call, NULL);
}

static void op_pause(struct machine *m, struct json_object *req, struct control_call *call)
{
	order(m, "pause", call);
}

static void op_resume(struct machine *m, struct json_object *req, struct control_call *call)
{
	order(m, "resume", call);
}

static void op_start(struct machine *m, struct json_object *req, struct control_call *call)
{
	order(m, "start", call);
}

/* ---- what the monitor answers ---- */

/* One that is stopped answers nothing. */
static bool is_held(const struct machine *m, struct control_call *call)
{
	if (m->paused)
		control_refuse(call, "the guest is paused; \"ring3 resume\" lets it go on");
	else if (m->start_fd >= 0)
		control_refuse(call, "the guest waits for a debugger: \"ring3 debug\"");
	return m->paused || m->start_fd >= 0;
}

static void pinged(void *ctx, int status, const void *answer, const char *why)
{
	struct control_call *call = ctx;

	if (status)
		control_refuse(call, why);
	else
		control_done(call, NULL);
}

static void op_ping(struct machine *m, struct json_object *req, struct control_call *call)
{
	const char *why;

	if (is_held(m, call))
		return;
	if (channel_ask(&m->channel, CHANNEL_PING, NULL, 0, 0, pinged, call, &why))
		control_refuse(call, why);
}

/* In the order of monitor/vm/devs.c; what came later is in the slots behind them. */
static void name_dev(const struct machine *m, unsigned int index, unsigned int first_slot, char *name, size_t size)
{
	const struct vm_config *vm = &m->cfg->vm;
	unsigned int rng = vm->nr_ports > 0, disk = index - 1 - rng, net = disk - vm->nr_disks, share = net - vm->nr_nets,
		     vsock = share - vm->nr_vhosts;
	const char *plugged = index >= first_slot ? plugs_name(m, index - first_slot) : NULL;

	if (index >= first_slot)
		snprintf(name, size, "%s", plugged ? plugged : "");
	else if (index < rng)
		snprintf(name, size, "console");
	else if (index == rng)
		snprintf(name, size, "rng");
	else if (disk < (unsigned int)vm->nr_disks)
		snprintf(name, size, "%.*s", (int)sizeof(vm->disk[disk].serial), vm->disk[disk].serial);
	else if (net < (unsigned int)vm->nr_nets)
		snprintf(name, size, "net%u", net);
	else if (share < (unsigned int)vm->nr_vhosts)
		snprintf(name, size, "share%u", share);
	else
		snprintf(name, size, vsock < (unsigned int)vm->nr_vsocks ? "vsock" : "balloon");
}

static struct json_object *describe_dev(const struct channel_dev *d, unsigned int index, const char *name)
{
	struct json_object *o = json_object_new_object();
	char kind[sizeof(d->kind) + 1] = "";

	memcpy(kind, d->kind, sizeof(d->kind));
	add_number(o, "index", index);
	if (*name)
		json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "kind", json_object_new_string(kind));
	add_number(o, "cpu_ns", d->cpu_ns);
	add_number(o, "kicks", d->kicks);
	add_number(o, "interrupts", d->interrupts);
	add_number(o, "in", d->in);
	add_number(o, "out", d->out);
	add_number(o, "in_bytes", d->in_bytes);
	add_number(o, "out_bytes", d->out_bytes);
	add_number(o, "dropped", d->dropped);
	return o;
}

static struct json_object *describe_stats(const struct machine *m, const struct channel_stats *s)
{
	struct json_object *o = json_object_new_object(), *cpus = json_object_new_array(), *devs = json_object_new_array();
	/* The monitor may say anything. */
	unsigned int nr_cpus = min_t(unsigned int, s->nr_cpus, m->cfg->vm.cpus), nr_devs = min_t(unsigned int, s->nr_devs, R3_VDEV_MAX), nr_slots, i;
	struct usage u;
	char name[32];

	json_object_object_add(o, "name", json_object_new_string(m->cfg->name));
	add_number(o, "uptime_ms", loop_now() - m->monitor_since);
	add_number(o, "mem", m->cfg->vm.mem);
	add_number(o, "mem_given", m->cfg->vm.mem - min_t(uint64_t, s->mem_back, m->cfg->vm.mem));
	add_number(o, "mem_used", resident(m));
	json_object_object_add(o, "limits", machine_limits(m));
	if (!usage_read(&u, m->mon.pid, getpid())) {
		add_number(o, "backends_ns", u.backends_ns);
		add_number(o, "monitor_ns", u.monitor_ns);
		add_number(o, "spaces_ns", u.spaces_ns);
		add_number(o, "zygote_ns", u.zygote_ns);
		add_number(o, "managers_ns", usage_managers(m->mon.pid));
		add_number(o, "run_ns", u.own_ns);
		add_number(o, "spaces", u.spaces);
		add_number(o, "processes", u.processes + 2);
	}
	add_number(o, "stopped_ns", quota_stopped_ns(&m->quota));
	add_number(o, "stops", m->quota.stops);
	add_number(o, "killed", m->quota.killed);
	add_number(o, "main_ns", s->main_ns);
	for (i = 0; i < nr_cpus; i++)
		json_object_array_add(cpus, json_object_new_int64(s->cpu_ns[i]));
	json_object_object_add(o, "vcpu_ns", cpus);
	nr_slots = min_t(unsigned int, s->nr_slots, nr_devs);
	for (i = 0; i < nr_devs; i++) {
		name_dev(m, i, nr_devs - nr_slots, name, sizeof(name));
		if (s->dev[i].kind[0])
			json_object_array_add(devs, describe_dev(&s->dev[i], i, name));
	}
	json_object_object_add(o, "devices", devs);
	return o;
}

static void stats_came(void *ctx, int status, const void *body, const char *why)
{
	struct control_call *call = ctx;

	if (status)
		control_refuse(call, why);
	else
		answer(call, "stats", describe_stats(control_ctx(call), body));
}

static void op_stats(struct machine *m, struct json_object *req, struct control_call *call)
{
	const char *why;

	if (is_held(m, call))
		return;
	if (channel_ask(&m->channel, CHANNEL_STATS, NULL, 0, sizeof(struct channel_stats), stats_came, call, &why))
		control_refuse(call, why);
}

/* ---- the table ---- */

static const struct {
	const char *name;
	void (*run)(struct machine *m, struct json_object *req, struct control_call *call);
} table[] = {
	{ "info", op_info },
	{ "stop", op_stop },
	{ "kill", op_kill },
	{ "rename", op_rename },
	{ "pause", op_pause },
	{ "resume", op_resume },
	{ "start", op_start },
	{ "ping", op_ping },
	{ "stats", op_stats },
	{ "memory", machine_op_memory },
	{ "limits", machine_op_limits },
	{ "cpus", machine_op_cpus },
	{ "attach", plugs_attach },
	{ "detach", plugs_detach },
};

static bool request(void *ctx, const char *op, struct json_object *req, struct control_call *call)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (!strcmp(table[i].name, op)) {
			table[i].run(ctx, req, call);
			return true;
		}
	}
	return false;
}

const struct control_ops machine_control_ops = { .request = request };
