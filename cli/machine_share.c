// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared folders that come and go: what the guest's agent has to do for them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "share_wire.h"

/* An agent that does not answer keeps nobody's --force waiting for longer. */
#define FORCED_MS	5000

static const char *answered(void *ctx, const struct r3_frame *frame, const uint8_t *payload);

static bool ask_agent(struct plug *p, uint32_t what, uint32_t flags, const char *path, const char **why)
{
	struct r3_agent_share share = { .what = what, .flags = flags };
	uint8_t payload[sizeof(share) + PATH_MAX];
	size_t len = strlen(path);

	p->session = agent_attach_client(&p->m->agent, answered, p, why);
	if (!p->session)
		return false;
	snprintf(share.tag, sizeof(share.tag), "%s", p->name);
	memcpy(payload, &share, sizeof(share));
	memcpy(payload + sizeof(share), path, len);
	wire_send(&p->m->agent.wire, R3_FRAME_SHARE, p->session, payload, sizeof(share) + len);
	return true;
}

void plug_forget_agent(struct plug *p)
{
	struct agent_link *a = &p->m->agent;

	/* It may have been started anew, and the number be somebody else's. */
	if (p->session && a->session[p->session].frame == answered && a->session[p->session].ctx == p)
		agent_detach(a, p->session, true);
	p->session = 0;
}

/* ---- mounting ---- */

static void mount_failed(struct plug *p, int error)
{
	const char *at = p->dev.place;

	if (error == EBUSY)
		plug_refuse(p, "something is mounted at %s in the guest: give the folder another path there", at);
	else if (error == EROFS)
		plug_refuse(p, "the directory %s cannot be made in the guest, whose root is read-only: give a path that is there", at);
	else if (error == ENOTDIR)
		plug_refuse(p, "%s is not a directory in the guest, or one of its path is not: give the folder another path there", at);
	else if (error == ENODEV)
		plug_refuse(p, "the folder cannot be shared: the guest's kernel has no virtiofs (CONFIG_VIRTIO_FS)");
	else
		plug_refuse(p, "the folder cannot be mounted at %s in the guest: %s", at, strerror(error));
	plug_leave(p, true);
}

void plug_mount(struct plug *p)
{
	const char *why;

	/* Of a guest that is starting: plugs_agent_ready() comes later. */
	if (!agent_works(&p->m->agent) && !p->call) {
		p->state = PLUG_LIVE;
		return;
	}
	p->state = PLUG_MOUNTING;
	if (ask_agent(p, R3_SHARE_MOUNT, p->dev.share.ro ? R3_SHARE_RO : 0, p->dev.place, &why))
		return;
	plug_refuse(p, "the folder cannot be mounted in the guest: %s", why);
	plug_leave(p, true);
}

/* ---- unmounting ---- */

static void unmount_failed(struct plug *p, int error)
{
	p->state = PLUG_LIVE;
	if (error == EBUSY)
		plug_refuse(p, "%s is in use in the guest, at %s: end there what uses it, or take it away by --force", p->name, p->dev.place);
	else
		plug_refuse(p, "%s cannot be unmounted in the guest: %s", p->name, strerror(error));
}

void plug_unmount(struct plug *p)
{
	int64_t now = loop_now();
	const char *why;

	p->state = PLUG_UNMOUNTING;
	if (ask_agent(p, R3_SHARE_UNMOUNT, p->forced ? R3_SHARE_FORCE : 0, "", &why)) {
		if (p->forced && p->due > now + FORCED_MS)
			p->due = now + FORCED_MS;
		plugs_look(p->m);
	} else if (p->forced) {
		plug_leave(p, true);
	} else {
		p->state = PLUG_LIVE;
		plug_refuse(p, "%s cannot be unmounted in the guest, as its agent does not answer: %s; take it away by --force", p->name, why);
	}
}

/* ---- what the agent says ---- */

static const char *answered(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_exit msg;
	struct plug *p = ctx;
	int error;

	if (frame->type != R3_FRAME_EXIT)
		return "it answered the mounting of a folder by something else";
	memcpy(&msg, payload, sizeof(msg));
	error = msg.status & 0xff;
	p->session = 0;
	if (p->state == PLUG_MOUNTING) {
		p->mounted = !error;
		if (error)
			mount_failed(p, error);
		else
			plug_live(p);
	} else if (p->state == PLUG_UNMOUNTING) {
		/* Whatever it says, who wants it gone by force has it gone. */
		if (error && !p->forced) {
			unmount_failed(p, error);
			return NULL;
		}
		p->mounted = false;
		plug_leave(p, p->forced);
	}
	return NULL;
}
