// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "share.h"

#define PROGRAM		"ring3-fs"
#define END_MS		2000
#define WORDS_MAX	1024
#define HIDE_MAX	44		/* those of the user, homes, and where links at the top lead */

struct share {
	bool is_root;
	const struct shareopt *opt;
	const char *jail;
	char path[PATH_MAX];		/* of the program */
	char guest[PATH_MAX];
	int fd;				/* the folder, O_PATH */
	bool host_root;			/* it is this host's own */
	char *hide[HIDE_MAX];		/* absolute, without links */
	int nr_hide;
};

struct shares {
	char words[WORDS_MAX];
	int nr;
	struct share share[VM_MAX_VHOSTS + 1];
};

static int open_folder(struct share *s, struct r3_err *err)
{
	const struct shareopt *opt = s->opt;
	const char *option = s->is_root ? "--root" : "--share";
	char full[PATH_MAX];
	struct stat st;

	if (!realpath(opt->host, full))
		return err_set(err, errno, errno == ENOENT ? "%s %s: there is no folder %s" : errno == ENOTDIR || errno == EACCES || errno == ELOOP ?
			       "%s %s: %s cannot be reached: check its path and your permissions" : "%s %s: %s cannot be opened",
			       option, opt->text, opt->host);
	s->fd = open(full, O_PATH | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st))
		return err_set(err, errno, "%s %s: %s cannot be opened: %s", option, opt->text, opt->host, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "%s %s: %s is not a folder; share the one that it is in", option, opt->text, opt->host);
	if (access(full, R_OK | X_OK))
		return err_set(err, errno, "%s %s: you may not read the folder %s", option, opt->text, opt->host);
	if (!opt->ro && access(full, W_OK))
		return err_set(err, errno, s->is_root ? "%s %s: you may not write to the folder %s; leave --root-rw out" : "%s %s: you may not write to the folder %s; share it with :ro", option, opt->text, opt->host);
	s->host_root = s->is_root && !strcmp(full, "/");
	if (s->host_root && !opt->ro)
		return err_set(err, EINVAL, "--root / and --root-rw exclude each other: a guest does not write to the root of this host; leave --root-rw out");
	snprintf(s->guest, sizeof(s->guest), "%s", opt->guest ? opt->guest : full);
	if (!s->is_root && !strcmp(s->guest, "/"))
		return err_set(err, EINVAL, "%s %s: the guest's root is what --root says; give another path in the guest, as %s:/host", option, opt->text, opt->host);
	return 0;
}

/* What does not exist has a name in a directory that does: the file may be made later. */
static int add_hidden(struct share *s, const char *option, const char *path, struct r3_err *err)
{
	char full[PATH_MAX], dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len;

	if (*path != '/' || !slash[1] || strstr(path, "/../") || !strcmp(slash, "/..") || !strcmp(slash, "/."))
		return err_set(err, EINVAL, "%s%s cannot be hidden: give an absolute path, without a slash at its end, of this host", option, path);
	if (!realpath(path, full)) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		if (!realpath(*dir ? dir : "/", full))
			return err_set(err, errno, "%s%s: there is no folder %s on this host, of which something could be hidden", option, path, *dir ? dir : "/");
		len = strlen(full);
		if (snprintf(full + len, sizeof(full) - len, "%s", len > 1 ? slash : slash + 1) >= (int)(sizeof(full) - len))
			return err_set(err, ENAMETOOLONG, "%s%s: the path is too long", option, path);
	}
	if (!strcmp(full, "/"))
		return err_set(err, EINVAL, "%s%s is all of the root; give another --root", option, path);
	s->hide[s->nr_hide] = strdup(full);
	return s->hide[s->nr_hide++] ? 0 : err_set(err, ENOMEM, "no memory for what is to be hidden");
}

/* Of those that are elsewhere than in /home, which is hidden in any case. */
static int hide_homes(struct share *s, struct r3_err *err)
{
	const struct passwd *pw = getpwuid(geteuid());
	const char *home[] = { getenv("HOME"), pw ? pw->pw_dir : NULL };
	struct r3_err none;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(home); i++)
		if (home[i] && home[i][0] == '/' && home[i][1] && !access(home[i], F_OK) && add_hidden(s, "", home[i], &none) == -ENOMEM)
			return err_set(err, ENOMEM, "no memory for what is to be hidden");
	return 0;
}

/* Of what is hidden at the top where it really is, as /home is in /var or on another disk on some hosts. */
static int hide_targets(struct share *s, struct r3_err *err)
{
	static const char *const top[] = { "/home", "/media", "/mnt", "/root", "/srv", "/tmp" };
	char full[PATH_MAX];
	struct r3_err none;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(top); i++)
		if (realpath(top[i], full) && strcmp(full, top[i]) && strcmp(full, "/") && add_hidden(s, "", full, &none) == -ENOMEM)
			return err_set(err, ENOMEM, "no memory for what is to be hidden");
	return 0;
}

static int find_hidden(struct share *s, struct r3_err *err)
{
	int i, ret = hide_homes(s, err) ?: hide_targets(s, err);

	for (i = 0; i < s->opt->nr_hide && !ret; i++)
		ret = add_hidden(s, "--root-hide ", s->opt->hide[i], err);
	return ret;
}

static int start(void *ctx, struct backend *b, int socket, struct r3_err *err)
{
	struct share *s = ctx;
	char uid[12], gid[12];
	char *argv[16 + 2 * HIDE_MAX] = { PROGRAM, "--cache", (char *)s->opt->cache, "--locks", s->opt->host_locks ? "host" : "guest", "--uid", uid,
					  "--gid", gid, "--jail", (char *)s->jail };
	const int fds[] = { socket, s->fd };
	int i, n = 11;

	if (s->opt->ro)
		argv[n++] = "--ro";
	if (s->host_root)
		argv[n++] = "--host-root";
	for (i = 0; i < s->nr_hide; i++) {
		argv[n++] = "--hide";
		argv[n++] = s->hide[i];
	}
	snprintf(uid, sizeof(uid), "%u", s->opt->uid);
	snprintf(gid, sizeof(gid), "%u", s->opt->gid);
	return backend_start(b, PROGRAM, s->path, argv, fds, 2, err);
}

/* What the kernel's command line cannot have is written as %XX. */
static int add_word(struct shares *all, const struct share *s, int nr, struct r3_err *err)
{
	size_t n = strlen(all->words);
	const char *p;

	n += snprintf(all->words + n, WORDS_MAX - n, "%sring3.share=share%d%s:", nr ? " " : "", nr, s->opt->ro ? ",ro" : "");
	for (p = s->guest; *p && n < WORDS_MAX - 4; p++) {
		if ((unsigned char)*p > ' ' && !strchr("%\"'\\", *p) && *p != 127)
			all->words[n++] = *p;
		else
			n += sprintf(all->words + n, "%%%02x", (unsigned char)*p);
	}
	if (*p)
		return err_set(err, E2BIG, "--share %s: the paths of all shares together are too long for the kernel's command line; shorten those in the guest", s->opt->text);
	all->words[n] = '\0';
	return 0;
}

static int open_share(struct share *s, struct r3_err *err)
{
	return backend_find(PROGRAM, "it belongs to ring3; build it, or install ring3 anew", s->path, sizeof(s->path), err) ?: open_folder(s, err) ?: (s->host_root ? find_hidden(s, err) : 0);
}

static int add_device(struct share *s, const char *tag, void (*release)(void *ctx), struct vhosts *vhosts, struct r3_err *err)
{
	struct vhost_spec spec = { .program = PROGRAM, .end_ms = END_MS, .start = start, .ctx = s, .release = release };
	struct vm_vhost dev = { .kind = VM_VHOST_FS, .fd = -1, .queues = 1 };

	snprintf(dev.tag, sizeof(dev.tag), "%s", tag);
	snprintf(dev.name, sizeof(dev.name), "%s %s", s->is_root ? "root" : "share", s->opt->host);
	return vhosts_add(vhosts, &dev, &spec, err);
}

static int add(struct shares *all, int i, struct vhosts *vhosts, struct r3_err *err)
{
	struct share *s = &all->share[i];
	char tag[16];
	int ret, j;

	ret = open_share(s, err);
	/* What only shows once both are known. */
	for (j = 0; !ret && j < i; j++)
		if (!strcmp(all->share[j].guest, s->guest))
			ret = err_set(err, EINVAL, "--share %s and --share %s are at the same path in the guest: give one of them another", all->share[j].opt->text, s->opt->text);
	if (!ret && !s->is_root)
		ret = add_word(all, s, i, err);
	if (ret)
		return ret;
	snprintf(tag, sizeof(tag), "share%d", i);
	return add_device(s, s->is_root ? "root" : tag, NULL, vhosts, err);
}

struct shares *share_open(const struct shareopt *opt, int nr, const struct shareopt *root, enum jail_mode jail, struct vhosts *vhosts, struct r3_err *err)
{
	struct shares *all = calloc(1, sizeof(*all));
	int i, ret = 0;

	if (!all) {
		err_set(err, ENOMEM, "no memory for --share");
		return NULL;
	}
	for (i = 0; i < nr + !!root && !ret; i++) {
		all->share[i].is_root = i == nr;
		all->share[i].opt = i == nr ? root : &opt[i];
		all->share[i].jail = jail_mode_name(jail);
		all->nr = i + 1;
		ret = add(all, i, vhosts, err);
	}
	/* It lives as long as the guest, for which vhosts has pointers into it. */
	return ret ? NULL : all;
}

const char *share_words(const struct shares *shares)
{
	return shares->words;
}

bool share_is_at(const struct shares *shares, const char *guest)
{
	int i;

	for (i = 0; shares && i < shares->nr; i++)
		if (!shares->share[i].is_root && shareopt_same_place(shares->share[i].guest, guest))
			return true;
	return false;
}

/* ---- while the guest runs ---- */

static void release(void *ctx)
{
	struct share *s = ctx;

	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int share_plug(const struct shareopt *opt, const char *tag, enum jail_mode jail, struct vhosts *vhosts, char guest[PATH_MAX], struct r3_err *err)
{
	struct share *s = calloc(1, sizeof(*s));
	size_t len;
	int ret;

	if (!s)
		return err_set(err, ENOMEM, "no memory for --share");
	s->opt = opt;
	s->jail = jail_mode_name(jail);
	s->fd = -1;
	ret = open_share(s, err);
	len = strlen(s->guest);
	while (!ret && len > 1 && s->guest[len - 1] == '/')
		s->guest[--len] = 0;
	if (!ret)
		memcpy(guest, s->guest, len + 1);
	if (!ret)
		ret = add_device(s, tag, release, vhosts, err);
	if (ret)
		release(s);
	return ret;
}
