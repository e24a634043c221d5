// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest is not shown of a host's root, asked by one that knows every name: hostroot
 * PROGRAM. Makes a small root in the working directory. The program has to say that it is a
 * plain user's, or root's: the files are all this process's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/util.h"
#include "front.h"
#include "../unit/tap.h"

#define ROOT	1

static struct front f;

static void dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) || chmod(path, mode))
		tap_bail("%s: %s", path, strerror(errno));
}

static void put(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd < 0 || write(fd, "text\n", 5) != 5 || fchmod(fd, mode))
		tap_bail("%s: %s", path, strerror(errno));
	close(fd);
}

static void make(void)
{
	static const char *const dirs[] = { "share", "share/usr", "share/usr/bin", "share/etc", "share/opt", "share/opt/named", "share/var", "share/var/lib",
					    "share/var/log", "share/home", "share/home/me", "share/data", "share/tmp", "share/proc" };
	static const char *const files[] = { "share/usr/bin/tool", "share/etc/passwd", "share/etc/fstab", "share/etc/machine-id", "share/opt/named/x",
					     "share/opt/file", "share/opt/tool", "share/var/lib/db", "share/var/log/syslog", "share/home/me/key", "share/data/x",
					     "share/swap", "share/tmp/x" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		dir(dirs[i], 0755);
	dir("share/root", 0700);
	dir("share/usr/group", 0750);
	dir("share/usr/none", 0);
	dir("share/usr/search", 0711);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		put(files[i], 0644);
	put("share/etc/shadow", 0640);
	put("share/root/key", 0644);
	put("share/usr/group/x", 0644);
	put("share/usr/search/x", 0644);
	put("share/usr/bin/su", 04755);
	put("share/usr/bin/mine", 0700);
	if (symlink("usr/bin", "share/bin") || symlink("/home/me/key", "share/usr/link") || mkfifo("share/usr/fifo", 0644) ||
	    link("share/etc/shadow", "share/usr/linked"))
		tap_bail("%s", strerror(errno));
}

/* A path by its names: a node, or what the first one gave that is none. */
static int64_t walk(const char *path)
{
	char text[256], *part, *rest = text;
	int64_t node = ROOT;

	snprintf(text, sizeof(text), "%s", path);
	while (node > 0 && (part = strsep(&rest, "/")))
		node = front_lookup(&f, node, part, strlen(part) + 1);
	return node;
}

static void there(const char *path)
{
	ok(walk(path) > 0, "%s is there", path);
}

static void hidden(const char *path)
{
	is(walk(path), -ENOENT, "%s is not", path);
}

static int open_path(const char *path)
{
	struct fuse_open_in in = { .flags = O_RDONLY };
	int64_t node = walk(path);

	return node < 0 ? (int)node : front_ask(&f, FUSE_OPEN, node, &in, sizeof(in));
}

static mode_t mode_of(const char *path)
{
	struct fuse_getattr_in in = { 0 };
	int64_t node = walk(path);

	if (node < 0 || front_ask(&f, FUSE_GETATTR, node, &in, sizeof(in)) < 0)
		return 0;
	return ((struct fuse_attr_out *)front_answer(&f))->attr.mode;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* All names in a directory, sorted, with a space behind each; by both kinds of requests. */
static const char *names(const char *path, bool plus)
{
	struct fuse_open_in open_in = { .flags = O_RDONLY };
	struct fuse_read_in in = { .size = 32768 };
	static char text[1000], name[64][32];
	int64_t node = *path ? walk(path) : ROOT;
	int n, at, nr = 0, used = 0;

	if (node < 0 || front_ask(&f, FUSE_OPENDIR, node, &open_in, sizeof(open_in)) < 0)
		return "cannot be opened";
	in.fh = ((struct fuse_open_out *)front_answer(&f))->fh;
	n = front_ask2(&f, plus ? FUSE_READDIRPLUS : FUSE_READDIR, node, &in, sizeof(in), NULL, 0, in.size);
	for (at = 0; at < n && nr < 64; nr++) {
		struct fuse_dirent *e = (void *)((char *)front_answer(&f) + at + (plus ? sizeof(struct fuse_entry_out) : 0));

		snprintf(name[nr], sizeof(name[nr]), "%.*s", (int)e->namelen, e->name);
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + e->namelen) + (plus ? sizeof(struct fuse_entry_out) : 0);
	}
	qsort(name, nr, sizeof(name[0]), by_name);
	for (text[0] = at = 0; at < nr; at++)
		used += snprintf(text + used, sizeof(text) - used, "%s ", name[at]);
	return n < 0 ? "cannot be read" : text;
}

static void lists(const char *path, const char *want)
{
	for (int plus = 0; plus < 2; plus++) {
		const char *got = names(path, plus);

		if (!ok(!strcmp(got, want), "/%s lists what is shown%s", path, plus ? ", with attributes" : ""))
			tap_note("it lists %s", got);
	}
}

int main(int argc, char **argv)
{
	static const char *const args[] = { "--host-root", "--hide", "/opt/named", "--hide", "/opt/file", "--hide", "/opt/later", "--hide", "/none/x", NULL };
	struct fuse_mkdir_in mkdir_in = { .mode = 0755 };
	char words[2000], request[sizeof(mkdir_in) + 2];
	int status;

	if (argc < 2)
		return 2;
	umask(0);
	make();
	front_spawn(&f, argv[1], "share", args, 0);
	if (!front_connect(&f) || !front_init(&f)) {
		front_end(&f, words, sizeof(words));
		tap_bail("ring3-fs does not start: %s", words);
	}

	there("usr/bin/tool");
	there("bin");
	there("etc/passwd");
	there("var/lib/db");
	there("opt/tool");
	there("usr/link");
	lists("", ". .. bin data etc home opt proc root tmp usr var ");
	lists("etc", ". .. passwd ");
	lists("usr", ". .. bin group link none search ");
	lists("opt", ". .. named tool ");
	lists("usr/bin", ". .. su tool ");
	for (size_t i = 0; i < 9; i++)
		lists(((const char *const []){ "home", "data", "root", "tmp", "proc", "opt/named", "var/log", "usr/group", "usr/none" })[i], ". .. ");
	hidden("home/me");
	hidden("root/key");
	hidden("data/x");
	hidden("tmp/x");
	hidden("swap");
	hidden("etc/shadow");
	hidden("etc/fstab");
	hidden("etc/machine-id");
	hidden("usr/linked");
	hidden("usr/fifo");
	hidden("usr/bin/mine");
	hidden("usr/group/x");
	hidden("usr/search/x");
	hidden("usr/none/x");
	hidden("opt/named/x");
	hidden("opt/file");
	hidden("var/log/syslog");
	is(open_path("usr/bin/tool") >= 0, 1, "a program is opened");
	is(mode_of("usr/bin/tool"), S_IFREG | 0644, "with its mode");
	if (!setxattr("share/usr/bin/tool", "user.containers.override_stat", "0:0:4755:file", 13, 0)) {
		sleep(1);
		is(mode_of("usr/bin/tool"), S_IFREG | 0644, "an attribute that names another one does not count");
	}
	is(!!(mode_of("usr/bin/su") & S_ISUID), 1, "a set-user-ID bit is shown, as its owner is");

	/* The host changes while the guest runs. */
	put("share/opt/new", 0644);
	if (rename("share/opt/new", "share/opt/file") || rename("share/home", "share/home.old") || mkdir("share/home", 0755) || mkdir("share/late", 0755) ||
	    mkdir("share/usr/late", 0755) || mkdir("share/opt/later", 0755))
		tap_bail("%s", strerror(errno));
	put("share/home/x", 0644);
	put("share/late/x", 0644);
	put("share/usr/late/x", 0644);
	put("share/opt/later/x", 0644);
	hidden("opt/file");
	hidden("home/x");
	hidden("home.old/me");
	hidden("late/x");
	hidden("opt/later/x");
	there("usr/late/x");
	chmod("share/usr/bin/tool", 0600);
	is(walk("usr/bin/tool"), -ENOENT, "a program that became private is hidden");
	chmod("share/usr/bin/tool", 0644);
	there("usr/bin/tool");

	memcpy(request, &mkdir_in, sizeof(mkdir_in));
	memcpy(request + sizeof(mkdir_in), "d", 2);
	is(front_ask(&f, FUSE_MKDIR, walk("usr"), request, sizeof(request)), -EROFS, "nothing is made");
	is(front_ask(&f, FUSE_UNLINK, walk("usr/bin"), "tool", 5), -EROFS, "and nothing removed");
	is(access("share/usr/bin/tool", F_OK), 0, "on the host it is as it was");
	status = front_end(&f, words, sizeof(words));
	if (!ok(status == 0, "it ends when the front end does"))
		tap_note("status %d: %s", status, words);
	return tap_done();
}
