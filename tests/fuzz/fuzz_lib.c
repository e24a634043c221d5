// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libring3 and a machine that says anything: the input is what is done, and then all that the machine
 * says on each connection before it closes it. Whatever comes of it is what the header allows.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "fuzz.h"
#include "ring3.h"

#define STEPS_MAX	32
#define OUTPUT_MAX	3000

int __wrap_names_connect(int dir, const char *name, int type);

static struct input said;
static char dir[] = "/tmp/fuzz_lib.XXXXXX";
static struct ring3_error e;

/* A machine that has said all and reads nothing. */
int __wrap_names_connect(int at, const char *name, int type)
{
	int sv[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	must(!said.len || send(sv[1], said.p, said.len, MSG_DONTWAIT) == (ssize_t)said.len);
	must(!shutdown(sv[1], SHUT_WR));
	/* Without a reader a write would tell that it has gone. */
	must(dup2(sv[1], 1000) == 1000);
	close(sv[1]);
	return sv[0];
}

static int failed(int ret)
{
	const char *p;

	if (ret >= 0)
		return ret;
	must(ret == e.code && e.text[0] && strlen(e.text) < sizeof(e.text));
	for (p = e.text; *p; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
	must(ret == -EPROTO || ret == -ECONNRESET || ret == -ETIMEDOUT || ret == -EINVAL || ret == -EOVERFLOW || ret == -ENOEXEC || ret == -EPIPE ||
	     ret == -ESRCH || ret == -E2BIG);
	return ret;
}

static void is_json(char *text)
{
	struct json_object *o = json_tokener_parse(text);
	const char *p;

	must(o);
	for (p = text; *p; p++)
		must(*p >= 0x20 && *p < 0x7f);
	json_object_put(o);
	ring3_free(text);
}

static void word(const char *text)
{
	must(memchr(text, 0, RING3_NAME_SIZE));
	for (; *text; text++)
		must((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void streams(struct ring3_command *c, struct input *steps)
{
	char data[100];
	int stream, status;
	ssize_t n;

	while (steps->len) {
		uint8_t op = in8(steps);

		switch (op % 5) {
		case 0:
			n = failed(ring3_read(c, &stream, data, 1 + op / 5 % sizeof(data), 0, &e));
			must(n <= (ssize_t)sizeof(data) && (n <= 0 || stream == 1 || stream == 2));
			break;
		case 1:
			n = failed(ring3_write(c, data, op / 5, 0, &e));
			must(n <= op / 5);
			break;
		case 2:
			must(!ring3_close_stdin(c, &e));
			break;
		case 3:
			failed(ring3_command_signal(c, op / 5, &e));
			break;
		default:
			if (!failed(ring3_command_wait(c, 0, &status, &e)))
				must(status >= 0 && status <= 255);
		}
	}
	ring3_command_close(c);
}

static void run(struct ring3 *m, const struct ring3_exec *exec, size_t max)
{
	struct ring3_result r;

	if (!failed(ring3_run(m, exec, "input", 5, max, 1000, &r, &e)))
		must(r.out && r.err && r.status >= 0 && r.status <= 255);
	must(r.out_len <= max && r.err_len <= max && (!r.out || !r.out[r.out_len]) && (!r.err || !r.err[r.err_len]));
	ring3_result_free(&r);
}

static void one(struct ring3 *m, uint8_t op, struct input *steps)
{
	struct ring3_exec exec = { .size = sizeof(exec), .argv = (const char *const[]){ "x", NULL } };
	char *text, device[RING3_NAME_SIZE], guest[RING3_NAME_SIZE];
	struct ring3_command *c;
	struct ring3_events *events;
	int i, ret = 1;

	switch (op % 8) {
	case 0:
		if (!failed(ring3_request(m, "{\"op\":\"x\"}", 1000, &text, &e)))
			is_json(text);
		break;
	case 1:
		if (!failed(ring3_info(m, &text, &e)))
			is_json(text);
		break;
	case 2:
		if (!failed(ring3_attach(m, "disk", "/x", 1, device, guest, &e))) {
			word(device);
			word(guest);
		}
		break;
	case 3:
		failed(ring3_detach(m, "x", RING3_FORCE, 1, &e));
		failed(ring3_pause(m, &e));
		break;
	case 4:
		failed(ring3_kill(m, &e));
		break;
	case 5:
		if (failed(ring3_events_open(m, &events, &e)))
			break;
		for (i = 0; i < STEPS_MAX && ret > 0; i++) {
			ret = failed(ring3_events_next(events, 0, &text, &e));
			if (ret > 0)
				is_json(text);
		}
		ring3_events_close(events);
		break;
	case 6:
		run(m, &exec, op / 8 * 97 % OUTPUT_MAX);
		break;
	default:
		if (!failed(ring3_exec(m, &exec, &c, &e)))
			streams(c, steps);
	}
}

static void clean_up(void)
{
	char path[sizeof(dir) + 8];

	snprintf(path, sizeof(path), "%s/ring3", dir);
	rmdir(path);
	rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size }, steps;
	struct ring3 *m;
	uint8_t op;

	if (!getenv("FUZZ_LIB")) {
		char path[sizeof(dir) + 8];

		must(mkdtemp(dir));
		snprintf(path, sizeof(path), "%s/ring3", dir);
		must(!setenv("XDG_RUNTIME_DIR", dir, 1) && !setenv("FUZZ_LIB", "1", 1) && !mkdir(path, 0700));
		atexit(clean_up);
	}
	op = in8(&in);
	steps.p = in_bytes(&in, in8(&in) % STEPS_MAX, &steps.len);
	said = in;
	/* More than that does not fit a socket whose other end does not read. */
	if (said.len > 100000)
		said.len = 100000;
	must(!ring3_open("liar", &m, &e));
	one(m, op, &steps);
	ring3_close(m);
	return 0;
}
