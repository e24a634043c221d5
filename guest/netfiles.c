// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netfiles.h"

#define RESOLV		"/etc/resolv.conf"
#define HOSTS		"/etc/hosts"
#define OVER		"/run/ring3"
#define TEXT_MAX	4096
/* The first line of what is ours to write again. */
#define OURS		"# The name servers of ring3's network.\n"

/* ---- files ---- */

static int make_parents(const char *path)
{
	char dir[PATH_MAX];
	char *p;

	snprintf(dir, sizeof(dir), "%s", path);
	for (p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

int netfiles_put(const char *path, const char *text, size_t len, unsigned int mode)
{
	int ret = make_parents(path), fd;
	ssize_t n;

	if (ret)
		return ret;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	ret = n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
	close(fd);
	return ret;
}

/* All of a small file as text; "" if there is none. */
static void get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
}

/* An absolute path without "." and ".."; false if it does not fit or climbs above the root. */
static bool normalize(const char *from, char *to, size_t size)
{
	size_t len = 0, n;

	for (; *from; from += n) {
		from += strspn(from, "/");
		n = strcspn(from, "/");
		if (!n || (n == 1 && from[0] == '.'))
			continue;
		if (n == 2 && from[0] == '.' && from[1] == '.') {
			if (!len)
				return false;
			while (to[--len] != '/')
				;
			continue;
		}
		if (len + n + 2 > size)
			return false;
		to[len++] = '/';
		memcpy(to + len, from, n);
		len += n;
	}
	to[len] = 0;
	return len;
}

/* Where a symbolic link leads, one step; its own path if it is none. */
static bool follow(const char *path, char *target, size_t size)
{
	char link[PATH_MAX], full[PATH_MAX + 64];
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	if (n < 0) {
		snprintf(target, size, "%s", path);
		return true;
	}
	link[n] = 0;
	if (link[0] == '/')
		snprintf(full, sizeof(full), "%s", link);
	else
		snprintf(full, sizeof(full), "%.*s/%s", (int)(strrchr(path, '/') - path), path, link);
	return normalize(full, target, size);
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

/* A file that cannot be written is covered by one that can. */
static int cover(const char *path, const char *text, size_t len)
{
	char over[PATH_MAX];
	int ret;

	if (access(path, F_OK))
		return -errno;
	snprintf(over, sizeof(over), OVER "%s", strrchr(path, '/'));
	ret = netfiles_put(over, text, len, 0644);
	if (!ret && mount(over, path, NULL, MS_BIND, NULL) < 0)
		ret = -errno;
	return ret;
}

/* ---- name servers ---- */

static size_t resolv_text(const struct net *net, char *text, size_t size)
{
	size_t len = snprintf(text, size, OURS);
	char address[64];
	int i;

	for (i = 0; i < net->nr_servers && i < 3; i++) {
		net_text(&net->server[i], false, address, sizeof(address));
		len += snprintf(text + len, size - len, "nameserver %s\n", address);
	}
	return len;
}

static bool names_server(const char *text)
{
	const char *line;

	for (line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0)
		if (!strncmp(line, "nameserver", 10))
			return true;
	return false;
}

static int put_resolv(const struct netfiles *f)
{
	char text[512], old[TEXT_MAX], target[PATH_MAX];
	size_t len = resolv_text(f->net, text, sizeof(text));

	if (!follow(RESOLV, target, sizeof(target)))
		return -ELOOP;
	if (strcmp(target, RESOLV) && is_below(target, "/run")) {
		/* A service of the root's init makes it, and is told what to put there. Without it, we do. */
		return f->init ? 0 : netfiles_put(target, text, len, 0644);
	}
	get(RESOLV, old, sizeof(old));
	if (f->kept && names_server(old) && strncmp(old, OURS, strlen(OURS)))
		return 0;
	if (!strcmp(old, text))
		return 0;
	if (f->readonly)
		return cover(RESOLV, text, len);
	if (strcmp(target, RESOLV) && unlink(RESOLV) < 0)
		return -errno;
	return netfiles_put(RESOLV, text, len, 0644);
}

/* ---- the guest's own name ---- */

static bool has_name(const char *hosts, const char *name)
{
	size_t n = strlen(name);
	const char *p = hosts;

	while ((p = strstr(p, name))) {
		if (p > hosts && strchr(" \t", p[-1]) && (!p[n] || strchr(" \t\n#", p[n])))
			return true;
		p += n;
	}
	return false;
}

/* sudo, PostgreSQL and many others ask for their own host's address. */
static int put_hosts(const struct netfiles *f)
{
	char text[TEXT_MAX + 128];
	size_t len;

	if (!f->hostname[0] || f->kept || f->init)
		return 0;
	get(HOSTS, text, TEXT_MAX);
	len = strlen(text);
	/* One that does not fit is somebody's own, and so is one with the name. */
	if (len == TEXT_MAX - 1 || has_name(text, f->hostname))
		return 0;
	if (!len)
		len = snprintf(text, sizeof(text), "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	len += snprintf(text + len, sizeof(text) - len, "%s127.0.1.1\t%s\n", len && text[len - 1] != '\n' ? "\n" : "", f->hostname);
	return f->readonly ? cover(HOSTS, text, len) : netfiles_put(HOSTS, text, len, 0644);
}

/* ---- systemd ---- */

static int put_networkd(const struct net *net, const struct net_card *card)
{
	char text[1024], path[128], address[64];
	size_t len;
	int i;

	len = snprintf(text, sizeof(text), "# Written by ring3: what the card has already.\n"
		       "[Match]\nMACAddress=%02x:%02x:%02x:%02x:%02x:%02x\n\n[Network]\n"
		       "DHCP=no\nIPv6AcceptRA=no\nKeepConfiguration=yes\n",
		       card->mac[0], card->mac[1], card->mac[2], card->mac[3], card->mac[4], card->mac[5]);
	for (i = 0; i < card->nr_addresses; i++) {
		net_text(&card->address[i], true, address, sizeof(address));
		len += snprintf(text + len, sizeof(text) - len, "Address=%s\n", address);
	}
	for (i = 0; i < card->nr_routers; i++) {
		net_text(&card->router[i], false, address, sizeof(address));
		len += snprintf(text + len, sizeof(text) - len, "Gateway=%s\n", address);
	}
	for (i = 0; card == net->card && i < net->nr_servers; i++) {
		net_text(&net->server[i], false, address, sizeof(address));
		len += snprintf(text + len, sizeof(text) - len, "DNS=%s\n", address);
	}
	snprintf(path, sizeof(path), "/run/systemd/network/70-ring3-%d.network", (int)(card - net->card));
	return netfiles_put(path, text, len, 0644);
}

static int put_resolved(const struct net *net)
{
	char text[512], address[64];
	size_t len = snprintf(text, sizeof(text), "# Written by ring3.\n[Resolve]\nDNS=");
	int i;

	for (i = 0; i < net->nr_servers; i++) {
		net_text(&net->server[i], false, address, sizeof(address));
		len += snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "", address);
	}
	len += snprintf(text + len, sizeof(text) - len, "\n");
	return netfiles_put("/run/systemd/resolved.conf.d/50-ring3.conf", text, len, 0644);
}

/* systemd takes a /run that it finds. */
static void mount_run(void)
{
	struct stat run, root;

	if (!stat("/run", &run) && !stat("/", &root) && run.st_dev == root.st_dev)
		mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
}

static int put_systemd(const struct net *net)
{
	int ret = 0, i;

	if (access("/lib/systemd/systemd", X_OK) && access("/usr/lib/systemd/systemd", X_OK))
		return 0;
	mount_run();
	for (i = 0; !ret && i < net->nr_cards; i++)
		if (net->card[i].nr_addresses)
			ret = put_networkd(net, &net->card[i]);
	if (!ret && net->nr_servers)
		ret = put_resolved(net);
	return ret;
}

int netfiles_write(const struct netfiles *f, char *why, size_t size)
{
	const char *what = RESOLV;
	int ret = 0;

	if (f->init) {
		what = "/run/systemd";
		ret = put_systemd(f->net);
	}
	if (!ret && f->net->nr_servers) {
		what = RESOLV;
		ret = put_resolv(f);
	}
	if (!ret) {
		what = HOSTS;
		ret = put_hosts(f);
	}
	if (ret)
		snprintf(why, size, "%s cannot be written", what);
	return ret;
}
