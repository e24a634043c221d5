// SPDX-License-Identifier: GPL-2.0-or-later
/* Bounds of a running guest, and its CPUs, which come and go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ring3/space.h>

#include "base/util.h"
#include "machine.h"
#include "setting_wire.h"
#include "usage.h"

/* A CPU under load leaves when what is on it lets it. */
#define SET_MS		20000
/* No client waits for so long without a word. */
#define ANSWER_MS	2000
/* ring3 run, the monitor, and the zygote. */
#define OWN_PROCESSES	3
/* With fewer no command starts. */
#define LEAST_TASKS	8

struct json_object *machine_limits(const struct machine *m)
{
	const struct limits *l = &m->quota.limits;
	struct json_object *o = json_object_new_object();

	char text[16];

	/* Not 0.29999999999999999. */
	snprintf(text, sizeof(text), "%u.%02u", l->cpu / 100, l->cpu % 100);
	if (l->cpu)
		json_object_object_add(o, "cpus", json_object_new_double_s(l->cpu / 100.0, text));
	if (l->weight)
		json_object_object_add(o, "weight", json_object_new_int(l->weight));
	if (l->pids)
		json_object_object_add(o, "pids", json_object_new_int(l->pids));
	return o;
}

/* ---- what the agent is asked for ---- */

static void over(struct machine *m, const char *why)
{
	struct control_call *call = m->setting.call;

	m->setting.call = NULL;
	timer_set(&m->setting.timer, -1);
	timer_set(&m->setting.answer, -1);
	if (call && why)
		control_refuse(call, why);
	else if (call)
		control_done(call, NULL);
}

static const char *cpus_answered(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct machine *m = ctx;
	struct r3_agent_exit msg;
	char text[160];

	if (frame->type != R3_FRAME_EXIT)
		return "it answered a setting by something else";
	memcpy(&msg, payload, sizeof(msg));
	if (!msg.status)
		m->cpus_on = m->setting.cpus;
	snprintf(text, sizeof(text), "the guest's kernel does not switch a CPU: %s", strerror(msg.status & 0xff));
	over(m, msg.status ? text : NULL);
	return NULL;
}

static void too_late(void *ctx)
{
	struct machine *m = ctx;

	/* It may have been started anew, and the number be somebody else's. */
	if (m->agent.session[m->setting.id].frame == cpus_answered)
		agent_detach(&m->agent, m->setting.id, true);
	over(m, "the guest's kernel has not switched its CPUs in time: what is on them does not let it; ask again");
}

static void at_it(void *ctx)
{
	struct machine *m = ctx;
	struct control_call *call = m->setting.call;
	struct json_object *o = json_object_new_object();

	m->setting.call = NULL;
	json_object_object_add(o, "pending", json_object_new_boolean(true));
	if (call)
		control_done(call, o);
	else
		json_object_put(o);
}

static const char *ignored(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	return NULL;
}

static uint16_t ask_agent(struct machine *m, uint32_t what, uint32_t value, agent_frame_fn *fn, const char **why)
{
	const struct r3_agent_set set = { .what = what, .value = value };
	uint16_t id = agent_attach_client(&m->agent, fn, m, why);

	if (id)
		wire_send(&m->agent.wire, R3_FRAME_SET, id, &set, sizeof(set));
	return id;
}

static void send_cpus(struct machine *m, struct control_call *call, unsigned int cpus)
{
	const char *why;

	m->setting.cpus = cpus;
	m->setting.id = ask_agent(m, R3_SET_CPUS, cpus, cpus_answered, &why);
	if (!m->setting.id) {
		if (call)
			control_refuse(call, why);
		return;
	}
	m->setting.call = call;
	timer_set(&m->setting.timer, SET_MS);
	timer_set(&m->setting.answer, ANSWER_MS);
}

void machine_op_cpus(struct machine *m, struct json_object *req, struct control_call *call)
{
	struct json_object *value;
	int64_t n = json_object_object_get_ex(req, "cpus", &value) && json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
	char text[200];

	if (n < 1 || n > m->cfg->vm.cpus) {
		snprintf(text, sizeof(text), "the guest may have 1 to %u CPUs; \"ring3 run --cpus N,max=M\" says how many at most when it is started", m->cfg->vm.cpus);
		control_refuse(call, text);
	} else if (m->paused || m->start_fd >= 0) {
		control_refuse(call, m->paused ? "the guest is paused; \"ring3 resume\" lets it go on" : "the guest waits for a debugger: \"ring3 debug\"");
	} else if (m->setting.timer.due >= 0 && m->setting.cpus == n && !m->setting.call) {
		m->setting.call = call;
		timer_set(&m->setting.answer, ANSWER_MS);
	} else if (m->setting.timer.due >= 0) {
		control_refuse(call, "the guest's CPUs are being switched: ask again");
	} else {
		send_cpus(m, call, n);
	}
}

/*
 * So that a fork fails in the guest before a process is killed by the host. Whoever is
 * root in the guest can undo it, and has to do with that then.
 */
static void bound_tasks(struct machine *m)
{
	int64_t fixed = OWN_PROCESSES + R3_FRESH_SPACES + R3_PARKED_SPACES * m->cfg->vm.cpus, tasks = 0;
	struct usage u;
	const char *why;

	if (usage_read(&u, m->mon.pid, getpid()))
		return;
	/* Back ends are those of its processes that are neither spaces nor the zygote. */
	fixed += u.processes - u.spaces - 1;
	if (m->quota.limits.pids)
		tasks = m->quota.limits.pids > fixed + LEAST_TASKS ? m->quota.limits.pids - fixed : LEAST_TASKS;
	ask_agent(m, R3_SET_TASKS, tasks, ignored, &why);
}

void machine_limits_processes(struct machine *m)
{
	if (m->quota.limits.pids && agent_works(&m->agent))
		bound_tasks(m);
}

void machine_limits_ready(struct machine *m)
{
	machine_limits_processes(m);
	/* As it was before the guest started anew. */
	if (m->cpus_on != m->opt->cpus && m->setting.timer.due < 0)
		send_cpus(m, NULL, m->cpus_on);
}

/* ---- bounds ---- */

static int take_number(struct json_object *req, const char *key, unsigned int scale, unsigned int *to, struct r3_err *err)
{
	struct json_object *value;
	double n;

	if (!json_object_object_get_ex(req, key, &value))
		return 0;
	n = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double) ? json_object_get_double(value) * scale : -1;
	if (!(n >= 0) || !(n <= 1e9))
		return err_set(err, EINVAL, "\"limits\": \"%s\" is to be a number, and 0 for no bound", key);
	*to = (unsigned int)(n + 0.5);
	if (n > 0 && !*to)
		return err_set(err, EINVAL, "\"limits\": \"%s\" is too small", key);
	return 0;
}

void machine_op_limits(struct machine *m, struct json_object *req, struct control_call *call)
{
	struct limits l = m->quota.limits;
	unsigned int pids = l.pids;
	struct r3_err err;
	int ret = take_number(req, "cpus", 100, &l.cpu, &err) ?: take_number(req, "weight", 1, &l.weight, &err) ?: take_number(req, "pids", 1, &l.pids, &err) ?:
		  limits_check(&l, m->cfg->vm.cpus, &err) ?: quota_set(&m->quota, &l, m->mon.pid, &err);

	if (ret) {
		control_refuse(call, err.msg);
		return;
	}
	if (pids != l.pids && agent_works(&m->agent))
		bound_tasks(m);
	control_done(call, NULL);
}

void machine_limits_init(struct machine *m)
{
	quota_init(&m->quota, &m->loop, &m->opt->limits, m->cfg->vm.cpus);
	m->cpus_on = m->opt->cpus;
	loop_timer(&m->loop, &m->setting.timer, too_late, m);
	loop_timer(&m->loop, &m->setting.answer, at_it, m);
}

void machine_limits_over(struct machine *m)
{
	quota_end(&m->quota);
	over(m, "the guest is ending");
}
