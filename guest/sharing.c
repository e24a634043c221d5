// SPDX-License-Identifier: GPL-2.0-or-later
#include "sharing.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "share.h"
#include "share_wire.h"

static void answer(struct link *link, uint16_t session, int error)
{
	const struct r3_agent_exit msg = { .status = error };

	link_send(link, R3_FRAME_EXIT, session, &msg, sizeof(msg));
}

/* 0, or an errno. */
static int act(const struct r3_agent_share *what, const char *path)
{
	if (what->what == R3_SHARE_MOUNT)
		return -share_mount_one(what->tag, path, what->flags & R3_SHARE_RO);
	return -share_unmount(what->tag, what->flags & R3_SHARE_FORCE);
}

const char *sharing_begin(struct sharing *s, struct link *link, uint16_t session, const uint8_t *payload, size_t len, bool test)
{
	struct r3_agent_share what;
	char path[SHARE_PATH_MAX];
	size_t i = 0, n = len - sizeof(what);

	memcpy(&what, payload, sizeof(what));
	if (n >= sizeof(path) || !memchr(what.tag, 0, sizeof(what.tag)) || memchr(payload + sizeof(what), 0, n) ||
	    !(what.what == R3_SHARE_MOUNT ? n > 1 && payload[sizeof(what)] == '/' : what.what == R3_SHARE_UNMOUNT))
		return "the host speaks of a shared folder that makes no sense";
	memcpy(path, payload + sizeof(what), n);
	path[n] = 0;
	if (test) {
		answer(link, session, 0);
		return NULL;
	}
	while (i < SHARING_MAX && s->job[i].pid)
		i++;
	if (i == SHARING_MAX) {
		answer(link, session, EAGAIN);
		return NULL;
	}
	s->job[i].session = session;
	s->job[i].pid = fork();
	if (!s->job[i].pid)
		_exit(act(&what, path));
	if (s->job[i].pid < 0) {
		s->job[i].pid = 0;
		answer(link, session, EAGAIN);
	}
	return NULL;
}

bool sharing_reaped(struct sharing *s, struct link *link, pid_t pid, int status)
{
	size_t i;

	for (i = 0; i < SHARING_MAX; i++) {
		if (s->job[i].pid != pid)
			continue;
		s->job[i].pid = 0;
		answer(link, s->job[i].session, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
		return true;
	}
	return false;
}
