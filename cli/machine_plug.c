// SPDX-License-Identifier: GPL-2.0-or-later
#include "machine_plug.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"
#include "machine.h"
#include "message.h"
#include "vm/files.h"

/* How long a guest may take; a disk that goes is written back first. */
#define COMING_MS	10000
#define LEAVING_MS	30000
#define PATIENCE_MAX_MS	3600000
#define LOOK_MS		10
/* When nobody waits for it any more. */
#define LOOK_LATER_MS	1000

static struct plug *find(struct machine *m, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		if (m->plugs.plug[i].state != PLUG_NONE && !strcmp(m->plugs.plug[i].name, name))
			return &m->plugs.plug[i];
	return NULL;
}

/* ---- what a guest's disks may be as large as ---- */

/*
 * The monitor's files do not grow beyond the largest image that it writes to. It cannot
 * change that itself: its lists have no such call.
 */
static int set_file_limit(struct machine *m, struct r3_err *err)
{
	uint64_t max = files_max(&m->cfg->vm, true);
	struct rlimit lim;
	size_t i;

	if (!m->mon.pid || m->cfg->vm.jail == JAIL_OFF)
		return 0;
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		uint64_t size = plugdev_file_max(&m->plugs.plug[i].dev);

		if (size > max)
			max = size;
	}
	if (prlimit(m->mon.pid, RLIMIT_FSIZE, NULL, &lim))
		return err_set(err, errno, "the limit of file sizes of the guest's monitor cannot be read: %s", strerror(errno));
	if (lim.rlim_max != RLIM_INFINITY && lim.rlim_max < max)
		return err_set(err, EFBIG, "the limit of file sizes (ulimit -f) is less than the disk");
	lim.rlim_cur = max;
	if (prlimit(m->mon.pid, RLIMIT_FSIZE, &lim, NULL))
		return err_set(err, errno, "the limit of file sizes of the guest's monitor cannot be raised: %s", strerror(errno));
	return 0;
}

/* ---- ends ---- */

static void forget(struct plug *p)
{
	struct machine *m = p->m;

	plugdev_close(&p->dev);
	*p = (struct plug){ .m = m };
	set_file_limit(m, &(struct r3_err){ 0 });
}

static void __attribute__((format(printf, 2, 3))) refuse(struct plug *p, const char *fmt, ...)
{
	struct control_call *call = p->call;
	char text[512];
	va_list ap;

	p->call = NULL;
	p->due = -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (call)
		control_refuse(call, text);
	else
		message("%s", text);
}

static struct json_object *describe(const struct plug *p)
{
	static const char *const states[] = {
		[PLUG_ASKED] = "attaching", [PLUG_COMING] = "attaching", [PLUG_LIVE] = "attached", [PLUG_LEAVING] = "detaching",
		[PLUG_LOST] = "attaching",
	};
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(p->name));
	json_object_object_add(o, "state", json_object_new_string(states[p->state]));
	if (p->guest[0])
		json_object_object_add(o, "guest", json_object_new_string(p->guest));
	plugdev_describe(&p->dev, o);
	return o;
}

static void answer(struct plug *p)
{
	struct control_call *call = p->call;
	struct json_object *o;

	p->call = NULL;
	p->due = -1;
	if (!call)
		return;
	o = json_object_new_object();
	json_object_object_add(o, "device", describe(p));
	control_done(call, o);
}

/* ---- the monitor ---- */

static void look_again(struct machine *m)
{
	int64_t ms = m->plugs.unknown ? LOOK_LATER_MS : -1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		const struct plug *p = &m->plugs.plug[i];

		if (p->state == PLUG_COMING || p->state == PLUG_LEAVING)
			ms = p->due >= 0 ? LOOK_MS : ms == LOOK_MS ? ms : LOOK_LATER_MS;
	}
	timer_set(&m->plugs.timer, ms);
}

static void told(void *ctx, int status, const void *body, const char *why)
{
	/* What comes of it is seen in the slots; and if the monitor says nothing any more, that is said there. */
}

static void ask_to_leave(struct plug *p, enum channel_leave how)
{
	const struct channel_detach detach = { .slot = p->slot, .how = how };
	const char *why;

	p->state = PLUG_LEAVING;
	if (channel_ask(&p->m->channel, CHANNEL_DETACH, &detach, sizeof(detach), -1, 0, told, NULL, &why))
		refuse(p, "%s", why);
	look_again(p->m);
}

/* The guest's word, which goes to terminals. */
static void take_name(struct plug *p, const char *name)
{
	size_t i;

	p->guest[0] = 0;
	for (i = 0; i < R3_PLUG_NAME && name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-:", name[i]))
			return;
	memcpy(p->guest, name, i);
	p->guest[i] = 0;
}

static void late(struct plug *p, uint32_t state)
{
	if (p->state == PLUG_COMING) {
		refuse(p, "the guest %s has not taken the device in time, and it is withdrawn: its kernel may be too old to take one while it runs, or be hung",
		       p->m->cfg->name);
		ask_to_leave(p, CHANNEL_LEAVE_FORCED);
	} else {
		refuse(p, "the guest %s has not let %s go in time: its kernel may be hung, or write much that was not written yet; %s is gone as soon as it does",
		       p->m->cfg->name, p->name, p->name);
		/* The monitor did not even say so to it. */
		if (state == CHANNEL_SLOT_LIVE)
			p->state = PLUG_LIVE;
	}
}

static void look_at(struct plug *p, const struct channel_slots *slots)
{
	uint32_t state = p->slot < CHANNEL_SLOTS ? slots->slot[p->slot].state : CHANNEL_SLOT_FREE;

	if (state == CHANNEL_SLOT_FREE && p->state == PLUG_LEAVING) {
		answer(p);
		forget(p);
	} else if (state == CHANNEL_SLOT_LIVE && p->state == PLUG_COMING) {
		p->state = PLUG_LIVE;
		take_name(p, slots->slot[p->slot].name);
		answer(p);
	} else if ((state == CHANNEL_SLOT_LIVE || state == CHANNEL_SLOT_OFFERED) && p->state == PLUG_LEAVING &&
		   slots->slot[p->slot].busy) {
		p->state = PLUG_LIVE;
		refuse(p, "%s is in use in the guest%s%s: unmount it there, or whatever uses it, or take it away by --force", p->name,
		       p->guest[0] ? ", as " : "", p->guest);
	} else if (p->due >= 0 && p->due <= loop_now()) {
		late(p, state);
	}
}

/* What a monitor attached that had not answered for so long that nobody waited any more. */
static void drop_unknown(struct machine *m, const struct channel_slots *slots)
{
	const char *why;
	unsigned int i;

	for (i = 0; i < CHANNEL_SLOTS; i++) {
		const struct channel_detach detach = { .slot = i, .how = CHANNEL_LEAVE_FORCED };

		if (slots->slot[i].state != CHANNEL_SLOT_FREE && slots->slot[i].state != CHANNEL_SLOT_LEAVING && !plugs_name(m, i))
			channel_ask(&m->channel, CHANNEL_DETACH, &detach, sizeof(detach), -1, 0, told, NULL, &why);
	}
	m->plugs.unknown = false;
}

static bool is_asked(const struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		if (m->plugs.plug[i].state == PLUG_ASKED)
			return true;
	return false;
}

static void shown(void *ctx, int status, const void *body, const char *why)
{
	struct machine *m = ctx;
	size_t i;

	m->plugs.asking = false;
	if (!status && m->plugs.unknown && !is_asked(m))
		drop_unknown(m, body);
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		struct plug *p = &m->plugs.plug[i];

		if (p->state != PLUG_COMING && p->state != PLUG_LEAVING)
			continue;
		if (!status)
			look_at(p, body);
		else if (p->call)
			refuse(p, "%s", why);
	}
	look_again(m);
}

static void look(void *ctx)
{
	struct machine *m = ctx;
	const char *why;

	if (m->plugs.asking)
		return;
	/* The time of a guest that is paused is stopped. */
	if (m->paused) {
		timer_set(&m->plugs.timer, LOOK_LATER_MS);
		return;
	}
	m->plugs.asking = true;
	if (channel_ask(&m->channel, CHANNEL_SLOTS_SHOW, NULL, 0, -1, sizeof(struct channel_slots), shown, m, &why))
		shown(m, -EPROTO, NULL, why);
}

static void attached(void *ctx, int status, const void *body, const char *why)
{
	const struct channel_attached *a = body;
	struct plug *p = ctx;

	/* Its monitor has ended meanwhile. */
	if (p->state != PLUG_ASKED)
		return;
	if (status) {
		refuse(p, "the device cannot be attached: %s", why);
		p->m->plugs.unknown |= status == -ETIMEDOUT;
		look_again(p->m);
		forget(p);
		return;
	}
	p->slot = a->slot;
	p->state = PLUG_COMING;
	if (p->call)
		p->due = loop_now() + p->patience_ms;
	look_again(p->m);
}

static void give(struct plug *p)
{
	struct r3_err err;
	enum channel_op_nr op;
	const void *body;
	const char *why;
	size_t len;
	int fd;

	p->state = PLUG_ASKED;
	op = plugdev_request(&p->dev, &body, &len, &fd);
	if (set_file_limit(p->m, &err)) {
		refuse(p, "%s", err.msg);
		forget(p);
	} else if (channel_ask(&p->m->channel, op, body, len, fd, sizeof(struct channel_attached), attached, p, &why)) {
		refuse(p, "%s", why);
		forget(p);
	}
}

/* ---- clients ---- */

static bool cannot(struct machine *m, struct control_call *call)
{
	if (m->end != END_NONE)
		control_refuse(call, "the guest is ending");
	else if (m->paused)
		control_refuse(call, "the guest is paused; \"ring3 resume\" lets it go on");
	else if (m->start_fd >= 0)
		control_refuse(call, "the guest waits for a debugger: \"ring3 debug\"");
	else if (!m->mon.pid)
		control_refuse(call, "the guest starts anew");
	else
		return false;
	return true;
}

static struct plug *new_plug(struct machine *m, enum plugdev_kind kind, struct r3_err *err)
{
	struct plug *p = NULL;
	unsigned int n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug) && !p; i++)
		if (m->plugs.plug[i].state == PLUG_NONE)
			p = &m->plugs.plug[i];
	if (!p) {
		err_set(err, E2BIG, "the guest has %d devices that were attached while it runs, and cannot have more: \"ring3 detach\" takes one away", CHANNEL_SLOTS);
		return NULL;
	}
	/* Those of the guest's start come first. */
	for (n = kind == PLUGDEV_DISK ? m->opt->nr_disks : m->cfg->vm.nr_nets; ; n++) {
		char name[PLUG_NAME];

		snprintf(name, sizeof(name), "%s%u", plugdev_word(kind), n);
		if (find(m, name))
			continue;
		memcpy(p->name, name, sizeof(name));
		return p;
	}
}

static const char *text_of(struct json_object *req, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(req, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

static int64_t patience(struct json_object *req, int64_t ms)
{
	struct json_object *v;
	int64_t given = json_object_object_get_ex(req, "timeout_ms", &v) ? json_object_get_int64(v) : ms;

	return given < 1 ? 1 : given > PATIENCE_MAX_MS ? PATIENCE_MAX_MS : given;
}

void plugs_attach(struct machine *m, struct json_object *req, struct control_call *call)
{
	enum plugdev_kind kind = 0;
	const char *text = NULL;
	struct r3_err err;
	struct plug *p;

	if (cannot(m, call))
		return;
	while (plugdev_word(kind) && !(text = text_of(req, plugdev_word(kind))))
		kind++;
	if (!text) {
		control_refuse(call, "\"attach\" needs a \"disk\" or a \"net\"");
		return;
	}
	p = new_plug(m, kind, &err);
	if (!p) {
		control_refuse(call, err.msg);
		return;
	}
	if (plugdev_open(&p->dev, kind, text, p->name, m->cfg->name, &m->loop, &err)) {
		control_refuse(call, err.msg);
		forget(p);
		return;
	}
	if (plugdev_keeps(&p->dev))
		m->cfg->keeps_changes = true;
	p->call = call;
	p->patience_ms = patience(req, COMING_MS);
	give(p);
}

void plugs_detach(struct machine *m, struct json_object *req, struct control_call *call)
{
	const char *name = text_of(req, "device");
	struct json_object *force;
	bool forced = json_object_object_get_ex(req, "force", &force) && json_object_get_boolean(force);
	struct plug *p;
	char text[256];

	if (cannot(m, call))
		return;
	p = name ? find(m, name) : NULL;
	if (!p) {
		snprintf(text, sizeof(text), "the guest has no device %.64s that could be taken away: \"ring3 ps --json\" lists those that were attached",
			 name ? name : "");
		control_refuse(call, text);
	} else if (p->call || p->state == PLUG_ASKED || p->state == PLUG_LOST) {
		control_refuse(call, "the device is being attached or detached already");
	} else {
		p->call = call;
		p->due = loop_now() + patience(req, LEAVING_MS);
		ask_to_leave(p, forced ? CHANNEL_LEAVE_FORCED : CHANNEL_LEAVE);
	}
}

/* ---- the machine ---- */

void plugs_init(struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		m->plugs.plug[i] = (struct plug){ .m = m };
	loop_timer(&m->loop, &m->plugs.timer, look, m);
}

void plugs_start(struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		if (m->plugs.plug[i].state == PLUG_LOST)
			give(&m->plugs.plug[i]);
}

void plugs_lost(struct machine *m)
{
	size_t i;

	timer_set(&m->plugs.timer, -1);
	m->plugs.unknown = false;
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		struct plug *p = &m->plugs.plug[i];

		if (p->call)
			refuse(p, "the guest has ended");
		p->guest[0] = 0;
		if (p->state == PLUG_LIVE || p->state == PLUG_COMING)
			p->state = PLUG_LOST;
		else if (p->state != PLUG_NONE && p->state != PLUG_LOST)
			forget(p);
	}
}

void plugs_close(struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		plugdev_close(&m->plugs.plug[i].dev);
}

void plugs_reap(struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		plugdev_reap(&m->plugs.plug[i].dev);
}

struct json_object *plugs_describe(const struct machine *m)
{
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		if (m->plugs.plug[i].state != PLUG_NONE)
			json_object_array_add(list, describe(&m->plugs.plug[i]));
	return list;
}

const char *plugs_name(const struct machine *m, unsigned int slot)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		const struct plug *p = &m->plugs.plug[i];

		if (p->slot == slot && (p->state == PLUG_COMING || p->state == PLUG_LIVE || p->state == PLUG_LEAVING))
			return p->name;
	}
	return NULL;
}
