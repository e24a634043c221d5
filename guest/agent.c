// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's loop: frames from the host, streams and ends of its commands.
 * One thread, one poll; every process that ends is reaped here, whether a
 * session's or an orphan that PID 1 inherited.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "agent.h"
#include "file.h"
#include "netfiles.h"
#include "session.h"
#include "setting.h"
#include "setting_wire.h"
#include "share_wire.h"
#include "sharing.h"

/* Children that are reaped before others get their turn. */
#define REAP_MAX	256

/* An init that is just starting misses signals: ask again, a few times. */
#define POWER_MS	1000
#define POWER_TIMES	5

struct agent {
	const struct agent_config *cfg;
	struct link link;
	struct session *sessions;
	int nr_sessions;
	struct setting setting;
	struct sharing sharing;
	uint32_t host_window;	/* 0: no HELLO yet */
	int sigfd;
	struct r3_agent_power power;
	int power_times;	/* to ask for it again */
	int hangup_ms;		/* how long to wait for the host's end of the port */
	bool more_children;	/* to reap, without a signal */
	bool done;
	int status;
};

static void send_hello(struct agent *a)
{
	const struct boot *boot = a->cfg->boot;
	struct r3_agent_hello hello = {
		.magic = R3_AGENT_MAGIC,
		.version = R3_AGENT_VERSION,
		.window = SESSION_WINDOW,
		.flags = (a->cfg->pid1 ? R3_HELLO_PID1 : 0) | (boot->error[0] ? R3_HELLO_BROKEN : 0),
		.start_ns = boot->start_ns,
		.start_tsc = boot->start_tsc,
	};
	struct timespec ts;
	struct utsname uts;

	if (!uname(&uts))
		snprintf(hello.release, sizeof(hello.release), "%.63s", uts.release);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	hello.ready_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	hello.ready_tsc = __rdtsc();
	link_send(&a->link, R3_FRAME_HELLO, 0, &hello, sizeof(hello));
}

static void send_text(struct agent *a, uint16_t session, uint32_t code, const char *text)
{
	uint8_t buf[sizeof(struct r3_agent_error) + 512];
	struct r3_agent_error error = { .code = code, .status = 125 };
	size_t len = strnlen(text, 512);

	memcpy(buf, &error, sizeof(error));
	memcpy(buf + sizeof(error), text, len);
	link_send(&a->link, R3_FRAME_ERROR, session, buf, sizeof(error) + len);
}

static struct session *find_session(struct agent *a, uint16_t id)
{
	struct session *s;

	for (s = a->sessions; s; s = s->next)
		if (s->id == id)
			return s;
	return NULL;
}

static const char *take_hello(struct agent *a, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_hello hello;

	if (frame->type != R3_FRAME_HELLO || frame->len != sizeof(hello))
		return "the host does not speak the agent's protocol";
	memcpy(&hello, payload, sizeof(hello));
	if (hello.magic != R3_AGENT_MAGIC || hello.version != R3_AGENT_VERSION)
		return "the host speaks another version of the agent's protocol";
	if (hello.window < R3_AGENT_WINDOW_MIN || hello.window > R3_AGENT_WINDOW_MAX)
		return "the host offers a window that makes no sense";
	a->host_window = hello.window;
	return NULL;
}

/* What one user's commands take does not keep root out, nor another user. */
static const char *too_many(struct agent *a, const struct r3_frame *frame, const uint8_t *payload)
{
	int own = 0, users = 0;
	struct r3_agent_run run;
	struct session *s;

	if (a->nr_sessions >= R3_AGENT_SESSIONS)
		return "the guest runs too many commands for the host already";
	if (frame->len < sizeof(run))
		return NULL;
	memcpy(&run, payload, sizeof(run));
	if (!(run.flags & R3_RUN_UID) || !run.uid)
		return NULL;
	for (s = a->sessions; s; s = s->next) {
		users += s->with_uid && s->uid;
		own += s->with_uid && s->uid == run.uid;
	}
	if (own >= R3_AGENT_USER_SESSIONS)
		return "the guest runs too many commands of this user for the host already";
	if (users >= R3_AGENT_USERS_SESSIONS)
		return "the guest runs too many commands of users other than root for the host already";
	return NULL;
}

static void run(struct agent *a, const struct r3_frame *frame, const uint8_t *payload)
{
	const char *refused = too_many(a, frame, payload);
	struct session *s;

	if (a->cfg->boot->error[0])
		return;
	if (refused) {
		send_text(a, frame->session, R3_AGENT_ESTART, refused);
		return;
	}
	s = session_start(&a->link, frame->session, a->host_window, payload, frame->len);
	if (!s)
		return;
	s->next = a->sessions;
	a->sessions = s;
	a->nr_sessions++;
}

/*
 * The console's size lasts as long as it is open somewhere, and between two
 * programs on it nobody but us has it open. What hangs up on it (a getty) takes
 * our descriptor's use away, but not the terminal's life.
 */
static void console_size(const uint8_t *payload)
{
	static int fd = -1;
	struct r3_agent_winsize size;
	struct winsize ws;
	int old = fd;

	memcpy(&size, payload, sizeof(size));
	ws = (struct winsize){ size.rows, size.cols, size.xpixel, size.ypixel };
	if (fd >= 0 && !ioctl(fd, TIOCSWINSZ, &ws))
		return;
	fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		ioctl(fd, TIOCSWINSZ, &ws);
	if (old >= 0)
		close(old);
}

/* A setting of the host that carries over, as a proxy for apt. A root that does without is no failure. */
static const char *write_file(struct agent *a, const uint8_t *payload, size_t len)
{
	const char *path = (const char *)payload + sizeof(struct r3_agent_file), *end = (const char *)payload + len;
	const char *text = memchr(path, 0, end - path), *slash;
	struct r3_agent_file file;
	char dir[256];

	memcpy(&file, payload, sizeof(file));
	slash = text ? strrchr(path, '/') : NULL;
	if (!slash || path[0] != '/' || slash == path || slash - path >= (long)sizeof(dir))
		return "the host sent a file without a path";
	text++;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (!a->cfg->test && !access(dir, W_OK))
		netfiles_put(path, text, end - text, file.mode & 0777);
	return NULL;
}

static const char *link_frame(struct agent *a, const struct r3_frame *frame, const uint8_t *payload)
{
	if (frame->type == R3_FRAME_WINCH) {
		if (!a->cfg->test)
			console_size(payload);
		return NULL;
	}
	if (frame->type == R3_FRAME_FILE)
		return write_file(a, payload, frame->len);
	if (frame->type != R3_FRAME_POWER)
		return "the host sent a frame that makes no sense";
	memcpy(&a->power, payload, sizeof(a->power));
	if (a->cfg->test) {
		a->done = true;
		return NULL;
	}
	power_end(&a->power, a->cfg->pid1);
	a->power_times = POWER_TIMES;
	return NULL;
}

static const char *dispatch(struct agent *a, const struct r3_frame *frame, const uint8_t *payload)
{
	struct session *s;

	if (!a->host_window)
		return take_hello(a, frame, payload);
	if (!frame->session)
		return link_frame(a, frame, payload);
	s = find_session(a, frame->session);
	if (frame->type == R3_FRAME_RUN) {
		if (s)
			return "the host used a session number twice";
		run(a, frame, payload);
		return NULL;
	}
	if (frame->type == R3_FRAME_SET) {
		if (s)
			return "the host used a session number twice";
		setting_begin(&a->setting, &a->link, frame->session, payload, a->cfg->test);
		return NULL;
	}
	if (frame->type == R3_FRAME_SHARE)
		return s ? "the host used a session number twice" :
		       sharing_begin(&a->sharing, &a->link, frame->session, payload, frame->len, a->cfg->test);
	/* A frame may cross our EXIT on its way; nothing is sent after that, no credit either. */
	return s && !s->ended ? session_frame(s, frame, payload) : NULL;
}

static void read_link(struct agent *a)
{
	const uint8_t *payload;
	struct r3_frame frame;

	link_fill(&a->link);
	while (!a->done && frames_next(&a->link.frames, &frame, &payload)) {
		const char *wrong = dispatch(a, &frame, payload);

		if (wrong)
			a->link.frames.broken = wrong;
	}
}

static struct session *find_process(struct agent *a, pid_t pid)
{
	struct session *s;

	for (s = a->sessions; s; s = s->next)
		if (s->running && s->pid == pid)
			return s;
	return NULL;
}

/* Whoever makes orphans faster than they are reaped must not hold up the link. */
static void reap(struct agent *a)
{
	struct signalfd_siginfo info;
	struct session *s;
	int status, n;
	pid_t pid;

	while (read(a->sigfd, &info, sizeof(info)) == sizeof(info))
		;
	for (n = 0; n < REAP_MAX; n++) {
		pid = waitpid(-1, &status, WNOHANG | WUNTRACED);
		if (pid <= 0)
			break;
		s = find_process(a, pid);
		if (!WIFSTOPPED(status) && (setting_reaped(&a->setting, &a->link, pid, status) || sharing_reaped(&a->sharing, &a->link, pid, status)))
			continue;
		if (s && WIFSTOPPED(status))
			session_stopped(s);
		else if (s)
			session_reaped(s, status);
	}
	a->more_children = n == REAP_MAX;
}

/* Whose turn is first changes, so that no session gets all the room on the link. */
static void rotate(struct agent *a)
{
	struct session *first = a->sessions, **p;

	if (!first || !first->next)
		return;
	a->sessions = first->next;
	for (p = &a->sessions; *p; p = &(*p)->next)
		;
	*p = first;
	first->next = NULL;
}

static void drop_ended(struct agent *a)
{
	struct session **p = &a->sessions, *s;

	while ((s = *p)) {
		if (!s->ended) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		a->nr_sessions--;
		session_free(s);
	}
}

static int backoff(struct agent *a)
{
	if (!a->link.hangup) {
		a->hangup_ms = 1;
		return a->power_times ? POWER_MS : -1;
	}
	/* poll() would report the host's closed end for ever. */
	a->hangup_ms = a->hangup_ms < 128 ? a->hangup_ms * 2 : 200;
	return a->hangup_ms;
}

static void iterate(struct agent *a)
{
	struct pollfd fds[2 + 3 * R3_AGENT_SESSIONS];
	struct session *s;
	int n = 2, timeout = backoff(a), ret;
	size_t queued;

	fds[0] = (struct pollfd){ .fd = a->sigfd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = a->link.hangup ? -1 : a->link.fd, .events = POLLIN };
	if (frames_queued(&a->link.frames))
		fds[1].events |= POLLOUT;
	for (s = a->sessions; s; s = s->next)
		n += session_poll(s, fds + n);
	ret = poll(fds, n, a->more_children ? 0 : timeout);
	if (ret < 0 && errno != EINTR) {
		a->link.frames.broken = "poll failed";
		return;
	}
	if (!ret && a->power_times && !a->more_children) {
		a->power_times--;
		power_end(&a->power, a->cfg->pid1);
	}

	n = 2;
	for (s = a->sessions; s; s = s->next, n += 3)
		session_io(s, fds + n, 3);
	if (fds[0].revents || a->more_children)
		reap(a);
	if (fds[1].revents & POLLHUP)
		a->link.hangup = true;
	if (fds[1].revents || a->link.hangup)
		read_link(a);
	do {
		for (s = a->sessions; s; s = s->next)
			session_drain(s);
		queued = frames_queued(&a->link.frames);
		link_flush(&a->link);
		/* All sent: there may be room for more. */
	} while (queued && !frames_queued(&a->link.frames) && !a->link.frames.broken);
	drop_ended(a);
	rotate(a);
}

static int setup_signals(struct agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	/* The power buttons of PID 1's own kind have no meaning here. */
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	a->sigfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return a->sigfd < 0 ? -errno : 0;
}

int agent_serve(const struct agent_config *cfg)
{
	struct agent a = { .cfg = cfg, .hangup_ms = 1 };
	struct session *s;
	int ret;

	ret = setup_signals(&a);
	if (ret < 0)
		return ret;
	ret = link_init(&a.link, cfg->fd);
	if (ret < 0)
		return ret;
	spawn_init();
	send_hello(&a);
	if (cfg->boot->error[0])
		send_text(&a, 0, R3_AGENT_EBOOT, cfg->boot->error);
	link_flush(&a.link);

	while (!a.done && !a.link.frames.broken)
		iterate(&a);

	if (a.link.frames.broken && !cfg->test)
		report("the agent ends: %s", a.link.frames.broken);
	while ((s = a.sessions)) {
		a.sessions = s->next;
		session_free(s);
	}
	ret = a.link.frames.broken ? -EPROTO : 0;
	link_free(&a.link);
	close(a.sigfd);
	return ret;
}
