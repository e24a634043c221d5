// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-fs: the server of one shared folder, a back end of virtio-fs.
 *
 * Theory of operation, see docs/shares.md. Descriptor 3 speaks vhost-user, 4 is the folder.
 * The order matters: the jail's walls, then the threads, then each thread's list
 * of system calls, and only then the first word of the front end is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "hide.h"
#include "jail.h"
#include "lock.h"
#include "vhost.h"

#define SOCKET_FD	3
#define FOLDER_FD	4
#define FDS_RESERVED	64
#define FDS_MAX		16384
#define INODES_MAX	(4u << 20)

struct opts {
	enum jail_mode jail;
	uint64_t inodes;
	bool ro;
};

static const struct option longopts[] = {
	{ "ro", no_argument, NULL, 'r' },
	{ "cache", required_argument, NULL, 'c' },
	{ "locks", required_argument, NULL, 'l' },
	{ "uid", required_argument, NULL, 'u' },
	{ "gid", required_argument, NULL, 'g' },
	{ "inodes", required_argument, NULL, 'i' },
	{ "jail", required_argument, NULL, 'j' },
	{ "host-root", no_argument, NULL, 'h' },
	{ "hide", required_argument, NULL, 'H' },
	{ }
};

static int word(const char *option, const char *text, const char *const *words, int nr, struct r3_err *err)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(text, words[i]))
			return i;
	return err_set(err, -EINVAL, "%s %s: there is no such kind", option, text);
}

static int id(const char *option, const char *text, uint32_t *value, struct r3_err *err)
{
	uint64_t n;

	if (parse_size(text, &n) || n >= UINT32_MAX)
		return err_set(err, -EINVAL, "%s %s: give a number", option, text);
	*value = n;
	return 0;
}

static int one_option(struct share *s, struct opts *o, int c, const char *arg, struct r3_err *err)
{
	static const char *const caches[] = { "auto", "always", "none" }, *const locks[] = { "guest", "host" };
	int ret;

	switch (c) {
	case 'r':
		s->ro = true;
		return 0;
	case 'c':
		ret = word("--cache", arg, caches, 3, err);
		s->cache = ret;
		return ret < 0 ? ret : 0;
	case 'l':
		ret = word("--locks", arg, locks, 2, err);
		s->host_locks = ret == 1;
		return ret < 0 ? ret : 0;
	case 'u':
		return id("--uid", arg, &s->uid, err);
	case 'g':
		return id("--gid", arg, &s->gid, err);
	case 'i':
		if (parse_size(arg, &o->inodes) || o->inodes < 64 || o->inodes > INODES_MAX)
			return err_set(err, -EINVAL, "--inodes %s: give a number from 64 to %u", arg, INODES_MAX);
		return 0;
	case 'h':
		s->hide = s->hide ?: hide_new();
		s->ro = true;
		return s->hide ? 0 : err_set(err, -ENOMEM, "no memory for what is to be hidden");
	case 'H':
		return s->hide ? hide_add(s->hide, arg, err) : err_set(err, -EINVAL, "--hide is for --host-root, which has to go before it");
	case 'j':
		return jail_mode_parse(arg, &o->jail, err);
	}
	return err_set(err, -EINVAL, "usage: ring3-fs [--ro] [--cache auto|always|none] [--locks guest|host] [--uid N] [--gid N] [--inodes N] [--jail on|require|off] [--host-root [--hide PATH]...] 3<>SOCKET 4<FOLDER");
}

static int parse(struct share *s, struct opts *o, int argc, char **argv, struct r3_err *err)
{
	int c, ret = 0;

	opterr = 0;
	while (!ret && (c = getopt_long(argc, argv, "", longopts, NULL)) != -1)
		ret = one_option(s, o, c, optarg, err);
	if (!ret && optind < argc)
		ret = err_set(err, -EINVAL, "ring3-fs takes no argument \"%s\"", argv[optind]);
	return ret;
}

static int check_fds(struct r3_err *err)
{
	struct stat st;

	if (fstat(SOCKET_FD, &st) || !S_ISSOCK(st.st_mode))
		return err_set(err, -EINVAL, "ring3-fs is started by \"ring3 run --share\": descriptor %d is no socket", SOCKET_FD);
	if (fstat(FOLDER_FD, &st) || !S_ISDIR(st.st_mode))
		return err_set(err, -EINVAL, "ring3-fs is started by \"ring3 run --share\": descriptor %d is no folder", FOLDER_FD);
	fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
	fcntl(FOLDER_FD, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int descriptors(struct share *s, struct r3_err *err)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return err_set(err, -errno, "the limit of open files cannot be read: %s", strerror(errno));
	if (lim.rlim_max > FDS_MAX)
		lim.rlim_max = FDS_MAX;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur < FDS_RESERVED + 128)
		return err_set(err, -EMFILE, "the limit of open files (ulimit -n) is too low for a shared folder: raise it to %d", FDS_RESERVED + 1024);
	s->max_fds = lim.rlim_cur - FDS_RESERVED;
	return 0;
}

static void signals(void)
{
	setpgid(0, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	/* The host's limit of file sizes is an error of the write. */
	signal(SIGXFSZ, SIG_IGN);
}

static struct opts opts;

static int enter_worker(void)
{
	return fs_jail_worker(opts.jail, opts.ro);
}

static void *run_locks(void *share)
{
	if (enter_worker())
		return NULL;
	return locks_thread(share);
}

static struct workers workers;

static int start(struct share *s, struct r3_err *err)
{
	const char *warning = NULL;
	pthread_t thread;
	int ret = check_fds(err) ?: descriptors(s, err);

	if (ret)
		return ret;
	s->own_uid = geteuid();
	s->own_gid = getegid();
	umask(0);
	/* A request takes microseconds, and a vCPU waits for it. */
	sched_short_slices();
	ret = fs_jail_process(opts.jail, s, FOLDER_FD, &warning, err);
	if (ret)
		return ret;
	/* A new user namespace takes that away. At the end of the front end it ends in any case. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (warning)
		fprintf(stderr, "ring3-fs: %s\n", warning);
	pthread_rwlock_init(&s->session, NULL);
	ret = inodes_init(s) ?: files_init(s) ?: locks_init(s) ?: workers_init(&workers, s);
	if (!ret && s->host_locks)
		ret = -pthread_create(&thread, NULL, run_locks, s);
	ret = ret ?: workers_start(&workers, enter_worker);
	if (ret)
		return err_set(err, ret, "the server of a shared folder cannot start: %s", strerror(-ret));
	return fs_jail_main(opts.jail, err);
}

int main(int argc, char **argv)
{
	static struct share s = { .root_fd = -1, .proc_fd = -1 };
	static struct vhost v;
	struct r3_err err;
	int ret;

	opts.inodes = INODES_MAX / 2;
	ret = parse(&s, &opts, argc, argv, &err);
	s.max_inodes = opts.inodes;
	opts.ro = s.ro;
	if (!ret) {
		signals();
		ret = start(&s, &err);
	}
	if (ret) {
		fprintf(stderr, "ring3-fs: %s\n", err.msg);
		return ret == -EINVAL ? 2 : 1;
	}
	vhost_init(&v, SOCKET_FD, &workers);
	ret = vhost_run(&v);
	if (ret)
		fprintf(stderr, "ring3-fs: the monitor broke the protocol: %s\n", v.why);
	/* The guest is gone; nobody waits for what is at work. */
	_exit(ret ? 1 : 0);
}
