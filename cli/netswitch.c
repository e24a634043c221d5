// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/util.h"
#include "config.h"
#include "names.h"
#include "netswitch.h"
#include "sendfds.h"
#include "state.h"
#include "text.h"

#define ANSWER_SECONDS	5
#define BUFFER_BYTES	(4 << 20)	/* as much as the host allows of it */

int switch_dir(bool create, struct r3_err *err)
{
	cleanup_close int state = state_dir(create, err);
	int fd;

	if (state < 0)
		return state;
	if (create && mkdirat(state, "net", 0700) && errno != EEXIST)
		return err_set(err, errno, "cannot make the directory of switches: %s", strerror(errno));
	fd = openat(state, "net", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "cannot open the directory of switches: %s", strerror(errno)) : fd;
}

static int connect_to(const char *name, struct r3_err *err)
{
	cleanup_close int dir = -1;
	int fd;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not the name of a switch: a name is up to 63 letters, digits, dots, dashes and underscores, the first a letter or digit",
			       name);
	dir = switch_dir(false, err);
	if (dir < 0 && dir != -ENOENT)
		return dir;
	fd = dir < 0 ? dir : names_connect(dir, name, SOCK_SEQPACKET);
	if (fd == -ENOENT)
		return err_set(err, ENOENT, "there is no switch called %s; \"ring3 net ls\" lists those there are, \"ring3 net add %s\" makes it",
			       name, name);
	if (fd == -EAGAIN)
		return err_set(err, fd, "the switch %s does not answer; its process may have been stopped", name);
	if (fd < 0)
		return err_set(err, fd, "cannot reach the switch %s: %s", name, strerror(-fd));
	return fd;
}

static int send_request(int fd, struct json_object *request, const int *fds, int nr_fds)
{
	cleanup_free char *text = text_json(request);

	return text ? send_fds(fd, text, strlen(text), fds, nr_fds, 0) : -ENOMEM;
}

static int read_answer(int fd, struct json_object **answer)
{
	cleanup_free char *text = malloc(SWITCH_MESSAGE_MAX);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	do
		n = recv(fd, text, SWITCH_MESSAGE_MAX - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	text[n] = 0;
	*answer = json_tokener_parse(text);
	return *answer && json_object_is_type(*answer, json_type_object) ? 0 : -EPROTO;
}

int switch_ask(const char *name, struct json_object *request, const int *fds, int nr_fds, struct json_object **reply,
	       struct r3_err *err)
{
	struct timeval wait = { .tv_sec = ANSWER_SECONDS };
	struct json_object *answer = NULL, *o;
	cleanup_close int fd = connect_to(name, err);
	int ret;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	ret = send_request(fd, request, fds, nr_fds);
	/* A switch that is full says so and hangs up: its answer may be there all the same. */
	if (!ret || ret == -EPIPE)
		ret = read_answer(fd, &answer);
	if (!ret && json_object_object_get_ex(answer, "ok", &o)) {
		*reply = json_object_get(o);
		json_object_put(answer);
		return util_take_fd(&fd);
	}
	if (!ret && json_object_object_get_ex(answer, "error", &o))
		err_set(err, EPROTO, "%s", json_object_get_string(o));
	else if (ret == -EAGAIN)
		err_set(err, ret, "the switch %s does not answer; its process may have been stopped", name);
	else if (ret == -ECONNRESET || ret == -EPIPE)
		err_set(err, ret, "the switch %s ended instead of answering", name);
	else
		err_set(err, ret ? ret : -EPROTO, "the answer of the switch %s makes no sense", name);
	json_object_put(answer);
	return err->code;
}

int switch_join(const char *name, const struct switch_port_options *opt, unsigned int *mtu, int *fd, struct r3_err *err)
{
	struct json_object *request = json_object_new_object(), *reply, *o;
	int size = BUFFER_BYTES, ret;

	json_object_object_add(request, "join", switch_options_json(opt));
	ret = switch_ask(name, request, NULL, 0, &reply, err);
	json_object_put(request);
	if (ret < 0)
		return ret;
	*fd = ret;
	*mtu = json_object_object_get_ex(reply, "mtu", &o) ? json_object_get_int(o) : 1500;
	json_object_put(reply);
	setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	fcntl(*fd, F_SETFL, O_NONBLOCK);
	return 0;
}
