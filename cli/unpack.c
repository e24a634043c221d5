// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. The process gets one socket and the archive, and asks for
 * what else it needs: unpack/parent.c has the messages. It is trusted with nothing:
 * a digest is one or is refused, a file of a layout is one below its directory,
 * words are shown as one line. What it has made becomes part of the cache only when
 * it says that it is done.
 */
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "progress.h"
#include "sendfds.h"
#include "text.h"

#define PROGRAM		"ring3-unpack"
#define SAY_MAX		1200
#define FILES_MAX	4096		/* blobs that it may ask for */

struct unpack {
	const struct rootref *ref;
	int dir, layout;		/* cache; OCI layout, -1: there is none */
	int sock;
	struct rootcache_new new;
	bool making, known;
	char digest[ROOTCACHE_DIGEST];
	unsigned int files;
	struct progress_line line;
};

/* ---- files ---- */

static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	/* Where a container's filter does not know the call: no link, then. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(dir, path, how.flags | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int regular(int fd)
{
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static const char *why(int error)
{
	return error == -EINVAL ? "it is not a regular file" : strerror(-error);
}

static int open_layout(struct unpack *u, struct r3_err *err)
{
	const char *path = u->ref->path;
	int fd;

	u->layout = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->layout < 0)
		return err_set(err, errno, "cannot open the OCI layout %s: %s", path, strerror(errno));
	fd = regular(open_beneath(u->layout, "index.json"));
	if (fd < 0 || faccessat(u->layout, "oci-layout", F_OK, 0) < 0) {
		if (fd >= 0)
			close(fd);
		return err_set(err, EINVAL, "%s is not an OCI layout: a directory with oci-layout, index.json and blobs", path);
	}
	return fd;
}

static int open_archive(struct unpack *u, struct r3_err *err)
{
	int fd;

	if (u->ref->kind == ROOTREF_OCI)
		return open_layout(u, err);
	fd = open(u->ref->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno, "cannot open the root's archive %s: %s", u->ref->path, strerror(errno));
	fd = regular(fd);
	return fd < 0 ? err_set(err, EINVAL, "the root's archive %s is not a regular file", u->ref->path) : fd;
}

/* ---- messages ---- */

static int answer(struct unpack *u, const char *text, const int *fds, int nr)
{
	return send_fds(u->sock, text, strlen(text), fds, nr, 0);
}

static bool is_digest(const char *text)
{
	return strlen(text) == ROOTCACHE_DIGEST - 1 && strspn(text, "0123456789abcdef") == ROOTCACHE_DIGEST - 1;
}

/* The file, and no more of it here. */
static int give(struct unpack *u, int fd, const char *what)
{
	char text[600];
	int ret;

	if (fd < 0) {
		snprintf(text, sizeof(text), "no its %s is missing or cannot be read: %s", what, why(fd));
		return answer(u, text, NULL, 0);
	}
	ret = answer(u, "ok", &fd, 1);
	close(fd);
	return ret;
}

static int give_blob(struct unpack *u, const char *digest)
{
	char path[128], what[100];

	if (u->layout < 0 || !is_digest(digest) || ++u->files > FILES_MAX)
		return -EPROTO;
	snprintf(path, sizeof(path), "blobs/sha256/%s", digest);
	snprintf(what, sizeof(what), "blob sha256:%s", digest);
	return give(u, regular(open_beneath(u->layout, path)), what);
}

static int give_image(struct unpack *u, const char *digest, struct r3_err *err)
{
	int ret;

	if (u->known || !is_digest(digest))
		return -EPROTO;
	u->known = true;
	snprintf(u->digest, sizeof(u->digest), "%s", digest);
	ret = rootcache_begin(u->dir, digest, &u->new, err);
	if (ret < 0)
		return ret;
	if (ret)
		return answer(u, "have", NULL, 0);
	u->making = true;
	return answer(u, "make", (int[]){ u->new.image, u->new.settings }, 2);
}

/* 1: it is done. -EPROTO: what it says makes no sense. */
static int take(struct unpack *u, char *text, struct r3_err *err)
{
	err->msg[0] = 0;
	if (!strncmp(text, "blob ", 5))
		return give_blob(u, text + 5);
	if (!strcmp(text, "scratch"))
		return ++u->files > FILES_MAX ? -EPROTO : give(u, rootcache_scratch(u->dir, err), "unpacked form");
	if (!strncmp(text, "image ", 6))
		return give_image(u, text + 6, err);
	if (!strncmp(text, "progress ", 9)) {
		progress_at(&u->line, min_t(unsigned int, strtoul(text + 9, NULL, 10), 99));
		return 0;
	}
	if (!strncmp(text, "error ", 6)) {
		text_line(text);
		return err_set(err, EINVAL, "--root %s:%s%s%s: %s", rootref_kind_name(u->ref->kind), u->ref->path,
			       u->ref->name[0] ? ":" : "", u->ref->name, text + 6);
	}
	return !strcmp(text, "done") && u->known ? 1 : -EPROTO;
}

static int serve(struct unpack *u, struct backend *b, struct r3_err *err)
{
	char text[SAY_MAX], how[200];
	ssize_t n;
	int ret;

	for (;;) {
		n = recv(u->sock, text, sizeof(text) - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		text[n] = 0;
		ret = take(u, text, err);
		if (ret == -EPROTO)
			return err_set(err, ret, PROGRAM " says what makes no sense");
		if (ret < 0 && !err->msg[0])
			break;
		if (ret)
			return ret;
	}
	/* It has closed the socket by its end. */
	while (!backend_reap(b, how, sizeof(how)))
		usleep(1000);
	return err_set(err, EIO, "--root %s:%s: " PROGRAM " %s%s%s", rootref_kind_name(u->ref->kind), u->ref->path, how,
		       b->last[0] ? ": " : "", b->last);
}

static int run(struct unpack *u, int archive, enum jail_mode jail, struct r3_err *err)
{
	char path[PATH_MAX];
	char *argv[] = { PROGRAM, (char *)jail_mode_name(jail), (char *)rootref_kind_name(u->ref->kind),
			 u->ref->name[0] ? (char *)u->ref->name : NULL, NULL };
	const char *base = strrchr(u->ref->path, '/');
	struct backend b;
	int sv[2], ret;

	ret = backend_find(PROGRAM, "the build makes it where libarchive and libext2fs are (Debian's packages libarchive-dev and libext2fs-dev)",
			   path, sizeof(path), err);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(err, errno, "no socket for " PROGRAM ": %s", strerror(errno));
	ret = backend_start(&b, PROGRAM, path, argv, (int[]){ sv[1], archive }, 2, err);
	close(sv[1]);
	if (ret) {
		close(sv[0]);
		return ret;
	}
	u->sock = sv[0];
	snprintf(path, sizeof(path), "root disk of %.200s", base && base[1] ? base + 1 : u->ref->path);
	progress_begin(&u->line, path);
	ret = serve(u, &b, err);
	progress_end(&u->line, ret == 1);
	close(sv[0]);
	backend_end(&b, ret == 1 ? 2000 : 0);
	return ret == 1 ? 0 : ret;
}

int unpack_root(const struct rootref *ref, enum jail_mode jail, int dir, char *digest, struct r3_err *err)
{
	struct unpack u = { .ref = ref, .dir = dir, .layout = -1, .new = { .lock = -1, .image = -1, .settings = -1 } };
	char what[PATH_MAX];
	cleanup_close int archive = -1;
	struct stat st;
	char *settings;
	size_t len;
	int ret;

	archive = open_archive(&u, err);
	if (archive < 0)
		return archive;
	snprintf(what, sizeof(what), "%s:%s", rootref_kind_name(ref->kind), ref->name);
	if (fstat(archive, &st) < 0)
		return err_set(err, errno, "the root's archive %s cannot be read: %s", ref->path, strerror(errno));
	if (ref->kind != ROOTREF_OCI && rootcache_recall(dir, &st, what, digest) && rootcache_have(dir, digest, &settings, &len)) {
		free(settings);
		return 0;
	}
	ret = run(&u, archive, jail, err);
	if (!ret && u.making)
		ret = rootcache_commit(dir, &u.new, err);
	else
		rootcache_abort(dir, &u.new);
	if (u.layout >= 0)
		close(u.layout);
	if (ret)
		return ret;
	strcpy(digest, u.digest);
	if (ref->kind != ROOTREF_OCI)
		rootcache_note(dir, &st, archive, what, digest);
	return 0;
}
