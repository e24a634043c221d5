// SPDX-License-Identifier: GPL-2.0-or-later
#include "request.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/iov.h"
#include "base/util.h"

const void *request_arg(struct request *r, size_t size)
{
	const void *p = r->args + r->at;

	if (r->nr_args - r->at < size)
		return NULL;
	r->at += size;
	return p;
}

size_t request_left(const struct request *r)
{
	return r->nr_args - r->at;
}

int request_text(struct request *r, const char **text, size_t max)
{
	const char *p = r->args + r->at;
	size_t len = strnlen(p, request_left(r));

	if (len == request_left(r))
		return -EINVAL;
	if (len > max)
		return -ENAMETOOLONG;
	r->at += len + 1;
	*text = p;
	return 0;
}

int request_name(struct request *r, const char **name)
{
	int ret = request_text(r, name, NAME_MAX);

	if (ret)
		return ret;
	if (!**name || strchr(*name, '/') || !strcmp(*name, ".") || !strcmp(*name, ".."))
		return -EINVAL;
	return 0;
}

int request_put(struct request *r, const void *data, size_t len)
{
	memcpy(r->reply, data, len);
	return len;
}

uint32_t request_answer(const struct virtq_chain *chain, uint64_t unique, int error, const void *payload, size_t len)
{
	const struct iovec *in = chain->iov + chain->nr_out;
	struct fuse_out_header out = { .error = error, .unique = unique };

	if (error)
		len = 0;
	out.len = sizeof(out) + len;
	if (payload && len)
		iov_write(in, chain->nr_in, sizeof(out), payload, len);
	iov_write(in, chain->nr_in, 0, &out, sizeof(out));
	return out.len;
}

static bool is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT && opcode != FUSE_NOTIFY_REPLY;
}

uint32_t request_serve(struct request *r)
{
	const struct virtq_chain *c = &r->chain;
	size_t len;
	int ret;

	r->direct = r->silent = r->later = false;
	r->at = 0;
	if (iov_read(c->iov, c->nr_out, 0, &r->in, sizeof(r->in)) != sizeof(r->in))
		return 0;
	r->room = c->in_len > sizeof(struct fuse_out_header) ? c->in_len - sizeof(struct fuse_out_header) : 0;
	if (is_answered(r->in.opcode) && c->in_len < sizeof(struct fuse_out_header))
		return 0;
	len = r->in.len >= sizeof(r->in) && r->in.len <= c->out_len ? r->in.len - sizeof(r->in) : 0;
	/* Of a write only what describes it; the data stays where it is. */
	if (r->in.opcode == FUSE_WRITE)
		len = min_t(size_t, len, sizeof(struct fuse_write_in));
	if (len > REQUEST_ARGS_MAX)
		return request_answer(c, r->in.unique, -E2BIG, NULL, 0);
	r->nr_args = iov_read(c->iov, c->nr_out, sizeof(r->in), r->args, len);
	r->args[r->nr_args] = '\0';

	ret = dispatch(r);
	if (r->later)
		return 0;
	if (r->silent || !is_answered(r->in.opcode))
		return 0;
	if (ret > 0 && (size_t)ret > r->room)
		ret = -EIO;
	return request_answer(c, r->in.unique, ret < 0 ? ret : 0, r->direct ? NULL : r->reply, ret > 0 ? ret : 0);
}
