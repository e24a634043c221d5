// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes. The guest's "user." ones are the host's. Others (security., trusted.,
 * which mean something to a kernel and are for the host's root to set) are kept as
 * "user.ring3.NAME". The one that says as whose an inode is seen is nobody's to see or set.
 * POSIX ACLs are not supported.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/util.h"
#include "op.h"

#define PREFIX		"user.ring3."
#define HOST_NAME_MAX_	(XATTR_NAME_MAX + 1)

static bool is_hidden(const char *host)
{
	return !strcmp(host, OWNER_XATTR);
}

/* The guest's name to the host's. */
static int host_name(const char *name, char host[HOST_NAME_MAX_])
{
	int n;

	if (!*name || !strchr(name, '.'))
		return -EOPNOTSUPP;
	if (!strncmp(name, PREFIX, strlen(PREFIX)) || is_hidden(name))
		return -EPERM;
	if (!strncmp(name, "system.", 7))
		return -EOPNOTSUPP;
	n = snprintf(host, HOST_NAME_MAX_, "%s%s", strncmp(name, "user.", 5) ? PREFIX : "", name);
	return n >= HOST_NAME_MAX_ ? -ERANGE : 0;
}

/* The inode, and a path to it below the worker's working directory. */
static int find(struct request *r, struct at *at, char path[16])
{
	int ret = at_get(r, r->in.nodeid, at);

	if (ret)
		return ret;
	snprintf(path, 16, "%d", at->fd);
	/* Host links and special files have none that who is not root could set. */
	return S_ISREG(at->inode->type) || S_ISDIR(at->inode->type) ? 0 : -EOPNOTSUPP;
}

/*
 * The inode's time of change is another one. An owner that is only kept here is kept on;
 * one that is on the host is read anew, as another request may have set it meanwhile.
 */
static void keep_owner(struct request *r, struct at *at)
{
	struct owner o;
	struct stat st;

	if (!fstat(at->fd, &st))
		inode_owner(r->share, at->inode, &st, &o);
}

int op_setxattr(struct request *r)
{
	/* Without FUSE_SETXATTR_EXT it is the short one. */
	const struct fuse_setxattr_in *in = request_arg(r, FUSE_COMPAT_SETXATTR_IN_SIZE);
	char host[HOST_NAME_MAX_], path[16];
	const char *name;
	const void *value;
	struct at at;
	int ret = in ? request_text(r, &name, XATTR_NAME_MAX) : -EINVAL;

	if (ret == -ENAMETOOLONG)
		ret = -ERANGE;
	if (ret)
		return ret;
	value = request_arg(r, in->size);
	if (!value)
		return -EINVAL;
	ret = host_name(name, host);
	if (ret)
		return ret;
	ret = find(r, &at, path);
	if (!ret) {
		ret = setxattr(path, host, value, in->size, in->flags) ? -errno : 0;
		keep_owner(r, &at);
	}
	at_put(r, &at);
	return ret;
}

int op_removexattr(struct request *r)
{
	char host[HOST_NAME_MAX_], path[16];
	const char *name;
	struct at at;
	int ret = request_text(r, &name, XATTR_NAME_MAX) ?: host_name(name, host);

	if (ret)
		return ret;
	ret = find(r, &at, path);
	if (!ret) {
		ret = removexattr(path, host) ? -errno : 0;
		keep_owner(r, &at);
	}
	at_put(r, &at);
	return ret;
}

/* To a caller that asks with 0 how much there is, or with the room that it has. */
static int answer(struct request *r, uint32_t size, ssize_t n)
{
	struct fuse_getxattr_out out = { .size = n };

	if (n < 0)
		return n;
	if (!size)
		return request_put(r, &out, sizeof(out));
	return (size_t)n > size ? -ERANGE : n;
}

int op_getxattr(struct request *r)
{
	const struct fuse_getxattr_in *in = ARG(r, fuse_getxattr_in);
	char host[HOST_NAME_MAX_], path[16];
	const char *name;
	struct at at;
	ssize_t n;
	int ret = in ? request_text(r, &name, XATTR_NAME_MAX) ?: host_name(name, host) : -EINVAL;

	if (ret == -EPERM)
		ret = -ENODATA;
	if (ret)
		return ret;
	ret = find(r, &at, path);
	if (!ret) {
		n = getxattr(path, host, r->reply, in->size ? min_t(size_t, in->size, sizeof(r->reply)) : 0);
		ret = answer(r, in->size, n < 0 ? -errno : n);
	} else if (ret == -EOPNOTSUPP) {
		ret = -ENODATA;
	}
	at_put(r, &at);
	return ret;
}

/* The host's list to the guest's, in place. Return: its length. */
static ssize_t translate(char *list, ssize_t n)
{
	size_t skip = strlen(PREFIX);
	char *from = list, *to = list, *end = list + n, *next;

	for (; from < end; from = next) {
		const char *name = from;
		size_t len;

		next = from + strlen(from) + 1;
		if (is_hidden(name) || strncmp(name, "user.", 5))
			continue;
		if (!strncmp(name, PREFIX, skip))
			name += skip;
		len = strlen(name) + 1;
		memmove(to, name, len);
		to += len;
	}
	return to - list;
}

int op_listxattr(struct request *r)
{
	const struct fuse_getxattr_in *in = ARG(r, fuse_getxattr_in);
	struct at at;
	char path[16];
	ssize_t n;
	int ret;

	if (!in)
		return -EINVAL;
	ret = find(r, &at, path);
	if (!ret) {
		n = listxattr(path, r->reply, sizeof(r->reply) - 1);
		if (n >= 0) {
			r->reply[n] = '\0';
			n = translate(r->reply, n);
		} else {
			n = -errno;
		}
		ret = answer(r, in->size, n);
	} else if (ret == -EOPNOTSUPP) {
		ret = answer(r, in->size, 0);
	}
	at_put(r, &at);
	return ret;
}
