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

#define LOOK_MS		10
/* When nobody waits for it any more. */
#define LOOK_LATER_MS	1000
/* Between the end of its connection and its own end a program says why. */
#define FAILING_MS	500

struct plug *plug_find(struct machine *m, const char *name)
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

	plugdev_close(&p->dev, true);
	*p = (struct plug){ .m = m };
	set_file_limit(m, &(struct r3_err){ 0 });
}

void plug_refuse(struct plug *p, const char *fmt, ...)
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
		[PLUG_ASKED] = "attaching", [PLUG_COMING] = "attaching", [PLUG_MOUNTING] = "attaching", [PLUG_FAILING] = "attaching", [PLUG_LOST] = "attaching",
		[PLUG_LIVE] = "attached",
		[PLUG_UNMOUNTING] = "detaching", [PLUG_LEAVING] = "detaching", [PLUG_ENDING] = "detaching",
	};
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(p->name));
	json_object_object_add(o, "state", json_object_new_string(states[p->state]));
	if (p->guest[0] || p->mounted)
		json_object_object_add(o, "guest", json_object_new_string(p->mounted ? p->dev.place : p->guest));
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

void plug_end(struct plug *p)
{
	plug_forget_agent(p);
	if (!plugdev_end(&p->dev)) {
		p->state = PLUG_ENDING;
		plugs_look(p->m);
		return;
	}
	answer(p);
	if (p->dev.vhosts)
		machine_limits_processes(p->m);
	forget(p);
}

void plug_live(struct plug *p)
{
	p->state = PLUG_LIVE;
	answer(p);
}

/* ---- the monitor ---- */

static bool is_on_its_way(const struct plug *p)
{
	return p->state == PLUG_COMING || p->state == PLUG_LEAVING;
}

/* Of what is not on its way in the monitor, only that its time may be up. */
static bool is_waited_for(const struct plug *p)
{
	return p->state == PLUG_FAILING || (p->due >= 0 && (p->state == PLUG_MOUNTING || p->state == PLUG_UNMOUNTING || p->state == PLUG_ENDING));
}

void plugs_look(struct machine *m)
{
	int64_t ms = m->plugs.unknown ? LOOK_LATER_MS : -1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		const struct plug *p = &m->plugs.plug[i];

		if (is_waited_for(p) || (is_on_its_way(p) && p->due >= 0))
			ms = LOOK_MS;
		else if (is_on_its_way(p) && ms != LOOK_MS)
			ms = LOOK_LATER_MS;
	}
	timer_set(&m->plugs.timer, ms);
}

static void told(void *ctx, int status, const void *body, const char *why)
{
	/* What comes of it is seen in the slots; and if the monitor says nothing any more, that is said there. */
}

void plug_leave(struct plug *p, bool force)
{
	const struct channel_detach detach = { .slot = p->slot, .how = force ? CHANNEL_LEAVE_FORCED : CHANNEL_LEAVE };
	const char *why;

	plug_forget_agent(p);
	p->state = PLUG_LEAVING;
	if (channel_ask(&p->m->channel, CHANNEL_DETACH, &detach, sizeof(detach), 0, told, NULL, &why))
		plug_refuse(p, "%s", why);
	plugs_look(p->m);
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
	const char *guest = p->m->cfg->name;

	switch (p->state) {
	case PLUG_COMING:
		plug_refuse(p, "the guest %s has not taken the device in time, and it is withdrawn: its kernel may be too old to take one while it runs, or be hung", guest);
		plug_leave(p, true);
		break;
	case PLUG_MOUNTING:
		plug_refuse(p, "the guest %s has not mounted the folder in time, and it is withdrawn: the guest may be hung, or the folder's file system be slow", guest);
		plug_leave(p, true);
		break;
	case PLUG_UNMOUNTING:
		plug_forget_agent(p);
		if (p->forced) {
			plug_leave(p, true);
			p->due = loop_now() + p->patience_ms;
			break;
		}
		plug_refuse(p, "the guest %s has not unmounted %s in time: it may be hung, or write much that was not written yet; detach it again, or take it away by --force", guest, p->name);
		p->state = PLUG_LIVE;
		break;
	case PLUG_ENDING:
		plug_refuse(p, "%s has left the guest %s, and the host still writes what was written to it: it is over as soon as that is done", p->name, guest);
		break;
	default:
		plug_refuse(p, "the guest %s has not let %s go in time: its kernel may be hung, or write much that was not written yet; %s is gone as soon as it does",
			    guest, p->name, p->name);
		/* The monitor did not even say so to it. */
		if (state == CHANNEL_SLOT_LIVE)
			p->state = PLUG_LIVE;
	}
}

/* The guest has taken it. */
static void taken(struct plug *p, const char *name)
{
	take_name(p, name);
	plugdev_ready(&p->dev);
	if (p->dev.vhosts)
		machine_limits_processes(p->m);
	if (p->dev.kind == PLUGDEV_SHARE)
		plug_mount(p);
	else
		plug_live(p);
}

/* The device could not be used, of which the monitor has told more in the log. */
static void failing(struct plug *p)
{
	const char *why = plugdev_failed(&p->dev);

	if (!why && p->failing > loop_now())
		return;
	if (why)
		plug_refuse(p, "%s", why);
	else
		plug_refuse(p, "%s cannot be used: its back end did not behave as one; \"ring3 logs %s\" has what was wrong", p->dev.vhost_spec.name,
			    p->m->cfg->name);
	plug_end(p);
}

static void look_at(struct plug *p, const struct channel_slots *slots)
{
	uint32_t state = p->slot < CHANNEL_SLOTS ? slots->slot[p->slot].state : CHANNEL_SLOT_FREE;

	if (state == CHANNEL_SLOT_FREE && p->state == PLUG_LEAVING) {
		plug_end(p);
	} else if (state == CHANNEL_SLOT_FREE && p->state == PLUG_COMING) {
		p->state = PLUG_FAILING;
		p->failing = loop_now() + FAILING_MS;
		failing(p);
	} else if (p->state == PLUG_FAILING) {
		failing(p);
	} else if (state == CHANNEL_SLOT_LIVE && p->state == PLUG_COMING) {
		taken(p, slots->slot[p->slot].name);
	} else if ((state == CHANNEL_SLOT_LIVE || state == CHANNEL_SLOT_OFFERED) && p->state == PLUG_LEAVING &&
		   slots->slot[p->slot].busy) {
		p->state = PLUG_LIVE;
		plug_refuse(p, "%s is in use in the guest%s%s: unmount it there, or whatever uses it, or take it away by --force", p->name,
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
			channel_ask(&m->channel, CHANNEL_DETACH, &detach, sizeof(detach), 0, told, NULL, &why);
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

		if (!is_on_its_way(p) && !is_waited_for(p))
			continue;
		if (!status)
			look_at(p, body);
		else if (is_on_its_way(p) && p->call)
			plug_refuse(p, "%s", why);
		else if (p->state == PLUG_FAILING)
			failing(p);
		else if (is_waited_for(p) && p->due <= loop_now())
			late(p, CHANNEL_SLOT_FREE);
	}
	plugs_look(m);
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
	if (channel_ask(&m->channel, CHANNEL_SLOTS_SHOW, NULL, 0, sizeof(struct channel_slots), shown, m, &why))
		shown(m, -EPROTO, NULL, why);
}

/* A back end that ended before it was of use. */
static void check_failed(struct plug *p)
{
	const char *why = plugdev_failed(&p->dev);

	if (p->state == PLUG_FAILING)
		failing(p);
	if (!why || p->state != PLUG_COMING)
		return;
	plug_refuse(p, "%s", why);
	plug_leave(p, true);
}

static void attached(void *ctx, int status, const void *body, const char *why)
{
	const struct channel_attached *a = body;
	struct plug *p = ctx;

	/* Its monitor has ended meanwhile. */
	if (p->state != PLUG_ASKED)
		return;
	if (status) {
		plug_refuse(p, "the device cannot be attached: %s", why);
		p->m->plugs.unknown |= status == -ETIMEDOUT;
		plug_end(p);
		plugs_look(p->m);
		return;
	}
	p->slot = a->slot;
	p->state = PLUG_COMING;
	if (p->call)
		p->due = loop_now() + p->patience_ms;
	check_failed(p);
	plugs_look(p->m);
}

static int ask_for(struct plug *p, struct r3_err *err)
{
	int fds[CHANNEL_FDS_MAX], ret = set_file_limit(p->m, err) ?: plugdev_start(&p->dev, p->m->ram_fd, err);
	enum channel_op_nr op;
	unsigned int nr_fds;
	const void *body;
	const char *why;
	size_t len;

	if (ret)
		return ret;
	op = plugdev_request(&p->dev, &body, &len, fds, &nr_fds);
	ret = channel_ask_with(&p->m->channel, op, body, len, fds, nr_fds, sizeof(struct channel_attached), attached, p, &why);
	plugdev_given(&p->dev);
	return ret ? err_set(err, ret, "%s", why) : 0;
}

void plug_give(struct plug *p)
{
	struct r3_err err;

	p->state = PLUG_ASKED;
	if (!ask_for(p, &err))
		return;
	plug_refuse(p, "%s", err.msg);
	plug_end(p);
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
			plug_give(&m->plugs.plug[i]);
}

void plugs_lost(struct machine *m)
{
	size_t i;

	timer_set(&m->plugs.timer, -1);
	m->plugs.unknown = false;
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		struct plug *p = &m->plugs.plug[i];

		if (p->call)
			plug_refuse(p, "the guest has ended");
		p->guest[0] = 0;
		p->mounted = false;
		p->session = 0;
		if (p->state == PLUG_LIVE || p->state == PLUG_COMING || p->state == PLUG_MOUNTING) {
			p->state = PLUG_LOST;
			/* It is started anew with the guest. */
			plugdev_end(&p->dev);
		} else if (p->state != PLUG_NONE && p->state != PLUG_LOST && p->state != PLUG_ENDING) {
			plug_end(p);
		}
	}
}

void plugs_close(struct machine *m, bool force)
{
	size_t i;

	/* All at once, then each is waited for. */
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		plugdev_end(&m->plugs.plug[i].dev);
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++)
		plugdev_close(&m->plugs.plug[i].dev, force);
}

void plugs_agent_ready(struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		struct plug *p = &m->plugs.plug[i];

		if (p->state == PLUG_LIVE && p->dev.kind == PLUGDEV_SHARE && !p->mounted)
			plug_mount(p);
	}
}

void plugs_reap(struct machine *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		struct plug *p = &m->plugs.plug[i];

		plugdev_reap(&p->dev);
		if (p->state == PLUG_ENDING && plugdev_ended(&p->dev))
			plug_end(p);
		else
			check_failed(p);
	}
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

		if (p->slot == slot && p->state >= PLUG_COMING && p->state <= PLUG_LEAVING)
			return p->name;
	}
	return NULL;
}
