// SPDX-License-Identifier: GPL-2.0-or-later
#include "runframe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t put_string(uint8_t *p, const char *text)
{
	size_t len = strlen(text) + 1;

	if (p)
		memcpy(p, text, len);
	return len;
}

static size_t put(uint8_t *p, const struct r3_agent_run *head, const struct runframe *run)
{
	size_t len = sizeof(*head), i;

	if (p)
		memcpy(p, head, sizeof(*head));
	len += put_string(p ? p + len : NULL, run->cwd ? run->cwd : "");
	for (i = 0; i < head->argc; i++)
		len += put_string(p ? p + len : NULL, run->argv[i]);
	for (i = 0; i < head->envc; i++)
		len += put_string(p ? p + len : NULL, run->env[i]);
	return len;
}

int runframe_make(const struct runframe *run, uint8_t **payload, size_t *len, unsigned int *words)
{
	struct r3_agent_run head = { .uid = run->uid, .gid = run->gid, .size = run->size };

	while (run->argv && run->argv[head.argc])
		head.argc++;
	while (run->env && run->env[head.envc])
		head.envc++;
	head.flags = run->flags | (run->argv ? 0 : R3_RUN_SHELL);
	*len = put(NULL, &head, run);
	*words = head.argc;
	if (*len > R3_AGENT_FRAME_MAX || head.argc + head.envc > R3_AGENT_ARGS_MAX)
		return -E2BIG;
	*payload = malloc(*len);
	if (!*payload)
		return -ENOMEM;
	put(*payload, &head, run);
	return 0;
}

int runframe_exit(const uint8_t *payload)
{
	struct r3_agent_exit msg;

	memcpy(&msg, payload, sizeof(msg));
	return msg.status & 0xff;
}

int runframe_error(const uint8_t *payload, size_t len, char *text, size_t size)
{
	struct r3_agent_error msg;

	memcpy(&msg, payload, sizeof(msg));
	len -= sizeof(msg);
	if (len > size - 1)
		len = size - 1;
	memcpy(text, payload + sizeof(msg), len);
	text[len] = 0;
	return msg.status & 0xff ? msg.status & 0xff : 125;
}
