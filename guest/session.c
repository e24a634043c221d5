// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "session.h"

/* What a pty may still hold when its command is gone. */
#define PTY_UNSENT	(256 * 1024)

static void send_error(struct link *link, uint16_t id, uint32_t code, uint32_t status, const char *text)
{
	uint8_t buf[sizeof(struct r3_agent_error) + 512];
	struct r3_agent_error error = { .code = code, .status = status };
	size_t len = strnlen(text, 512);

	memcpy(buf, &error, sizeof(error));
	memcpy(buf + sizeof(error), text, len);
	link_send(link, R3_FRAME_ERROR, id, buf, sizeof(error) + len);
}

/* The strings after a r3_agent_run, copied, as lists. The caller frees the result. */
static char **parse_strings(const struct r3_agent_run *run, const uint8_t *data, size_t len, struct spawn *sp)
{
	uint32_t i, total = run->argc + run->envc;
	char **list, *text;

	if (run->argc > R3_AGENT_ARGS_MAX || run->envc > R3_AGENT_ARGS_MAX ||
	    !len || data[len - 1] || (!run->argc && !(run->flags & R3_RUN_SHELL)))
		return NULL;
	list = calloc(1, ((size_t)total + 2) * sizeof(*list) + len);
	if (!list)
		return NULL;
	text = memcpy(list + total + 2, data, len);
	sp->cwd = text;
	sp->argv = run->argc ? list : NULL;
	sp->env = list + run->argc + 1;
	for (i = 0; i < total; i++) {
		size_t n = strlen(text) + 1;

		text += n;
		len -= n;
		if (!len) {
			free(list);
			return NULL;
		}
		list[i < run->argc ? i : i + 1] = text;
	}
	return list;
}

static void nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int open_pty(struct session *s, const struct r3_agent_winsize *size)
{
	struct winsize ws = { size->rows, size->cols, size->xpixel, size->ypixel };
	struct termios tio;
	int unlock = 0;

	s->out.fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->out.fd < 0 || ioctl(s->out.fd, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	s->slave = ioctl(s->out.fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->slave < 0)
		return -errno;
	ioctl(s->out.fd, TIOCSWINSZ, &ws);
	if (!tcgetattr(s->slave, &tio)) {
		tio.c_iflag |= IUTF8;
		tcsetattr(s->slave, TCSANOW, &tio);
	}
	s->in_fd = fcntl(s->out.fd, F_DUPFD_CLOEXEC, 3);
	return s->in_fd < 0 ? -errno : 0;
}

static int open_pipe(int *ours, int *theirs, bool we_write)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*ours = p[we_write];
	*theirs = p[!we_write];
	nonblock(*ours);
	return 0;
}

static int open_streams(struct session *s, const struct r3_agent_run *run, struct spawn *sp)
{
	int ret;

	if (s->pty) {
		ret = open_pty(s, &run->size);
		if (ret < 0)
			return ret;
		sp->ctty = s->slave;
		sp->fd[0] = sp->fd[1] = sp->fd[2] = s->slave;
	} else {
		ret = open_pipe(&s->in_fd, &sp->fd[0], true);
		if (!ret)
			ret = open_pipe(&s->out.fd, &sp->fd[1], false);
		if (ret < 0)
			return ret;
	}
	if (!s->pty || run->flags & R3_RUN_STDERR_PIPE)
		return open_pipe(&s->err.fd, &sp->fd[2], false);
	return 0;
}

static void close_theirs(struct session *s, struct spawn *sp)
{
	int i;

	for (i = 0; i < 3; i++)
		if (sp->fd[i] != s->slave)
			close_fd(&sp->fd[i]);
}

static struct session *session_new(struct link *link, uint16_t id, uint32_t host_window)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->link = link;
	s->id = id;
	s->slave = -1;
	s->in_fd = -1;
	s->in_credit = SESSION_WINDOW;
	s->out = (struct stream_out){ .fd = -1, .type = R3_FRAME_STDOUT, .credit = host_window };
	s->err = (struct stream_out){ .fd = -1, .type = R3_FRAME_STDERR, .credit = host_window };
	return s;
}

struct session *session_start(struct link *link, uint16_t id, uint32_t host_window,
			      const uint8_t *payload, size_t len)
{
	struct spawn sp = { .fd = { -1, -1, -1 }, .ctty = -1 };
	struct spawn_error error = { .code = R3_AGENT_ESTART, .status = 125 };
	struct r3_agent_run run;
	struct session *s;
	char **strings = NULL;
	int ret = -ENOMEM;

	if (len > sizeof(run)) {
		memcpy(&run, payload, sizeof(run));
		strings = parse_strings(&run, payload + sizeof(run), len - sizeof(run), &sp);
	}
	if (!strings) {
		send_error(link, id, R3_AGENT_EPROTO, 125, "the agent does not understand the request to run a command");
		return NULL;
	}
	s = session_new(link, id, host_window);
	if (s) {
		s->strings = strings;
		s->pty = run.flags & R3_RUN_PTY;
		s->with_uid = sp.with_uid = run.flags & R3_RUN_UID;
		s->uid = sp.uid = run.uid;
		sp.gid = run.gid;
		ret = open_streams(s, &run, &sp);
	}
	if (ret < 0)
		snprintf(error.text, sizeof(error.text), "the guest cannot open %s for the command: %s",
			 s && s->pty ? "a pty" : "pipes", strerror(-ret));
	else
		s->job = spawn_start(&sp, &error);
	if (s)
		close_theirs(s, &sp);
	if (s && s->job) {
		s->pid = s->job->pid;
		s->running = true;
		return s;
	}
	send_error(link, id, error.code, error.status, error.text);
	if (s)
		session_free(s);
	else
		free(strings);
	return NULL;
}

static void job_done(struct session *s)
{
	spawn_free(s->job);
	s->job = NULL;
	free(s->strings);
	s->strings = NULL;
}

/* Whether the program runs by now. Returns false while that is not known. */
static bool check_start(struct session *s)
{
	struct spawn_error error;
	uint32_t pid = s->pid;
	int ret;

	if (!s->job)
		return true;
	ret = spawn_result(s->job, &error);
	if (!ret)
		return false;
	if (ret > 0) {
		link_send(s->link, R3_FRAME_STARTED, s->id, &pid, sizeof(pid));
	} else {
		/* Reaped as any orphan. */
		s->running = false;
		s->ended = true;
		send_error(s->link, s->id, error.code, error.status, error.text);
	}
	job_done(s);
	return true;
}

static struct stream_out *out_stream(struct session *s, uint32_t type)
{
	if (type == R3_FRAME_STDOUT)
		return &s->out;
	return type == R3_FRAME_STDERR ? &s->err : NULL;
}

static void send_signal(struct session *s, int sig)
{
	if (!check_start(s)) {
		/* It may have no group yet, and nothing to stop. */
		if (sig != SIGSTOP && sig != SIGTSTP)
			kill(s->pid, sig);
		return;
	}
	/* In a terminal, whoever is in the foreground. */
	if (s->pty && s->out.fd >= 0 && !ioctl(s->out.fd, TIOCSIG, sig))
		return;
	if (s->running)
		kill(-s->pid, sig);
}

static void hang_up(struct session *s)
{
	session_in_close(s, false);
	close_fd(&s->slave);
	close_fd(&s->out.fd);
	close_fd(&s->err.fd);
	if (!check_start(s)) {
		kill(s->pid, SIGKILL);
	} else if (s->running) {
		kill(-s->pid, SIGHUP);
		kill(-s->pid, SIGCONT);
	}
}

const char *session_frame(struct session *s, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_winsize size;
	struct r3_agent_credit credit;
	struct stream_out *stream;
	struct winsize ws;
	uint32_t word;

	switch (frame->type) {
	case R3_FRAME_STDIN:
		return session_in_data(s, payload, frame->len);
	case R3_FRAME_CREDIT:
		memcpy(&credit, payload, sizeof(credit));
		stream = out_stream(s, credit.stream);
		if (!stream || credit.bytes > R3_AGENT_WINDOW_MAX - stream->credit)
			break;
		stream->credit += credit.bytes;
		return NULL;
	case R3_FRAME_CLOSE:
		memcpy(&word, payload, sizeof(word));
		stream = out_stream(s, word);
		if (!stream)
			break;
		/* A terminal that nobody reads is one that was hung up. */
		if (s->pty && stream == &s->out)
			hang_up(s);
		else
			close_fd(&stream->fd);
		return NULL;
	case R3_FRAME_WINCH:
		memcpy(&size, payload, sizeof(size));
		ws = (struct winsize){ size.rows, size.cols, size.xpixel, size.ypixel };
		if (s->pty && s->out.fd >= 0)
			ioctl(s->out.fd, TIOCSWINSZ, &ws);
		return NULL;
	case R3_FRAME_SIGNAL:
		memcpy(&word, payload, sizeof(word));
		if (!word || word >= NSIG)
			break;
		send_signal(s, word);
		return NULL;
	case R3_FRAME_END:
		hang_up(s);
		return NULL;
	}
	return "the host sent a frame that makes no sense";
}

/* Sends what is there and granted. Returns false when the stream is dry or over. */
static bool out_pump(struct session *s, struct stream_out *o)
{
	size_t want = R3_AGENT_DATA_MAX;
	uint8_t *room;
	ssize_t n;

	if (want > o->credit)
		want = o->credit;
	if (!s->running && want > o->left)
		want = o->left;
	if (!want)
		return false;
	room = frames_reserve(&s->link->frames, want);
	if (!room)
		return false;
	do
		n = read(o->fd, room, want);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		o->left = 0;
		return false;
	}
	if (n < 0)
		n = 0;
	frames_commit(&s->link->frames, o->type, s->id, n);
	o->credit -= n;
	if (!n) {
		close_fd(&o->fd);
		return false;
	}
	if (!s->running)
		o->left -= n;
	return (size_t)n == want;
}

static void out_run(struct session *s, struct stream_out *o)
{
	while (o->fd >= 0 && out_pump(s, o))
		;
}

/* Once the command is gone: the rest of its output, then its status. */
static void finish(struct session *s)
{
	struct r3_agent_exit msg = { 0 };

	out_run(s, &s->out);
	out_run(s, &s->err);
	if ((s->out.fd >= 0 && s->out.left) || (s->err.fd >= 0 && s->err.left))
		return;
	if (WIFSIGNALED(s->status)) {
		msg.signal = WTERMSIG(s->status);
		msg.status = 128 + msg.signal;
	} else {
		msg.status = WEXITSTATUS(s->status);
	}
	link_send(s->link, R3_FRAME_EXIT, s->id, &msg, sizeof(msg));
	s->ended = true;
}

static size_t unsent_in(struct session *s, struct stream_out *o)
{
	int n = 0;

	if (o->fd < 0)
		return 0;
	/* A pipe may have other writers: only what is in it now counts. */
	if (s->pty && o == &s->out)
		return PTY_UNSENT;
	return ioctl(o->fd, FIONREAD, &n) < 0 || n < 0 ? 0 : n;
}

void session_stopped(struct session *s)
{
	if (!check_start(s))
		kill(s->pid, SIGCONT);
}

void session_reaped(struct session *s, int status)
{
	check_start(s);
	if (s->ended)
		return;
	s->running = false;
	s->status = status;
	session_in_close(s, false);
	s->out.left = unsent_in(s, &s->out);
	s->err.left = unsent_in(s, &s->err);
	finish(s);
}

int session_poll(struct session *s, struct pollfd *fds)
{
	bool room = frames_queued(&s->link->frames) < FRAMES_LOW;
	bool in = s->in_queued || s->in_eof;

	if (s->job) {
		fds[0] = (struct pollfd){ .fd = s->job->status_fd, .events = POLLIN };
		fds[1].fd = fds[2].fd = -1;
		return 3;
	}
	if (!s->running)
		room = false;
	/* Without events a pipe still reports that its reader went away. */
	fds[0] = (struct pollfd){ .fd = s->pty && !in ? -1 : s->in_fd, .events = in ? POLLOUT : 0 };
	fds[1] = (struct pollfd){ .fd = room && s->out.credit ? s->out.fd : -1, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = room && s->err.credit ? s->err.fd : -1, .events = POLLIN };
	return 3;
}

void session_io(struct session *s, const struct pollfd *fds, int nr)
{
	if (nr != 3 || !s->running)
		return;
	if (s->job) {
		if (fds[0].revents)
			check_start(s);
		return;
	}
	if (fds[0].fd >= 0 && fds[0].revents & POLLOUT)
		session_in_flush(s);
	else if (fds[0].fd >= 0 && fds[0].revents & (POLLERR | POLLHUP))
		session_in_close(s, !s->pty);
	if (fds[1].revents && s->out.fd >= 0)
		out_run(s, &s->out);
	if (fds[2].revents && s->err.fd >= 0)
		out_run(s, &s->err);
}

void session_drain(struct session *s)
{
	if (!s->running && !s->ended)
		finish(s);
}

void session_free(struct session *s)
{
	hang_up(s);
	free(s->in_buf);
	/* A child that still reads it dies with the agent, which is ending. */
	if (s->job)
		return;
	free(s->strings);
	free(s);
}
