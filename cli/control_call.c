// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests that are answered by whoever opened the control socket, now or later. */
#include <stdlib.h>

#include "control_client.h"

static struct client *find_client(struct control *c, uint64_t nr)
{
	struct client *cl;

	for (cl = c->clients; cl; cl = cl->next)
		if (cl->nr == nr && cl->kind != KIND_DEAD)
			return cl;
	return NULL;
}

static void end_call(struct control_call *call, struct json_object *o)
{
	struct client *cl = find_client(call->control, call->client);

	if (call->id)
		json_object_object_add(o, "id", call->id);
	if (cl) {
		cl->calls--;
		client_reply(cl, o);
		if (cl->no_more && !cl->calls && cl->kind == KIND_LINE)
			client_kill(cl);
	} else {
		json_object_put(o);
	}
	call->control->calls--;
	free(call);
}

void control_done(struct control_call *call, struct json_object *result)
{
	struct json_object *o = client_answer(true);

	if (result) {
		json_object_object_foreach(result, key, value)
			json_object_object_add(o, key, json_object_get(value));
		json_object_put(result);
	}
	end_call(call, o);
}

void control_refuse(struct control_call *call, const char *why)
{
	end_call(call, client_refusal(why));
}

void *control_ctx(const struct control_call *call)
{
	return call->control->cfg.ctx;
}

void client_begin_call(struct client *cl, const char *op, struct json_object *req)
{
	struct control *c = cl->control;
	struct control_call *call = c->calls < MAX_CALLS ? calloc(1, sizeof(*call)) : NULL;
	struct json_object *id;
	bool known;

	if (!call) {
		client_refuse(cl, "too many requests are open already");
		return;
	}
	*call = (struct control_call){ .control = c, .client = cl->nr };
	if (json_object_object_get_ex(req, "id", &id))
		call->id = json_object_get(id);
	c->calls++;
	cl->calls++;
	known = c->cfg.ops->request(c->cfg.ctx, op, req, call);
	if (!known)
		control_refuse(call, "unknown \"op\"");
}
