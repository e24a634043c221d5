// SPDX-License-Identifier: GPL-2.0-or-later
/* How much of its memory a guest is asked to do with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

/* With less no guest of ours starts a program. */
#define LEAST		(32ULL << 20)

struct memory_call {
	struct machine *m;
	struct control_call *call;
	uint64_t back;
};

static void memory_came(void *ctx, int status, const void *answer, const char *why)
{
	struct memory_call *c = ctx;

	if (status) {
		control_refuse(c->call, why);
	} else {
		/* After a reboot as well. */
		c->m->cfg->vm.mem_back = c->back;
		control_done(c->call, NULL);
	}
	free(c);
}

void machine_op_memory(struct machine *m, struct json_object *req, struct control_call *call)
{
	struct json_object *value;
	uint64_t size = json_object_object_get_ex(req, "size", &value) && json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
	const uint64_t mem = m->cfg->vm.mem;
	struct channel_memory ask;
	struct memory_call *c;
	const char *why;
	char text[160];

	if (size < LEAST || size > mem) {
		snprintf(text, sizeof(text), "the guest was started with %" PRIu64 " MiB: give it from %llu MiB to that", mem >> 20, LEAST >> 20);
		control_refuse(call, text);
		return;
	}
	if (m->paused || m->start_fd >= 0) {
		control_refuse(call, m->paused ? "the guest is paused; \"ring3 resume\" lets it go on" : "the guest waits for a debugger: \"ring3 debug\"");
		return;
	}
	c = malloc(sizeof(*c));
	if (!c) {
		control_refuse(call, "no memory");
		return;
	}
	ask.back = (mem - size) & ~4095ULL;
	*c = (struct memory_call){ m, call, ask.back };
	if (channel_ask(&m->channel, CHANNEL_MEMORY, &ask, sizeof(ask), 0, memory_came, c, &why)) {
		control_refuse(call, why);
		free(c);
	}
}
