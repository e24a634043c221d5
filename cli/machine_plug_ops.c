// SPDX-License-Identifier: GPL-2.0-or-later
/* What clients ask of devices that come and go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "machine.h"
#include "share.h"

/* How long a guest may take; a disk that goes is written back first. */
#define COMING_MS	10000
#define LEAVING_MS	30000
#define PATIENCE_MAX_MS	3600000

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

/* --vhost-user gives its folders any tag. */
static bool is_tag(const struct machine *m, const char *name)
{
	int i;

	for (i = 0; i < m->cfg->vm.nr_vhosts; i++)
		if (!strcmp(m->cfg->vm.vhost[i].tag, name))
			return true;
	return false;
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
	for (n = kind == PLUGDEV_DISK ? m->opt->nr_disks : kind == PLUGDEV_NET ? m->cfg->vm.nr_nets : m->cfg->vm.nr_vhosts; ; n++) {
		char name[PLUG_NAME];

		snprintf(name, sizeof(name), "%s%u", plugdev_word(kind), n);
		if (plug_find(m, name) || (kind == PLUGDEV_SHARE && is_tag(m, name)))
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

/* A place in the guest is known once the folder is open. */
static int check_place(struct machine *m, const struct plug *p, struct r3_err *err)
{
	size_t i;

	if (share_is_at(m->cfg->shares, p->dev.place))
		return err_set(err, EEXIST, "--share %s: the guest has a shared folder at %s already: give this one another path there", p->dev.text, p->dev.place);
	for (i = 0; i < ARRAY_SIZE(m->plugs.plug); i++) {
		const struct plug *other = &m->plugs.plug[i];

		if (other != p && other->state != PLUG_NONE && other->dev.kind == PLUGDEV_SHARE && !strcmp(other->dev.place, p->dev.place))
			return err_set(err, EEXIST, "--share %s: %s is at %s in the guest: give this one another path there, or detach that one", p->dev.text,
				       other->name, p->dev.place);
	}
	return 0;
}

static int open_device(struct machine *m, struct plug *p, enum plugdev_kind kind, const char *text, struct r3_err *err)
{
	const struct plugdev_guest guest = { .name = m->cfg->name, .loop = &m->loop, .jail = m->cfg->vm.jail, .cpus = m->cfg->vm.cpus };
	int ret;

	if (kind == PLUGDEV_SHARE && !agent_works(&m->agent))
		return err_set(err, EAGAIN, "the guest %s is not ready: its agent mounts shared folders, and does not answer yet; attach it again when \"ring3 ps\" says that the guest is running",
			       m->cfg->name);
	ret = plugdev_open(&p->dev, kind, text, p->name, &guest, err);
	return ret ? ret : kind == PLUGDEV_SHARE ? check_place(m, p, err) : 0;
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
		control_refuse(call, "\"attach\" needs a \"disk\", a \"net\" or a \"share\"");
		return;
	}
	p = new_plug(m, kind, &err);
	if (!p) {
		control_refuse(call, err.msg);
		return;
	}
	if (open_device(m, p, kind, text, &err)) {
		control_refuse(call, err.msg);
		plug_end(p);
		return;
	}
	if (plugdev_keeps(&p->dev))
		m->cfg->keeps_changes = true;
	p->call = call;
	p->due = -1;
	p->patience_ms = patience(req, COMING_MS);
	plug_give(p);
}

void plugs_detach(struct machine *m, struct json_object *req, struct control_call *call)
{
	const char *name = text_of(req, "device");
	struct json_object *force;
	struct plug *p;
	char text[256];

	if (cannot(m, call))
		return;
	p = name ? plug_find(m, name) : NULL;
	if (!p) {
		snprintf(text, sizeof(text), "the guest has no device %.64s that could be taken away: \"ring3 ps --json\" lists those that were attached",
			 name ? name : "");
		control_refuse(call, text);
	} else if (p->call || (p->state != PLUG_COMING && p->state != PLUG_LIVE && p->state != PLUG_LEAVING)) {
		control_refuse(call, "the device is being attached or detached already");
	} else {
		p->call = call;
		p->forced = json_object_object_get_ex(req, "force", &force) && json_object_get_boolean(force);
		p->patience_ms = patience(req, LEAVING_MS);
		p->due = loop_now() + p->patience_ms;
		if (p->mounted)
			plug_unmount(p);
		else
			plug_leave(p, p->forced);
	}
}
