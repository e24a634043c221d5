// SPDX-License-Identifier: GPL-2.0-or-later
/* libtest NAME: libring3 on a machine that runs, by its header alone; TAP. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring3.h"

static int nr;
static struct ring3_error e;

static void ok(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr, what);
	if (!good)
		printf("# %d %s\n", e.code, e.text);
	fflush(stdout);
}

static struct ring3_exec words(const char *const *argv)
{
	return (struct ring3_exec){ .size = sizeof(struct ring3_exec), .argv = argv };
}

#define SH(text) words((const char *const[]){ "sh", "-c", text, NULL })

/* ---- threads: one writes 8 MiB, another one reads it back, a third asks for statistics ---- */

#define BYTES	(8 << 20)

static struct ring3_command *cat;
static struct ring3 *machine;

static void *writer(void *arg)
{
	static char data[1 << 20];
	size_t done = 0, i;
	ssize_t n;

	while (done < BYTES) {
		size_t len = sizeof(data) < BYTES - done ? sizeof(data) : BYTES - done;

		for (i = 0; i < len; i++)
			data[i] = (done + i) * 2654435761u >> 13;
		n = ring3_write(cat, data, len, 60000, NULL);
		if (n <= 0)
			return "short";
		done += n;
	}
	ring3_close_stdin(cat, NULL);
	return NULL;
}

static void *asker(void *arg)
{
	char *json;
	int i;

	for (i = 0; i < 20; i++) {
		if (ring3_stats(machine, &json, NULL))
			return "no statistics";
		ring3_free(json);
	}
	return NULL;
}

static void threads(void)
{
	struct ring3_exec exec = SH("cat");
	void *wrong[2] = { 0 };
	pthread_t thread[2];
	char data[10000];
	size_t done = 0;
	int stream, status = -1, bad = 0;
	ssize_t n, i;

	if (ring3_exec(machine, &exec, &cat, &e))
		return ok(0, "cat");
	pthread_create(&thread[0], NULL, writer, NULL);
	pthread_create(&thread[1], NULL, asker, NULL);
	while ((n = ring3_read(cat, &stream, data, sizeof(data), 60000, &e)) > 0) {
		for (i = 0; i < n; i++)
			bad |= data[i] != (char)((done + i) * 2654435761u >> 13);
		done += n;
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], &wrong[i]);
	ok(!n && done == BYTES && !bad && !wrong[0] && !wrong[1], "one thread writes 8 MiB, another one reads the same, a third asks for statistics");
	ok(!ring3_command_wait(cat, 1000, &status, &e) && !status, "and its exit status comes");
	ring3_command_close(cat);
}

int main(int argc, char **argv)
{
	struct ring3_exec exec;
	struct ring3_result r;
	struct ring3_command *c;
	struct ring3_events *events;
	char *text, **names, name[RING3_NAME_SIZE];
	int status = -1, stream, n;
	struct ring3 *other;
	size_t len;

	ok(ring3_open("nosuch", &other, &e) == -ENOENT && strstr(e.text, "nosuch") && e.code == -ENOENT, "a name that is not there");
	ok(ring3_open("no/such", &other, &e) == -EINVAL, "what is no name");
	ok(!ring3_open(argv[1], &machine, &e), "a machine is opened");
	ok(!strcmp(ring3_name(machine), argv[1]), "and has its name");
	n = ring3_list(&names, &e);
	ok(n >= 1 && !names[n], "it is in the list");
	ring3_list_free(names);
	ok(!ring3_info(machine, &text, &e) && strstr(text, "\"running\""), "what it is");
	ring3_free(text);

	exec = SH("cat; echo err >&2; exit 7");
	ok(!ring3_run(machine, &exec, "in", 2, 100, 30000, &r, &e) && r.status == 7 && !strcmp(r.out, "in") && !strcmp(r.err, "err\n"), "a command from its start to its end");
	ring3_result_free(&r);
	exec = SH("yes");
	ok(ring3_run(machine, &exec, NULL, 0, 100000, 30000, &r, &e) == -EOVERFLOW && r.out_len == 100000 && r.status == 128 + SIGKILL, "one that floods is killed, and its beginning is there");
	ring3_result_free(&r);
	exec = SH("echo first; sleep 1000");
	ok(ring3_run(machine, &exec, NULL, 0, 100000, 1000, &r, &e) == -ETIMEDOUT && !strcmp(r.out, "first\n"), "one that does not end in time is killed");
	ring3_result_free(&r);
	exec = words((const char *const[]){ "/no/such", NULL });
	ok(ring3_run(machine, &exec, NULL, 0, 10, 30000, &r, &e) == -ENOEXEC && r.status == 127 && strstr(e.text, "/no/such"), "one that does not exist");
	ring3_result_free(&r);
	exec = SH("id -u; pwd; echo $X");
	exec.flags = RING3_EXEC_USER;
	exec.uid = exec.gid = 1234;
	exec.cwd = "/usr";
	exec.env = (const char *const[]){ "X=y", NULL };
	ok(!ring3_run(machine, &exec, NULL, 0, 100, 30000, &r, &e) && !strcmp(r.out, "1234\n/usr\ny\n"), "as another user, elsewhere, with a variable");
	ring3_result_free(&r);

	/* What the signal does to a program of the shell's, it may tell. */
	exec = SH("exec 2> /dev/null; trap 'echo got; exit 3' TERM; echo up; while :; do sleep 0.1; done");
	ok(!ring3_exec(machine, &exec, &c, &e) && ring3_read(c, &stream, name, sizeof(name), 30000, &e) == 3 && stream == 1, "streams: it says something");
	ok(ring3_read(c, &stream, name, sizeof(name), 0, &e) == -ETIMEDOUT, "and nothing more, which is not waited for");
	ok(ring3_command_wait(c, 100, &status, &e) == -ETIMEDOUT, "it runs on");
	ok(!ring3_command_signal(c, SIGTERM, &e) && !ring3_command_wait(c, 30000, &status, &e) && status == 3, "a signal");
	ok(ring3_read(c, &stream, name, sizeof(name), 0, &e) == 4 && !ring3_read(c, &stream, name, sizeof(name), 0, &e), "its last words can be read still");
	ok(ring3_command_signal(c, SIGTERM, &e) == -ESRCH && ring3_write(c, "x", 1, 0, &e) == -EPIPE, "what is over takes nothing");
	ring3_command_close(c);
	exec = SH("sleep 1000");
	ok(!ring3_exec(machine, &exec, &c, &e) && ring3_write(c, name, 1, 1000, &e) == 1, "who does not read its stdin has a window");
	ring3_command_close(c);
	threads();

	ok(!ring3_put(machine, "/tmp/put", "some\0data", 9, 0640, 30000, &e), "a file into the guest");
	exec = SH("stat -c '%a %s' /tmp/put");
	ok(!ring3_run(machine, &exec, NULL, 0, 100, 30000, &r, &e) && !strcmp(r.out, "640 9\n"), "has its mode and length");
	ring3_result_free(&r);
	ok(!ring3_get(machine, "/tmp/put", 9, &text, &len, 30000, &e) && len == 9 && !memcmp(text, "some\0data", 10), "and out again");
	ring3_free(text);
	ok(ring3_get(machine, "/tmp/put", 8, &text, &len, 30000, &e) == -EFBIG, "not if it is larger than asked for");
	ok(ring3_get(machine, "/dev/zero", 8, &text, &len, 30000, &e) < 0, "nor what has no end");
	ok(ring3_get(machine, "/etc", 1 << 20, &text, &len, 30000, &e) == -EISDIR, "nor a directory");
	ok(ring3_get(machine, "/no/such", 8, &text, &len, 30000, &e) == -EIO && strstr(e.text, "/no/such"), "nor what is not there, and why");

	ok(!ring3_pause(machine, &e) && ring3_stats(machine, &text, &e) == -EPROTO && strstr(e.text, "paused") && !ring3_resume(machine, &e), "it pauses, says so, and goes on");
	ok(ring3_request(machine, "{\"op\":\"frob\"}", 1000, NULL, &e) == -EPROTO && strstr(e.text, "unknown"), "what it does not know it refuses");
	ok(ring3_request(machine, "no JSON", 1000, NULL, &e) == -EINVAL && ring3_request(machine, "{\"op\":\"wait\"}", 1000, NULL, &e) == -EINVAL, "what is no request, or has no one answer");
	ok(ring3_detach(machine, "disk7", 0, 1000, &e) == -EPROTO && strstr(e.text, "disk7"), "a device that is not there");
	ok(ring3_wait(machine, 100, &status, &e) == -ETIMEDOUT, "it is waited for");
	ok(!ring3_events_open(machine, &events, &e) && ring3_events_next(events, 100, &text, &e) == -ETIMEDOUT, "no event comes");
	exec = SH("sleep 1000");
	ok(!ring3_exec(machine, &exec, &c, &e) && !ring3_kill(machine, &e), "it is killed beneath a command");
	ok(ring3_read(c, &stream, name, sizeof(name), 30000, &e) == -ECONNRESET && ring3_command_wait(c, 0, &status, &e) == -ECONNRESET, "which is told");
	ring3_command_close(c);
	ok(ring3_events_next(events, 30000, &text, &e) == 1 && strstr(text, "\"exit\""), "and its event comes");
	ring3_free(text);
	ok(!ring3_events_next(events, 1000, &text, &e), "which was the last");
	ring3_events_close(events);
	ok(!ring3_wait(machine, 30000, &status, &e) && !status, "its exit status");
	ok(ring3_info(machine, &text, &e) == -ENOENT, "a dead one is not there");
	ring3_close(machine);
	printf("1..%d\n", nr);
	return 0;
}
