// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What `ring3 run` hears from a guest's agent and console and from clients on
 * its control socket, and what `ring3 ps` hears from whoever answers there. No
 * guest, no files, no processes: the ends of the sockets are here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "fuzz.h"
#include "machine.h"
#include "state.h"

#define CLIENTS		4
#define STEPS_MAX	300
#define FILL_MAX	70000

static struct machine m;
static struct run_options opt;
static struct run_config cfg;
static struct timer tick;
static int listener = -1, pending = -1;	/* eventfd; the connection behind it */
static int agent = -1, console = -1, early = -1, channel = -1, client[CLIENTS] = { -1, -1, -1, -1 };
static int caller[3] = { -1, -1, -1 }, caller_end[3] = { -1, -1, -1 };
static int answer_fd = -1;

/* ---- what the world would be, see the --wrap options in meson.build ---- */

int __wrap_state_dir(bool create, struct r3_err *err);
int __wrap_state_reserve(int dir, const char *name, struct r3_err *err);
int __wrap_state_listen(int dir, const char *name, struct r3_err *err);
void __wrap_state_release(int dir, const char *name, int lock);
int __wrap_state_connect(int dir, const char *name, struct r3_err *err);
int __wrap_state_list(int dir, char ***names, struct r3_err *err);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_monitor_start(struct monitor_proc *mon, const struct vm_config *vm, struct r3_err *err);
bool __wrap_monitor_reap(struct monitor_proc *mon, int *status);
void __wrap_monitor_kill(struct monitor_proc *mon);
void __wrap_stdfd_open(struct stdfd *io, int fd, bool output);
void __wrap_stdfd_close(struct stdfd *io);
void __wrap_term_write(const char *text, unsigned long len);

int __wrap_state_dir(bool create, struct r3_err *err)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int __wrap_state_listen(int dir, const char *name, struct r3_err *err)
{
	return listener = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int __wrap_state_reserve(int dir, const char *name, struct r3_err *err)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void __wrap_state_release(int dir, const char *name, int lock)
{
	if (lock >= 0)
		close(lock);
}

int __wrap_state_connect(int dir, const char *name, struct r3_err *err)
{
	return util_take_fd(&answer_fd);
}

int __wrap_state_list(int dir, char ***names, struct r3_err *err)
{
	*names = malloc(sizeof(**names));
	must(*names && ((*names)[0] = strdup("guest")));
	return 1;
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	event_take(listener);
	errno = EAGAIN;
	return util_take_fd(&pending);
}

void __wrap_stdfd_open(struct stdfd *io, int fd, bool output)
{
	*io = (struct stdfd){ .fd = caller_end[fd], .given = fd, .socket = true };
}

void __wrap_stdfd_close(struct stdfd *io)
{
	shutdown(io->fd, SHUT_WR);
	io->fd = -1;
}

/* Text of a guest must not control the terminal, whatever way it comes. */
static void check_text(const char *text, unsigned long len)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned long i;

	for (i = 0; i < len; i++) {
		must(p[i] == '\n' || p[i] == '\t' || (p[i] >= 0x20 && p[i] != 0x7f));
		/* 8-bit controls: as they are, and in UTF-8. */
		if (p[i] >= 0x80 && p[i] < 0xa0)
			must(i && p[i - 1] >= 0x80 && p[i - 1] != 0xc2);
		/* U+061C, and U+200B to U+200F and U+202A to U+202E. */
		if (i + 1 < len)
			must(p[i] != 0xd8 || p[i + 1] != 0x9c);
		if (i + 2 < len && p[i] == 0xe2 && p[i + 1] == 0x80)
			must(!(p[i + 2] >= 0x8b && p[i + 2] <= 0x8f) && !(p[i + 2] >= 0xaa && p[i + 2] <= 0xae));
	}
}

void __wrap_term_write(const char *text, unsigned long len)
{
	check_text(text, len);
}

static void pair(int *ours, int *theirs)
{
	int sv[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
	if (*ours >= 0)
		close(*ours);
	*ours = sv[0];
	*theirs = sv[1];
}

/* A guest that reboots. The ends that a monitor would get are ours. */
int __wrap_monitor_start(struct monitor_proc *mon, const struct vm_config *vm, struct r3_err *err)
{
	close(agent);
	close(console);
	close(early);
	close(channel);
	channel = fcntl(vm->channel_fd, F_DUPFD_CLOEXEC, 0);
	console = fcntl(vm->port[0].fd, F_DUPFD_CLOEXEC, 0);
	agent = fcntl(vm->port[1].fd, F_DUPFD_CLOEXEC, 0);
	early = fcntl(vm->early_console_fd, F_DUPFD_CLOEXEC, 0);
	mon->pid = 0;
	mon->log_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	must(agent >= 0 && console >= 0 && early >= 0 && channel >= 0 && mon->log_fd >= 0);
	return 0;
}

bool __wrap_monitor_reap(struct monitor_proc *mon, int *status)
{
	return false;
}

void __wrap_monitor_kill(struct monitor_proc *mon)
{
}

/* ---- what machine.c has for itself ---- */

static void console_output(void *ctx, const char *data, size_t len)
{
	control_console(m.control, data, len);
}

static void console_room(void *ctx)
{
	control_console_room(m.control);
}

static void unread(void *ctx)
{
	machine_stop(ctx, END_UNREAD, 128 + SIGPIPE, false);
}

static void nothing(void *ctx)
{
}

static void begin(bool init)
{
	static char *argv[] = { "command", "word", NULL };
	struct r3_err err;
	int i, fd, sv[2];

	memset(&m, 0, sizeof(m));
	opt = (struct run_options){ .argv = init ? NULL : argv, .init = init ? "/sbin/init" : NULL, .name = "fuzz",
				    .tty = 0, .timeout_ms = -1 };
	strcpy(cfg.name, "fuzz");
	m.opt = &opt;
	m.cfg = &cfg;
	m.ram_fd = -1;
	loop_timer(&m.loop, &m.timeout, nothing, &m);
	loop_timer(&m.loop, &m.slow, nothing, &m);
	loop_timer(&m.loop, &m.grace, nothing, &m);
	loop_timer(&m.loop, &m.restart, nothing, &m);
	loop_timer(&m.loop, &tick, nothing, &m);
	m.hvc.ctx = &m;
	m.hvc.output = console_output;
	m.hvc.room = console_room;
	m.hvc.escaped = machine_escaped;
	m.hvc.unread = unread;
	m.hvc.verbose = m.hvc.early_verbose = true;
	hvc_init(&m.hvc, &m.loop);
	must(!machine_open_control(&m, &err));
	for (i = 0; i < 3; i++)
		pair(&caller[i], &caller_end[i]);
	pair(&agent, &fd);
	must(!agent_open(&m.agent, &m.loop, fd, &machine_agent_ops, &m));
	pair(&console, &fd);
	pair(&early, &i);
	hvc_start(&m.hvc, fd, i);
	if (init)
		must(!hvc_attach(&m.hvc));
	m.mon.log_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
	channel = sv[0];
	channel_open(&m.channel, &m.loop, sv[1]);
}

static void drain(int fd)
{
	char buf[65536];

	while (fd >= 0 && recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void check(void)
{
	const struct session_out *outs[] = { &m.session.out, &m.session.err };
	size_t i;

	if (!m.session.loop)
		return;
	for (i = 0; i < ARRAY_SIZE(outs); i++)
		must(outs[i]->queued <= SESSION_WINDOW && outs[i]->granted <= SESSION_WINDOW &&
		     outs[i]->granted + outs[i]->queued + outs[i]->owed <= SESSION_WINDOW);
	must(m.hvc.in_len <= sizeof(m.hvc.in_buf) && m.hvc.out_start + m.hvc.out_len <= sizeof(m.hvc.out_buf));
}

static void step(void)
{
	tick.due = 0;	/* long ago: the loop does not wait */
	must(!loop_step(&m.loop));
	check();
}

static void end(struct input *in)
{
	static const int how[] = { 0, 65 << 8, 66 << 8, 67 << 8, SIGKILL, 64 << 8, 99 << 8 };
	uint8_t last = in->len ? in->p[in->len - 1] : 0;
	size_t i;

	/* Nobody takes the rest; waiting for that is bounded, but long. */
	for (i = 0; i < 3; i++)
		shut(&caller[i]);
	machine_monitor_ended(&m, how[last % ARRAY_SIZE(how)]);
	if (!m.over)
		machine_monitor_ended(&m, 0);
	must(m.over);
	control_close(m.control, 0);
	hvc_free(&m.hvc);
	for (i = 0; i < CLIENTS; i++)
		shut(&client[i]);
	for (i = 0; i < 3; i++)
		shut(&caller_end[i]);
	shut(&agent);
	shut(&console);
	shut(&early);
	shut(&channel);
	shut(&pending);
	listener = -1;
}

/* ---- what the others say ---- */

static void say(int fd, const void *data, size_t len)
{
	if (fd >= 0 && send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		must(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
}

static void say_bytes(struct input *in, int fd)
{
	size_t n;
	const uint8_t *p = in_bytes(in, in8(in), &n);

	say(fd, p, n);
}

/* A frame whose length is right, with what follows in the input, or more. */
static void say_frame(struct input *in, int fd)
{
	static uint8_t buf[sizeof(struct r3_frame) + FILL_MAX + 128];
	struct r3_frame frame = { .type = in8(in) % 16, .session = in8(in) };
	uint8_t how = in8(in);
	const uint8_t *p;
	size_t n;

	if (how == 0xff)
		frame.session = in16(in);
	p = in_bytes(in, how % 128, &n);
	frame.len = how & 128 ? in32(in) % FILL_MAX : n;
	memset(buf, 'f', sizeof(frame) + frame.len);
	memcpy(buf + sizeof(frame), p, n);
	memcpy(buf, &frame, sizeof(frame));
	say(fd, buf, sizeof(frame) + frame.len);
}

/* One that could be true. */
static void say_sense(struct input *in, int fd)
{
	struct {
		struct r3_frame frame;
		union {
			struct r3_agent_exit exit;
			struct r3_agent_credit credit;
			struct r3_agent_hello hello;
			struct {
				struct r3_agent_error error;
				char text[16];
			};
			uint32_t word;
		};
	} f = { .frame.session = 1 };
	uint8_t what = in8(in);
	const uint8_t *p;
	size_t n;

	switch (what % 8) {
	case 0:
	case 1:
		f.frame = (struct r3_frame){ sizeof(f.hello), R3_FRAME_HELLO, 0 };
		f.hello = (struct r3_agent_hello){ R3_AGENT_MAGIC, R3_AGENT_VERSION, R3_AGENT_WINDOW_MIN, 1 };
		break;
	case 2:
		f.frame = (struct r3_frame){ sizeof(f.exit), R3_FRAME_EXIT, 1 };
		f.exit.status = in8(in);
		break;
	case 3:
		f.frame = (struct r3_frame){ sizeof(f.credit), R3_FRAME_CREDIT, 1 };
		f.credit = (struct r3_agent_credit){ R3_FRAME_STDIN, in32(in) };
		break;
	case 4:
		f.frame = (struct r3_frame){ sizeof(f.error) + sizeof(f.text), R3_FRAME_ERROR, 1 };
		f.error.status = in8(in);
		p = in_bytes(in, sizeof(f.text), &n);
		memcpy(f.text, p, n);
		break;
	case 5:
		f.frame = (struct r3_frame){ sizeof(f.word), R3_FRAME_STARTED, 1 };
		break;
	case 6:
		f.frame = (struct r3_frame){ sizeof(f.word), R3_FRAME_CLOSE, 1 };
		f.word = R3_FRAME_STDIN;
		break;
	case 7:
		f.frame = (struct r3_frame){ 0, R3_FRAME_STDOUT + (what >> 7), 1 };
		break;
	}
	if (what & 8)
		f.frame.session = what >> 4;
	say(fd, &f, sizeof(f.frame) + f.frame.len);
}

static void say_request(struct input *in, int fd)
{
	static const char *const text[] = {
		"{\"op\":\"info\"}\n", "{\"op\":\"exec\"}\n", "{\"op\":\"console\"}\n", "{\"op\":\"stop\"}\n",
		"{\"op\":\"stop\",\"force\":true}\n", "{\"op\":[1]}\n", "[]\n", "\n",
	};
	/* Behind those that the corpus has. */
	static const char *const more[] = {
		"{\"op\":\"stats\"}\n", "{\"op\":\"ping\",\"id\":1}\n", "{\"op\":\"events\"}\n", "{\"op\":\"wait\"}\n",
		"{\"op\":\"stats\",\"id\":[{}]}\n{\"op\":\"ping\"}\n", "{\"op\":\"kill\",\"signal\":15}\n", "{\"op\":\"stats\"}\n{\"op\":\"exec\"}\n",
	};
	uint8_t which = in8(in);
	const char *t = which < 192 ? text[which % ARRAY_SIZE(text)] : more[which % ARRAY_SIZE(more)];

	say(fd, t, strlen(t));
}

/* A monitor's answer on the control channel, which may be one. */
static void say_answer(struct input *in)
{
	static union {
		struct channel_answer head;
		char bytes[CHANNEL_ANSWER_MAX + 64];
	} answer;
	uint8_t how = in8(in);
	size_t n, len = sizeof(answer.head) + (how & 1 ? sizeof(struct channel_stats) : 0);
	const uint8_t *p;

	answer.head = (struct channel_answer){ .size = len, .status = how & 2 ? -(int)in8(in) : 0, .id = m.channel.last_id - (how >> 2 & 3) };
	if (how & 16)
		answer.head.size = in32(in);
	if (how & 32)
		len = in16(in) % sizeof(answer);
	if (how & 64)
		answer.head.id = in32(in);
	p = in_bytes(in, how & 128 ? 255 : 0, &n);
	memset(answer.bytes + sizeof(answer.head), how, sizeof(answer) - sizeof(answer.head));
	memcpy(answer.bytes + sizeof(answer.head), p, n);
	say(channel, &answer, len);
}

static void join(unsigned int i)
{
	int fd;

	if (pending >= 0)
		return;
	pair(&client[i], &fd);
	pending = fd;
	event_post(listener);
	step();
}

static void one_step(struct input *in)
{
	uint8_t op = in8(in);
	unsigned int i = op / 32 % CLIENTS;

	switch (op % 20) {
	case 0:
		say_bytes(in, agent);
		break;
	case 1:
	case 2:
		say_frame(in, agent);
		break;
	case 3:
	case 4:
		say_sense(in, agent);
		break;
	case 5:
		join(i);
		break;
	case 6:
		say_bytes(in, client[i]);
		break;
	case 7:
		say_request(in, client[i]);
		break;
	case 8:
	case 9:
		say_frame(in, client[i]);
		break;
	case 10:
		shut(&client[i]);
		break;
	case 11:
		drain(client[i]);
		break;
	case 12:
		drain(agent);
		drain(console);
		break;
	case 13:
		drain(caller[1]);
		drain(caller[2]);
		break;
	case 14:
		say_bytes(in, caller[0]);
		break;
	case 15:
		say_bytes(in, op & 128 ? early : console);
		break;
	case 16:
		shut(&caller[i % 3]);
		break;
	case 17:
		machine_stop(&m, END_STOP, 120, op & 128);
		break;
	case 18:
		if (op & 128)
			shut(&console);
		else if (op & 64)
			shut(&agent);
		else
			say_answer(in);
		break;
	case 19:
		join(i);
		say_request(in, client[i]);
		break;
	}
	step();
}

/* What ring3 ps wrote to its stdout. */
static void check_list(int fd, bool json)
{
	static char text[1 << 20];
	ssize_t n = pread(fd, text, sizeof(text), 0), i;

	must(n >= 0);
	check_text(text, n);
	for (i = 0; json && i < n; i++)
		must((unsigned char)text[i] < 0x80);
}

static void list_guests(struct input *in)
{
	static char *const words[] = { "ps", "--json", "--quiet", NULL };
	uint8_t how = in8(in);
	char *argv[] = { words[0], words[1 + how % 3], NULL };
	int end = -1, out, list = memfd_create("list", MFD_CLOEXEC);

	pair(&end, &answer_fd);
	say(end, in->p, in->len);
	say(end, "\n", 1);
	shutdown(end, SHUT_WR);
	fcntl(answer_fd, F_SETFL, 0);
	fflush(stdout);
	out = fcntl(1, F_DUPFD_CLOEXEC, 3);
	must(list >= 0 && out >= 0);
	dup2(list, 1);
	optind = 0;
	ps_main(argv[1] ? 2 : 1, argv);
	fflush(stdout);
	dup2(out, 1);
	close(out);
	check_list(list, how % 3 == 0);
	close(list);
	close(end);
	shut(&answer_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int steps;
	uint8_t mode = in8(&in);

	signal(SIGPIPE, SIG_IGN);
	if (mode % 4 == 3) {
		list_guests(&in);
		return 0;
	}
	begin(mode & 1);
	for (steps = 0; in.len && steps < STEPS_MAX; steps++)
		one_step(&in);
	in = (struct input){ data, size };
	end(&in);
	return 0;
}
